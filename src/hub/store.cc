#include "hub/store.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "http/url.h"
#include "hub/quantisation.h"
#include "sys/file_bytes.h"

namespace whet::hub {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr uint64_t kMaxManifestBytes = uint64_t{1} << 20;
constexpr std::string_view kRepositoryPrefix = "models--";
constexpr std::string_view kModelLayer = "application/vnd.ollama.image.model";

/// Entries of a directory, sorted; none where it cannot be read.
std::vector<fs::path> entries(const fs::path& directory) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    paths.push_back(at->path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

/// Regular files below a directory, relative to it, sorted; links to files count, links to
/// directories are not followed.
std::vector<std::string> files_below(const fs::path& directory) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::recursive_directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error)) {
    std::error_code ignored;
    if (at->is_regular_file(ignored)) {
      files.push_back(at->path().lexically_relative(directory).generic_string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

uint64_t size_of(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : size;
}

std::string first_line_of(const fs::path& path) {
  const auto text = read_file(path.string(), kMaxManifestBytes);
  return text.ok() ? text->substr(0, text->find_first_of("\r\n")) : "";
}

/// A model in a snapshot: a GGUF file with its further parts, or SafeTensors.
struct SnapshotModel {
  std::string variant;             // quantisation, or the file's name where that is not unique
  std::string file;                // to open; empty: the snapshot itself
  std::vector<std::string> files;  // all that belongs to it
};

std::vector<SnapshotModel> models_in(const fs::path& snapshot) {
  const std::vector<std::string> files = files_below(snapshot);
  std::vector<SnapshotModel> models;
  SnapshotModel tensors;
  for (const std::string& file : files) {
    if (!file.ends_with(".gguf")) {
      tensors.files.push_back(file);
      continue;
    }
    if (!is_model_file(file)) continue;
    const auto part = split_part_of(file);
    if (part && part->number > 1) {
      if (!models.empty()) models.back().files.push_back(file);  // sorted: behind the first
      continue;
    }
    models.push_back({quantisation_of(file), file, {file}});
  }
  std::map<std::string, int> n_of;
  for (const SnapshotModel& model : models) ++n_of[model.variant];
  for (SnapshotModel& model : models) {
    if (model.variant.empty() || n_of[model.variant] > 1) model.variant = model.file;
  }
  const bool has_tensors =
      std::any_of(tensors.files.begin(), tensors.files.end(),
                  [](const std::string& file) { return file.ends_with(".safetensors"); });
  const bool has_config =
      std::find(tensors.files.begin(), tensors.files.end(), "config.json") != tensors.files.end();
  if (has_tensors && has_config) models.push_back(std::move(tensors));
  return models;
}

/// The snapshot that a revision means: a branch or tag by its ref, or a commit.
fs::path snapshot_of(const Reference& reference, const Settings& settings) {
  const fs::path repository = hf_repository_path(reference, settings);
  const std::string commit = first_line_of(repository / "refs" / reference.revision);
  const std::string& name = commit.empty() ? reference.revision : commit;
  return is_safe_path(name) ? repository / "snapshots" / name : repository / "snapshots" / "none";
}

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

Error not_here(const Reference& reference) {
  return Error(
      ErrorCode::kNotFound,
      fmt::format("{0}: expected it on this machine, found nothing; whet pull {0} gets it, "
                  "whet ls lists what is here",
                  reference.text()));
}

Result<SnapshotModel> find_in_snapshot(const Reference& reference, const fs::path& snapshot) {
  std::vector<SnapshotModel> models = models_in(snapshot);
  const auto named = [&](std::string_view variant) {
    return std::find_if(models.begin(), models.end(), [&](const SnapshotModel& model) {
      return same_word(model.variant, variant) || model.file == variant ||
             same_word(quantisation_of(model.file), variant);
    });
  };
  if (models.empty()) return not_here(reference);
  if (!reference.variant.empty()) {
    const auto found = named(reference.variant);
    if (found == models.end()) return not_here(reference);
    return std::move(*found);
  }
  if (models.size() == 1) return std::move(models.front());
  if (const auto found = named(kDefaultQuantisation); found != models.end()) {
    return std::move(*found);
  }
  std::vector<std::string> variants;
  for (const SnapshotModel& model : models) variants.push_back(model.variant);
  return Error(
      ErrorCode::kInvalidArgument,
      fmt::format("{}: expected one of its files, as {}:{}; there are {}", reference.text(),
                  reference.text(), variants.front(), fmt::join(variants, ", ")));
}

struct Manifest {
  std::string model;                 // digest
  std::vector<std::string> digests;  // of all layers and the configuration
};
std::optional<Manifest> read_manifest(const fs::path& path) {
  const auto text = read_file(path.string(), kMaxManifestBytes);
  if (!text.ok()) return std::nullopt;
  const Json json = Json::parse(*text, nullptr, false);
  if (!json.is_object() || !json.contains("layers") || !json["layers"].is_array()) {
    return std::nullopt;
  }
  Manifest manifest;
  const auto add = [&](const Json& layer) {
    if (!layer.is_object() || !layer.contains("digest") || !layer["digest"].is_string()) return;
    manifest.digests.push_back(layer["digest"]);
    const auto type = layer.find("mediaType");
    if (type != layer.end() && *type == kModelLayer && manifest.model.empty()) {
      manifest.model = layer["digest"];
    }
  };
  for (const Json& layer : json["layers"]) add(layer);
  if (json.contains("config")) add(json["config"]);
  if (manifest.model.empty()) return std::nullopt;
  return manifest;
}

void add_hugging_face(const Settings& settings, std::vector<StoredModel>& all) {
  for (const fs::path& repository : entries(settings.hf_cache)) {
    std::string name = repository.filename().string();
    if (!name.starts_with(kRepositoryPrefix)) continue;
    name.erase(0, kRepositoryPrefix.size());
    const size_t dashes = name.find("--");
    if (dashes == name.npos) continue;
    name.replace(dashes, 2, "/");
    const std::string main = first_line_of(repository / "refs" / "main");
    for (const fs::path& snapshot : entries(repository / "snapshots")) {
      const std::string commit = snapshot.filename().string();
      for (const SnapshotModel& model : models_in(snapshot)) {
        Reference reference{
            Origin::kHuggingFace, name, commit == main ? "main" : commit, model.variant, {}};
        StoredModel stored{reference.text(), (snapshot / model.file).string(), 0};
        if (model.file.empty()) stored.path = snapshot.string();
        for (const std::string& file : model.files) stored.n_bytes += size_of(snapshot / file);
        all.push_back(std::move(stored));
      }
    }
  }
}

void add_ollama(const Settings& settings, std::vector<StoredModel>& all) {
  const fs::path manifests = fs::path(settings.ollama_store) / "manifests";
  for (const std::string& file : files_below(manifests)) {
    // host/namespace/name/tag
    const size_t host = file.find('/'), tag = file.rfind('/');
    if (host == file.npos || tag == host) continue;
    const Reference reference{Origin::kOllama,
                              file.substr(host + 1, tag - host - 1),
                              {},
                              file.substr(tag + 1),
                              file.substr(0, host)};
    const auto manifest = read_manifest(manifests / file);
    if (!manifest) continue;
    const auto path = ollama_blob_path(manifest->model, settings);
    if (!path.ok() || !fs::exists(*path)) continue;
    all.push_back({reference.text(), *path, size_of(*path)});
  }
}

void add_own(const Settings& settings, std::vector<StoredModel>& all) {
  for (const std::string& file : files_below(settings.own_store)) {
    if (!file.ends_with(".gguf") || !is_model_file(file)) continue;
    const fs::path path = fs::path(settings.own_store) / file;
    all.push_back({path.string(), path.string(), size_of(path)});
  }
}

Result<uint64_t> remove_file(const fs::path& path) {
  const uint64_t n_bytes = size_of(path);
  std::error_code error;
  if (!fs::remove(path, error) && error) {
    return Error(ErrorCode::kIo,
                 fmt::format("cannot remove {}: {}", path.string(), error.message()));
  }
  return n_bytes;
}

/// The blob behind a link of a snapshot, if no other snapshot has a link to it.
Result<uint64_t> remove_hugging_face(const Reference& reference, const Settings& settings) {
  const fs::path snapshot = snapshot_of(reference, settings);
  WHET_TRY(const SnapshotModel model, find_in_snapshot(reference, snapshot));
  uint64_t n_freed = 0;
  const fs::path snapshots = snapshot.parent_path();
  for (const std::string& file : model.files) {
    const fs::path link = snapshot / file;
    std::error_code error;
    const fs::path blob = fs::is_symlink(link, error) ? fs::canonical(link, error) : link;
    if (blob != link) {
      // A blob elsewhere is not of this store.
      const fs::path store = fs::canonical(snapshots.parent_path(), error);
      const fs::path inside = blob.lexically_relative(store);
      if (inside.empty() || *inside.begin() == "..") {
        return Error(ErrorCode::kIo, fmt::format("{}: expected a link into {}, found one to {}",
                                                 link.string(), store.string(), blob.string()));
      }
      fs::remove(link, error);
    }
    bool is_used = false;
    for (const fs::path& other : entries(snapshots)) {
      for (const std::string& name : files_below(other)) {
        is_used |= blob != link && fs::canonical(other / name, error) == blob;
      }
    }
    if (is_used) continue;
    WHET_TRY(const uint64_t n, remove_file(blob));
    n_freed += n;
  }
  return n_freed;
}

Result<uint64_t> remove_ollama(const Reference& reference, const Settings& settings) {
  const fs::path path = ollama_manifest_path(reference, settings);
  const auto manifest = read_manifest(path);
  if (!manifest) return not_here(reference);
  WHET_TRY(uint64_t n_freed, remove_file(path));
  const fs::path manifests = fs::path(settings.ollama_store) / "manifests";
  std::set<std::string> used;
  for (const std::string& file : files_below(manifests)) {
    if (const auto other = read_manifest(manifests / file)) {
      used.insert(other->digests.begin(), other->digests.end());
    }
  }
  for (const std::string& digest : manifest->digests) {
    if (used.contains(digest)) continue;
    const auto blob = ollama_blob_path(digest, settings);
    if (!blob.ok()) continue;  // not a name of ours
    WHET_TRY(const uint64_t n, remove_file(*blob));
    n_freed += n;
  }
  return n_freed;
}

}  // namespace

std::string hf_repository_path(const Reference& reference, const Settings& settings) {
  std::string name = reference.name;
  name.replace(name.find('/'), 1, "--");
  return (fs::path(settings.hf_cache) / (std::string(kRepositoryPrefix) + name)).string();
}

std::string ollama_manifest_path(const Reference& reference, const Settings& settings) {
  return (fs::path(settings.ollama_store) / "manifests" / reference.host / reference.name /
          reference.variant)
      .string();
}

Result<std::string> ollama_blob_path(const std::string& digest, const Settings& settings) {
  constexpr std::string_view kPrefix = "sha256:";
  if (!digest.starts_with(kPrefix) || !is_sha256(digest.substr(kPrefix.size()))) {
    return Error(ErrorCode::kInvalidModel,
                 fmt::format("expected a digest as sha256:HEX, found \"{}\"", digest));
  }
  return (fs::path(settings.ollama_store) / "blobs" / ("sha256-" + digest.substr(kPrefix.size())))
      .string();
}

Result<std::string> own_path(const Reference& reference, const Settings& settings) {
  WHET_TRY(const http::Url url, http::parse_url(reference.name));
  std::string file = url.target.substr(0, url.target.find('?'));
  file.erase(0, file.rfind('/') + 1);
  const std::string path = url.host + "/" + file;
  if (file.empty() || !is_safe_path(path)) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}: expected an address that ends in a file's name", reference.name));
  }
  return (fs::path(settings.own_store) / path).string();
}

