#include "cli/variants.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>

#include "adapt/sparsity_choice.h"

namespace whet {
namespace {

constexpr std::string_view kAllTechniques = "all";
constexpr std::string_view kAlias = "alias";
constexpr std::array kFileKeys = {std::string_view("vocab"), std::string_view("model"),
                                  std::string_view("larosa")};
constexpr std::array kComparedCacheTypes = {DType::F32, DType::F16, DType::BF16, DType::Q8_0};

struct Change {
  std::string key, value;
};

/// How a variant is run.
struct VariantFlags {
  ModelFlags model;
  bool shares_prompts = false;
};

Error bad_form(const std::string& found) {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("--with: expected {}, found \"{}\"", kVariantsHelp, found));
}

Result<Change> parse_change(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == text.npos || equals == 0 || equals + 1 == text.size()) return bad_form(text);
  return Change{text.substr(0, equals), text.substr(equals + 1)};
}

bool names_file(const Change& change) {
  return std::find(kFileKeys.begin(), kFileKeys.end(), change.key) != kFileKeys.end();
}

/// Files without their directories, where that leaves something to tell.
std::string label_of(const Change& change) {
  constexpr std::string_view kSuffix = ".gguf";
  if (!names_file(change)) return "";
  std::string file = change.value.substr(change.value.find_last_of('/') + 1);
  if (file.ends_with(kSuffix)) file.resize(file.size() - kSuffix.size());
  return file.empty() || file == change.value ? "" : change.key + "=" + file;
}

/// Two files of one name in two directories are told apart by their directories.
void clear_equal_labels(std::vector<OpenedVariant>& variants) {
  std::map<std::string, int> n_of;
  const auto title = [](const OpenedVariant& v) { return v.label.empty() ? v.name : v.label; };
  for (const OpenedVariant& variant : variants) ++n_of[title(variant)];
  for (OpenedVariant& variant : variants) {
    if (n_of[title(variant)] > 1) variant.label.clear();
  }
}

Result<DType> cache_type(const std::string& name) {
  std::vector<std::string> known;
  for (const DType type : kComparedCacheTypes) {
    known.push_back(cache_type_name(type));
    if (known.back() == name) return type;
  }
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("--with kv: expected one of {}, {}, found \"{}\"",
                           fmt::join(known, ", "), kAlias, name));
}

/// "FILE", "FILE:PLAN": the plan begins behind the first colon that one can begin behind.
void apply_larosa(const std::string& value, ModelFlags& flags) {
  flags.model = value;
  flags.sparsity = "plan";
  flags.sparse_rows = SparseRows::kDecoded;
  for (size_t colon = value.find(':'); colon != value.npos; colon = value.find(':', colon + 1)) {
    const std::string plan = value.substr(colon + 1);
    if (!adapt::parse_sparsity(plan).ok()) continue;
    flags.model = value.substr(0, colon);
    flags.sparsity = plan;
    return;
  }
}

Status apply_speculation(const std::string& value, SpeculationFlags& flags) {
  const size_t colon = value.find(':');
  const std::string type = value.substr(0, colon);
  flags.types = type;
  if (colon == value.npos) return ok_status();
  if (type == "phrase") {
    flags.options.phrase_file = value.substr(colon + 1);
  } else if (type == "draft") {
    flags.draft_model = value.substr(colon + 1);
  } else {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("--with spec: expected a file behind phrase: or draft: alone, found "
                             "\"{}\"",
                             value));
  }
  return ok_status();
}

Status apply(const Change& change, VariantFlags& flags) {
  if (change.key == "larosa") {
    apply_larosa(change.value, flags.model);
    return ok_status();
  }
  if (names_file(change) || change.key == kAllTechniques) {
    flags.model.model = change.value;
    return ok_status();
  }
  if (change.key == "spec") return apply_speculation(change.value, flags.model.speculation);
  if (change.key == "kv" && change.value == kAlias) {
    flags.shares_prompts = flags.model.engine.prefix_cache = true;
    return ok_status();
  }
  if (change.key == "kv") {
    WHET_TRY(const DType type, cache_type(change.value));
    flags.model.cache.k = flags.model.cache.v = type;
    return ok_status();
  }
  return bad_form(change.key + "=" + change.value);
}

