#include "hub/pull.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <thread>

#include "http/url.h"
#include "hub/quantisation.h"
#include "hub/store.h"
#include "sys/pending_file.h"

namespace whet::hub {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr size_t kMaxAnswerBytes = size_t{64} << 20;
constexpr const char* kManifestTypes =
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.oci.image.manifest.v1+json";

Status make_directory(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!error) return ok_status();
  return Error(ErrorCode::kIo,
               fmt::format("cannot make directory {}: {}", path.string(), error.message()));
}

std::string text_at(const Json& json, std::string_view key) {
  const auto found = json.is_object() ? json.find(key) : json.end();
  return json.is_object() && found != json.end() && found->is_string() ? found->get<std::string>()
                                                                       : "";
}
int64_t integer_at(const Json& json, std::string_view key) {
  if (!json.is_object()) return -1;
  const auto found = json.find(key);
  return found != json.end() && found->is_number_integer() ? found->get<int64_t>() : -1;
}

/// A file of a repository.
struct HubFile {
  std::string name;
  std::string blob;    // its name in the cache: SHA-256, or Git's hash of a small file
  std::string sha256;  // empty of a small file
  int64_t n_bytes = -1;
};

class Pull {
 public:
  Pull(const Reference& reference, const Settings& settings, const PullOptions& options,
       const PullEvents& events)
      : reference_(reference), settings_(settings), options_(options), events_(events) {}

  Result<std::string> run() {
    if (settings_.offline) {
      return Error(
          ErrorCode::kUnavailable,
          fmt::format("{}: offline (HF_HUB_OFFLINE or WHET_OFFLINE is set)", reference_.text()));
    }
    switch (reference_.origin) {
      case Origin::kHuggingFace:
        return from_hugging_face();
      case Origin::kOllama:
        return from_ollama();
      case Origin::kUrl:
        return from_url();
    }
    WHET_UNREACHABLE();
  }

 private:
  std::vector<http::Header> token() const {
    if (settings_.hf_token.empty()) return {};
    return {{"Authorization", "Bearer " + settings_.hf_token}};
  }

