#include "cli/variants.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace whet {
namespace {

constexpr std::string_view kAllTechniques = "all";
constexpr std::array kFileKeys = {std::string_view("vocab"), std::string_view("model")};
constexpr std::array kComparedCacheTypes = {DType::F32, DType::F16, DType::BF16, DType::Q8_0};

struct Change {
  std::string key, value;
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

Result<DType> cache_type(const std::string& name) {
  std::vector<std::string> known;
  for (const DType type : kComparedCacheTypes) {
    known.push_back(cache_type_name(type));
    if (known.back() == name) return type;
  }
  // Its pages are shared between samples and prompts in every run; that is no variant.
  return Error(
      ErrorCode::kInvalidArgument,
      fmt::format("--with kv: expected one of {}, found \"{}\"", fmt::join(known, ", "), name));
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

Status apply(const Change& change, ModelFlags& flags) {
  if (names_file(change)) {
    flags.model = change.value;
    return ok_status();
  }
  if (change.key == "spec") return apply_speculation(change.value, flags.speculation);
  if (change.key == "kv") {
    WHET_TRY(const DType type, cache_type(change.value));
    flags.cache.k = flags.cache.v = type;
    return ok_status();
  }
  return bad_form(change.key + "=" + change.value);
}

Result<OpenedVariant> open_variant(const ModelFlags& base, const std::string& name,
                                   const std::vector<Change>& changes) {
  ModelFlags flags = base;
  std::vector<std::string> words;
  for (const Change& change : changes) {
    WHET_TRY_STATUS(apply(change, flags));
    words.push_back(change.key + " " + change.value);
  }
  OpenedVariant variant{name, {}, nullptr};
  auto engine = flags.load();
  if (!engine.ok()) return engine.error().with_context("--with " + name);
  variant.engine = std::move(*engine);
  variant.description = fmt::format("{} ({} bytes of model)", fmt::join(words, ", "),
                                    variant.engine->describe().n_bytes);
  return variant;
}

Status check_all(const std::vector<Change>& changes) {
  if (changes.size() < 2) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("--with all: expected two or more others to put together, found {}",
                             changes.size()));
  }
  std::vector<std::string> keys;
  for (const Change& change : changes) {
    const std::string key = names_file(change) ? "a model file" : change.key;
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) {
      return Error(
          ErrorCode::kInvalidArgument,
          fmt::format("--with all: expected one of each to put together, found {} twice", key));
    }
    keys.push_back(key);
  }
  return ok_status();
}

}  // namespace

Result<std::vector<OpenedVariant>> open_variants(const ModelFlags& base,
                                                 const std::vector<std::string>& with) {
  std::vector<Change> changes;
  bool all = false;
  for (const std::string& text : with) {
    if (text == kAllTechniques) {
      all = true;
      continue;
    }
    WHET_TRY(Change change, parse_change(text));
    changes.push_back(std::move(change));
  }
  if (all) WHET_TRY_STATUS(check_all(changes));
  std::vector<OpenedVariant> variants;
  for (const Change& change : changes) {
    WHET_TRY(OpenedVariant variant, open_variant(base, change.key + "=" + change.value, {change}));
    variants.push_back(std::move(variant));
  }
  if (all) {
    WHET_TRY(OpenedVariant variant, open_variant(base, std::string(kAllTechniques), changes));
    variants.push_back(std::move(variant));
  }
  return variants;
}

}  // namespace whet