Result<OpenedVariant> open_variant(const ModelFlags& base, const std::string& name,
                                   const std::vector<Change>& changes) {
  VariantFlags flags{base};
  std::vector<std::string> words;
  for (const Change& change : changes) {
    WHET_TRY_STATUS(apply(change, flags));
    words.push_back(change.key + " " + change.value);
  }
  // Sparse rows that are verified together round otherwise; this variant's own text is measured.
  flags.model.drafts_beside_sparsity = changes.size() > 1;
  OpenedVariant variant{name, {}, {}, nullptr, flags.shares_prompts};
  auto engine = flags.model.load();
  if (!engine.ok()) return engine.error().with_context("--with " + name);
  variant.engine = std::move(*engine);
  variant.description = fmt::format("{} ({} bytes of model)", fmt::join(words, ", "),
                                    variant.engine->describe().n_bytes);
  return variant;
}

/// `all`: as given, "all" or "all=FILE".
Status check_all(const std::vector<Change>& changes, const std::string& all) {
  const bool has_file = all != kAllTechniques;
  if (changes.size() < 2) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("--with {}: expected two or more others to put together, found {}",
                             all, changes.size()));
  }
  std::vector<std::string> keys, files;
  for (const Change& change : changes) {
    if (names_file(change)) files.push_back(change.key + "=" + change.value);
    const std::string key = change.value == kAlias ? change.key + "=" + change.value : change.key;
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) {
      return Error(
          ErrorCode::kInvalidArgument,
          fmt::format("--with {}: expected one of each to put together, found {} twice", all, key));
    }
    keys.push_back(key);
  }
  if (has_file && files.empty()) {
    return Error(
        ErrorCode::kInvalidArgument,
        fmt::format("--with {}: expected other model files that this one stands for, found "
                    "none; leave the file out",
                    all));
  }
  if (!has_file && files.size() > 1) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("--with all: expected one model file that is all of {}, found {} "
                             "files; name it with --with all=FILE (whet adapt larosa -m VOCAB_FILE "
                             "writes a rotated copy of an adapted file)",
                             fmt::join(files, " and "), files.size()));
  }
  return ok_status();
}

}  // namespace

Result<std::vector<OpenedVariant>> open_variants(const ModelFlags& base,
                                                 const std::vector<std::string>& with) {
  std::vector<Change> changes;
  std::string all;  // as given
  const std::string with_file = std::string(kAllTechniques) + "=";
  for (const std::string& text : with) {
    if (text != kAllTechniques && !text.starts_with(with_file)) {
      WHET_TRY(Change change, parse_change(text));
      changes.push_back(std::move(change));
      continue;
    }
    if (text == with_file) return bad_form(text);
    if (!all.empty()) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("--with all: expected it once, found {} and {}", all, text));
    }
    all = text;
  }
  if (!all.empty()) WHET_TRY_STATUS(check_all(changes, all));
  std::vector<OpenedVariant> variants;
  for (const Change& change : changes) {
    WHET_TRY(OpenedVariant variant, open_variant(base, change.key + "=" + change.value, {change}));
    variant.label = label_of(change);
    variants.push_back(std::move(variant));
  }
  clear_equal_labels(variants);
  if (all.empty()) return variants;
  if (all != kAllTechniques) {  // last, so that its file is the one that runs
    changes.push_back({std::string(kAllTechniques), all.substr(with_file.size())});
  }
  WHET_TRY(OpenedVariant variant, open_variant(base, std::string(kAllTechniques), changes));
  variants.push_back(std::move(variant));
  return variants;
}

}  // namespace whet