  /// A small document; patient with a server that is busy.
  Result<std::string> get(const std::string& url, std::vector<http::Header> headers,
                          std::vector<http::Header> secrets) {
    int64_t wait_ms = options_.download.first_wait_ms;
    for (int n_tried = 1;; ++n_tried, wait_ms *= 2) {
      std::string body;
      const auto reply = client_.send(
          {.url = url,
           .headers = headers,
           .secrets = secrets,
           .redirects = settings_.redirects(),
           .stall_timeout_ms = options_.download.stall_timeout_ms},
          [&](const http::Reply&, std::string_view piece) {
            body += piece;
            return body.size() <= kMaxAnswerBytes;
          },
          events_.cancelled);
      if (reply.ok() && reply->status == 200 && reply->whole) return body;
      std::optional<Error> problem;
      bool passes = true;
      if (!reply.ok()) {
        problem = reply.error();
        passes = problem->code() == ErrorCode::kIo || problem->code() == ErrorCode::kUnavailable;
      } else if (reply->status == 401 || reply->status == 403) {
        return Error(ErrorCode::kInvalidArgument,
                     fmt::format("{}: access was refused ({}): the name is wrong, or the model is "
                                 "gated or private and needs HF_TOKEN",
                                 reference_.text(), reply->status));
      } else if (reply->status == 404) {
        return Error(ErrorCode::kNotFound,
                     fmt::format("{}: no such model at {}", reference_.text(), url));
      } else {
        problem = Error(ErrorCode::kIo,
                        fmt::format("{}: expected status 200, found {}", url, reply->status));
        passes = reply->status == 429 || reply->status >= 500;
      }
      if (!passes || n_tried >= options_.download.most_failures) return *problem;
      std::this_thread::sleep_for(std::chrono::milliseconds(std::min<int64_t>(wait_ms, 10'000)));
      if (events_.cancelled && events_.cancelled()) {
        return Error(ErrorCode::kCancelled, "cancelled");
      }
    }
  }

  static Result<Json> parse(const std::string& text, const std::string& url) {
    Json json = Json::parse(text, nullptr, false);
    if (json.is_object()) return json;
    return Error(ErrorCode::kIo,
                 fmt::format("{}: expected a JSON object, found \"{}\"", url, text.substr(0, 200)));
  }

  Status fetch(const Source& source, const fs::path& path, const std::string& name) {
    if (fs::exists(path)) return ok_status();  // it appears only when it is whole
    WHET_TRY_STATUS(make_directory(path.parent_path()));
    if (events_.on_file) {
      events_.on_file(name, static_cast<uint64_t>(std::max<int64_t>(0, source.size_bytes)));
    }
    WHET_TRY(const std::string hash, download(client_, source, path.string(), options_.download,
                                              events_.on_progress, events_.cancelled));
    (void)hash;
    return ok_status();
  }

  Result<std::string> from_hugging_face() {
    const std::string url =
        fmt::format("{}/api/models/{}/revision/{}?blobs=true", settings_.hf_endpoint,
                    reference_.name, http::percent_encoded(reference_.revision));
    WHET_TRY(const std::string text, get(url, {}, token()));
    WHET_TRY(const Json json, parse(text, url));
    const std::string commit = text_at(json, "sha");
    if (!is_safe_path(commit) || commit.find('/') != commit.npos) {
      return Error(ErrorCode::kIo,
                   fmt::format("{}: expected a commit as \"sha\", found \"{}\"", url, commit));
    }
    WHET_TRY(const std::vector<HubFile> all, read_files(json, url));
    WHET_TRY(const std::vector<HubFile> wanted, choose(all));
    const fs::path repository = hf_repository_path(reference_, settings_);
    const fs::path snapshot = repository / "snapshots" / commit;
    for (const HubFile& file : wanted) {
      std::string path = file.name;
      for (size_t at = 0; at < path.size();) {  // each part of the path is encoded
        const size_t end = std::min(path.find('/', at), path.size());
        const std::string part = http::percent_encoded(path.substr(at, end - at));
        path.replace(at, end - at, part);
        at += part.size() + 1;
      }
      const Source source{.url = fmt::format("{}/{}/resolve/{}/{}", settings_.hf_endpoint,
                                             reference_.name, commit, path),
                          .secrets = token(),
                          .redirects = settings_.redirects(),
                          .size_bytes = file.n_bytes,
                          .sha256 = file.sha256};
      WHET_TRY_STATUS(fetch(source, repository / "blobs" / file.blob, file.name));
      WHET_TRY_STATUS(link(snapshot / file.name, repository / "blobs" / file.blob));
    }
    const fs::path ref = repository / "refs" / reference_.revision;
    if (reference_.revision != commit) {
      WHET_TRY_STATUS(make_directory(ref.parent_path()));
      WHET_TRY_STATUS(write_file_atomically(ref.string(), commit));
    }
    const bool is_gguf = wanted.front().name.ends_with(".gguf");
    return is_gguf ? (snapshot / wanted.front().name).string() : snapshot.string();
  }

  static Result<std::vector<HubFile>> read_files(const Json& json, const std::string& url) {
    const auto siblings = json.find("siblings");
    if (siblings == json.end() || !siblings->is_array()) {
      return Error(ErrorCode::kIo, fmt::format("{}: expected \"siblings\", found none", url));
    }
    std::vector<HubFile> files;
    for (const Json& sibling : *siblings) {
      HubFile file{text_at(sibling, "rfilename"),
                   text_at(sibling, "blobId"),
                   {},
                   integer_at(sibling, "size")};
      if (const auto lfs = sibling.find("lfs"); lfs != sibling.end() && lfs->is_object()) {
        file.sha256 = text_at(*lfs, "sha256");
        file.n_bytes = integer_at(*lfs, "size");
        if (!is_sha256(file.sha256) || file.n_bytes < 0) {
          return Error(ErrorCode::kIo,
                       fmt::format("{}: {}: expected a size and a SHA-256", url, file.name));
        }
        file.blob = file.sha256;
      }
      const bool is_blob = is_safe_path(file.blob) && file.blob.find('/') == file.blob.npos;
      if (!is_safe_path(file.name) || !is_blob) continue;  // nothing we would write
      files.push_back(std::move(file));
    }
    return files;
  }

  Result<std::vector<HubFile>> choose(const std::vector<HubFile>& all) const {
    std::vector<HubFile> ggufs, tensors;
    for (const HubFile& file : all) {
      if (is_model_file(file.name)) ggufs.push_back(file);
      const bool is_plain = file.name.find('/') == file.name.npos;
      const bool is_part = file.name.ends_with(".safetensors") || file.name.ends_with(".json") ||
                           file.name.ends_with(".jinja") || file.name == "tokenizer.model" ||
                           file.name == "merges.txt";
      if (is_plain && is_part) tensors.push_back(file);
    }
    if (!ggufs.empty()) return choose_gguf(ggufs);
    const bool has_tensors = std::any_of(tensors.begin(), tensors.end(), [](const HubFile& file) {
      return file.name.ends_with(".safetensors");
    });
    if (!has_tensors || !reference_.variant.empty()) {
      return Error(ErrorCode::kNotFound,
                   fmt::format("{}: expected GGUF{} files, found neither", reference_.text(),
                               reference_.variant.empty() ? " or SafeTensors" : ""));
    }
    return tensors;
  }

  Result<std::vector<HubFile>> choose_gguf(const std::vector<HubFile>& ggufs) const {
    const std::string wanted =
        reference_.variant.empty() ? std::string(kDefaultQuantisation) : reference_.variant;
    const auto suits = [&](const HubFile& file) {
      const std::string quantisation = quantisation_of(file.name);
      return file.name == wanted ||
             std::equal(quantisation.begin(), quantisation.end(), wanted.begin(), wanted.end(),
                        [](unsigned char a, unsigned char b) {
                          return std::toupper(a) == std::toupper(b);
                        });
    };
    std::vector<HubFile> chosen;
    std::set<std::string> stems, names;
    for (const HubFile& file : ggufs) {
      const auto part = split_part_of(file.name);
      const std::string stem = part ? part->stem : file.name;
      const std::string quantisation = quantisation_of(file.name);
      names.insert(quantisation.empty() ? file.name : quantisation);
      if (!suits(file)) continue;
      stems.insert(stem);
      chosen.push_back(file);
    }
    if (chosen.empty() && reference_.variant.empty() && ggufs.size() == 1) return ggufs;
    if (stems.size() == 1) {
      std::sort(chosen.begin(), chosen.end(),
                [](const HubFile& a, const HubFile& b) { return a.name < b.name; });
      return chosen;
    }
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}: expected a name that one file suits, found {}; there are {}",
                             reference_.text(), stems.size(), fmt::join(names, ", ")));
  }

