#include "token/json_pipeline.h"

#include <fmt/format.h>

#include "formats/untrusted_text.h"
#include "token/json_fields.h"
#include "token/known_pre_tokenizers.h"

namespace whet {

using nlohmann::json;

namespace {

Error unsupported(std::string_view what, std::string_view type) {
  return Error(ErrorCode::kInvalidModel,
               fmt::format("{} {} is not supported", what, quote_untrusted(type)));
}

Result<SplitBehavior> read_behavior(const std::string& name) {
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  return unsupported("split behavior", name);
}

// {"Regex": "..."} or {"String": "..."}.
Result<Regex> read_pattern(const json& node) {
  const json* pattern = find_field(node, "pattern");
  if (pattern != nullptr && find_field(*pattern, "Regex") != nullptr) {
    WHET_TRY(const std::string regex, get_string(*pattern, "Regex"));
    return Regex::compile(regex);
  }
  if (pattern == nullptr) return unsupported("pattern", "null");
  WHET_TRY(const std::string text, get_string(*pattern, "String"));
  return Regex::literal(text);
}

Status add_normalizer(const json& node, std::vector<NormalizerStep>& steps) {
  WHET_TRY(const std::string type, get_string(node, "type"));
  if (type == "Sequence") {
    WHET_TRY(const json* parts, get_array(node, "normalizers"));
    for (const json& part : *parts) WHET_TRY_STATUS(add_normalizer(part, steps));
  } else if (type == "NFC") {
    steps.emplace_back(UnicodeForm::kNfc);
  } else if (type == "NFD") {
    steps.emplace_back(UnicodeForm::kNfd);
  } else if (type == "NFKC") {
    steps.emplace_back(UnicodeForm::kNfkc);
  } else if (type == "NFKD") {
    steps.emplace_back(UnicodeForm::kNfkd);
  } else if (type == "Lowercase") {
    steps.emplace_back(Lowercase{});
  } else if (type == "Precompiled") {
    WHET_TRY(const std::string coded, get_string(node, "precompiled_charsmap"));
    WHET_TRY(std::string data, decode_base64(coded));
    WHET_TRY(CharacterMap map, CharacterMap::parse(std::move(data)));
    steps.emplace_back(std::move(map));
  } else if (type == "BertNormalizer") {
    BertText step{};
    WHET_TRY(step.cleans, get_bool_or(node, "clean_text", true));
    WHET_TRY(step.separates_ideographs, get_bool_or(node, "handle_chinese_chars", true));
    WHET_TRY(step.lowercases, get_bool_or(node, "lowercase", true));
    WHET_TRY(step.strips_accents, get_bool_or(node, "strip_accents", step.lowercases));
    steps.emplace_back(step);
  } else if (type == "StripAccents") {
    steps.emplace_back(BertText{false, false, true, false});
  } else if (type == "Prepend") {
    WHET_TRY(std::string text, get_string(node, "prepend"));
    steps.emplace_back(PrependText{std::move(text)});
  } else if (type == "Strip") {
    WHET_TRY(const bool left, get_bool_or(node, "strip_left", true));
    WHET_TRY(const bool right, get_bool_or(node, "strip_right", true));
    steps.emplace_back(StripWhiteSpace{left, right});
  } else if (type == "Replace") {
    ReplaceText step;
    WHET_TRY(step.to, get_string(node, "content"));
    const json* pattern = find_field(node, "pattern");
    if (pattern != nullptr && find_field(*pattern, "String") != nullptr) {
      WHET_TRY(step.from, get_string(*pattern, "String"));
    } else {
      WHET_TRY(step.regex, read_pattern(node));
    }
    steps.emplace_back(std::move(step));
  } else {
    return unsupported("normalizer", type);
  }
  return ok_status();
}

Result<SplitStep> make_split(std::string_view pattern, SplitBehavior behavior, bool invert) {
  WHET_TRY(Regex regex, Regex::compile(pattern));
  return SplitStep{std::move(regex), behavior, invert};
}

Result<SplitStep> read_split(const json& node) {
  WHET_TRY(Regex pattern, read_pattern(node));
  WHET_TRY(const std::string behavior_name, get_string(node, "behavior"));
  WHET_TRY(const SplitBehavior behavior, read_behavior(behavior_name));
  WHET_TRY(const bool invert, get_bool_or(node, "invert", false));
  return SplitStep{std::move(pattern), behavior, invert};
}

Result<MetaspaceStep> read_metaspace(const json& node) {
  MetaspaceStep step{.replacement = {}, .prepend = {}, .splits = true};
  WHET_TRY(step.replacement, get_string_or(node, "replacement", "\xE2\x96\x81"));
  if (step.replacement.empty()) return unsupported("Metaspace replacement", "");
  // Files from before `prepend_scheme` say only whether there is a prefix.
  WHET_TRY(const bool adds_prefix, get_bool_or(node, "add_prefix_space", true));
  WHET_TRY(const std::string scheme,
           get_string_or(node, "prepend_scheme", adds_prefix ? "always" : "never"));
  if (scheme == "always") {
    step.prepend = MetaspaceStep::Prepend::kAlways;
  } else if (scheme == "first") {
    step.prepend = MetaspaceStep::Prepend::kFirst;
  } else if (scheme == "never") {
    step.prepend = MetaspaceStep::Prepend::kNever;
  } else {
    return unsupported("Metaspace prepend_scheme", scheme);
  }
  WHET_TRY(step.splits, get_bool_or(node, "split", true));
  return step;
}

Status add_byte_level(const json& node, JsonPreTokenizer& pre_tokenizer) {
  WHET_TRY(const bool adds_space, get_bool_or(node, "add_prefix_space", true));
  WHET_TRY(const bool uses_regex, get_bool_or(node, "use_regex", true));
  if (adds_space) pre_tokenizer.steps.emplace_back(LeadingSpaceStep{});
  if (uses_regex) {
    WHET_TRY(SplitStep split, make_split(kGpt2Pattern, SplitBehavior::kIsolated, false));
    pre_tokenizer.steps.emplace_back(std::move(split));
  }
  pre_tokenizer.byte_level = true;
  return ok_status();
}

// Rust's tables of punctuation there are Unicode 8's: what came later is none, and two that were
// are still. That it names a recent character (U+1B4E) has Regex match the text as it is.
constexpr std::string_view kPunctuation =
    R"([\p{P}$+<=>^`|~\x{166D}\x{111C9}](?<![)"
    "\u1B4E\u1B4F"
    R"(\x{61D}\x{9FD}\x{A76}\x{C77}\x{C84}\x{1B7D}-\x{1B7F})"
    R"(\x{2E43}-\x{2E4F}\x{2E52}-\x{2E5D}\x{10D6E}\x{10EAD}\x{10F55}-\x{10F59})"
    R"(\x{10F86}-\x{10F89}\x{113D4}-\x{113D5}\x{113D7}-\x{113D8}\x{1144B}-\x{1144F})"
    R"(\x{1145A}-\x{1145B}\x{1145D}\x{11660}-\x{1166C}\x{116B9}\x{1183B})"
    R"(\x{11944}-\x{11946}\x{119E2}\x{11A3F}-\x{11A46}\x{11A9A}-\x{11A9C})"
    R"(\x{11A9E}-\x{11AA2}\x{11B00}-\x{11B09}\x{11BE1}\x{11C41}-\x{11C45})"
    R"(\x{11C70}-\x{11C71}\x{11EF7}-\x{11EF8}\x{11F43}-\x{11F4F}\x{11FFF})"
    R"(\x{12FF1}-\x{12FF2}\x{16D6D}-\x{16D6F}\x{16E97}-\x{16E9A}\x{16FE2}\x{1E5FF})"
    R"(\x{1E95E}-\x{1E95F})"
    R"(]))";

Result<SplitStep> read_simple_split(const json& node, const std::string& type) {
  if (type == "Digits") {
    WHET_TRY(const bool individual, get_bool_or(node, "individual_digits", false));
    return make_split(R"(\p{N})",
                      individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous, false);
  }
  if (type == "Punctuation") {
    WHET_TRY(const std::string name, get_string_or(node, "behavior", "Isolated"));
    WHET_TRY(const SplitBehavior behavior, read_behavior(name));
    return make_split(kPunctuation, behavior, false);
  }
  if (type == "Whitespace") return make_split(R"(\w+|[^\w\s]+)", SplitBehavior::kRemoved, true);
  if (type == "WhitespaceSplit") return make_split(R"(\s)", SplitBehavior::kRemoved, false);
  return unsupported("pre-tokenizer", type);
}

Status add_pre_tokenizer(const json& node, JsonPreTokenizer& pre_tokenizer) {
  WHET_TRY(const std::string type, get_string(node, "type"));
  if (type == "Sequence") {
    WHET_TRY(const json* parts, get_array(node, "pretokenizers"));
    for (const json& part : *parts) WHET_TRY_STATUS(add_pre_tokenizer(part, pre_tokenizer));
    return ok_status();
  }
  if (pre_tokenizer.byte_level && type == "ByteLevel") return unsupported("a second", type);
  // Behind ByteLevel the text is spelled in its alphabet, which patterns see (Falcon's).
  if (pre_tokenizer.byte_level && !pre_tokenizer.spelled) {
    pre_tokenizer.steps.emplace_back(SpellBytesStep{});
    pre_tokenizer.spelled = true;
  }
  if (type == "ByteLevel") return add_byte_level(node, pre_tokenizer);
  if (type == "Metaspace") {
    WHET_TRY(MetaspaceStep step, read_metaspace(node));
    pre_tokenizer.steps.emplace_back(std::move(step));
    return ok_status();
  }
  if (type == "BertPreTokenizer") {
    WHET_TRY(SplitStep spaces, make_split(R"(\s)", SplitBehavior::kRemoved, false));
    WHET_TRY(SplitStep marks, make_split(kPunctuation, SplitBehavior::kIsolated, false));
    pre_tokenizer.steps.emplace_back(std::move(spaces));
    pre_tokenizer.steps.emplace_back(std::move(marks));
    return ok_status();
  }
  WHET_TRY(SplitStep step, type == "Split" ? read_split(node) : read_simple_split(node, type));
  pre_tokenizer.steps.emplace_back(std::move(step));
  return ok_status();
}

}  // namespace

Result<std::vector<NormalizerStep>> read_normalizer(const json* node) {
  std::vector<NormalizerStep> steps;
  if (node != nullptr) WHET_TRY_STATUS(add_normalizer(*node, steps));
  return steps;
}

Result<JsonPreTokenizer> read_pre_tokenizer(const json* node) {
  JsonPreTokenizer pre_tokenizer;
  if (node != nullptr) WHET_TRY_STATUS(add_pre_tokenizer(*node, pre_tokenizer));
  if (pre_tokenizer.spelled) pre_tokenizer.steps.emplace_back(UnspellBytesStep{});
  return pre_tokenizer;
}

}  // namespace whet