std::vector<StoredModel> stored_models(const Settings& settings) {
  std::vector<StoredModel> all;
  add_hugging_face(settings, all);
  add_ollama(settings, all);
  add_own(settings, all);
  std::sort(all.begin(), all.end(),
            [](const StoredModel& a, const StoredModel& b) { return a.name < b.name; });
  return all;
}

Result<std::string> find_stored(const Reference& reference, const Settings& settings) {
  switch (reference.origin) {
    case Origin::kHuggingFace: {
      const fs::path snapshot = snapshot_of(reference, settings);
      WHET_TRY(const SnapshotModel model, find_in_snapshot(reference, snapshot));
      return model.file.empty() ? snapshot.string() : (snapshot / model.file).string();
    }
    case Origin::kOllama: {
      const auto manifest = read_manifest(ollama_manifest_path(reference, settings));
      if (!manifest) return not_here(reference);
      WHET_TRY(std::string path, ollama_blob_path(manifest->model, settings));
      if (!fs::exists(path)) return not_here(reference);
      return path;
    }
    case Origin::kUrl: {
      WHET_TRY(std::string path, own_path(reference, settings));
      if (!fs::exists(path)) return not_here(reference);
      return path;
    }
  }
  WHET_UNREACHABLE();
}

Result<uint64_t> remove_stored(const Reference& reference, const Settings& settings) {
  if (reference.origin == Origin::kHuggingFace) return remove_hugging_face(reference, settings);
  if (reference.origin == Origin::kOllama) return remove_ollama(reference, settings);
  WHET_TRY(const std::string path, find_stored(reference, settings));
  return remove_file(path);
}

}  // namespace whet::hub