  /// A relative link, as huggingface_hub makes it.
  static Status link(const fs::path& path, const fs::path& blob) {
    WHET_TRY_STATUS(make_directory(path.parent_path()));
    const fs::path target = blob.lexically_relative(path.parent_path());
    std::error_code error;
    if (fs::is_symlink(path, error) && fs::read_symlink(path, error) == target) return ok_status();
    fs::remove(path, error);
    error.clear();
    fs::create_symlink(target, path, error);
    if (!error) return ok_status();
    return Error(ErrorCode::kIo,
                 fmt::format("cannot make link {}: {}", path.string(), error.message()));
  }

  Result<std::string> from_ollama() {
    std::string base = "https://" + reference_.host;
    for (const std::string& origin : settings_.redirects().origins) {
      // A registry of the user's own may speak plain http.
      if (origin == "http://" + reference_.host) base = origin;
    }
    const std::string registry = fmt::format("{}/v2/{}", base, reference_.name);
    const std::string url = fmt::format("{}/manifests/{}", registry, reference_.variant);
    WHET_TRY(const std::string text, get(url, {{"Accept", kManifestTypes}}, {}));
    WHET_TRY(const Json json, parse(text, url));
    std::vector<Json> layers;
    if (json.contains("layers") && json["layers"].is_array()) {
      layers.assign(json["layers"].begin(), json["layers"].end());
    }
    if (json.contains("config")) layers.push_back(json["config"]);
    for (const Json& layer : layers) {
      const std::string digest = text_at(layer, "digest");
      WHET_TRY(const std::string path, ollama_blob_path(digest, settings_));
      const Source source{.url = fmt::format("{}/blobs/{}", registry, digest),
                          .redirects = settings_.redirects(),
                          .size_bytes = integer_at(layer, "size"),
                          .sha256 = digest.substr(digest.find(':') + 1)};
      WHET_TRY_STATUS(fetch(source, path, digest.substr(0, 19)));
    }
    const std::string manifest = ollama_manifest_path(reference_, settings_);
    WHET_TRY_STATUS(make_directory(fs::path(manifest).parent_path()));
    WHET_TRY_STATUS(write_file_atomically(manifest, text));
    return find_stored(reference_, settings_);
  }

  Result<std::string> from_url() {
    WHET_TRY(const http::Url url, http::parse_url(reference_.name));
    const bool is_named = std::any_of(settings_.more_hosts.begin(), settings_.more_hosts.end(),
                                      [&](const std::string& host) {
                                        const auto named = http::parse_url(host);
                                        return named.ok() && named->origin() == url.origin();
                                      });
    if (!url.is_secure() && options_.sha256.empty() && !is_named) {
      return Error(
          ErrorCode::kInvalidArgument,
          fmt::format("{}: expected https, or --sha256: over plain http anybody on the way "
                      "could change the file",
                      reference_.name));
    }
    WHET_TRY(const std::string path, own_path(reference_, settings_));
    const Source source{
        .url = reference_.name, .redirects = settings_.redirects(), .sha256 = options_.sha256};
    WHET_TRY_STATUS(fetch(source, path, fs::path(path).filename().string()));
    return path;
  }

  const Reference& reference_;
  const Settings& settings_;
  const PullOptions& options_;
  const PullEvents& events_;
  http::Client client_;
};

}  // namespace

Result<std::string> pull(const Reference& reference, const Settings& settings,
                         const PullOptions& options, const PullEvents& events) {
  return Pull(reference, settings, options, events).run();
}

}  // namespace whet::hub
