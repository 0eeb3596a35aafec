#include "token/gguf_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/invalid_model.h"
#include "formats/untrusted_text.h"
#include "token/added_token_json.h"
#include "token/json_fields.h"
#include "token/json_pipeline.h"
#include "token/known_pre_tokenizers.h"
#include "token/phrase_tokenizer.h"
#include "token/pipeline_tokenizer.h"
#include "token/spm_tokenizer.h"

namespace whet {

namespace {

Result<std::optional<TokenId>> read_id(const ModelFile& file, std::string_view name,
                                       std::optional<TokenId> fallback) {
  const std::string key = fmt::format("tokenizer.ggml.{}_token_id", name);
  if (!file.has(key)) return fallback;
  WHET_TRY(const uint64_t id, file.get_uint(key));
  // 2^32-1 is how some converters write "none".
  if (id == 0xFFFFFFFFu) return std::optional<TokenId>();
  if (id > INT32_MAX) return invalid_model(fmt::format("{} is {}", key, id));
  return std::optional<TokenId>(static_cast<TokenId>(id));
}

Result<VocabularyParts> read_parts(const ModelFile& file, bool is_spm) {
  VocabularyParts parts;
  parts.types_from_text = true;
  parts.allows_duplicates = true;
  WHET_TRY(const auto pieces, file.get_strings("tokenizer.ggml.tokens"));
  parts.pieces.assign(pieces.begin(), pieces.end());
  if (file.has("tokenizer.ggml.token_type")) {
    WHET_TRY(const auto numbers, file.get_ints("tokenizer.ggml.token_type"));
    for (int64_t number : numbers) {
      const auto type = token_type_of(number == 0 ? 1 : number);  // undefined is normal
      if (!type) return invalid_model(fmt::format("token type {} is not known", number));
      parts.types.push_back(*type);
    }
  } else {
    parts.types.assign(parts.pieces.size(), TokenType::kNormal);
  }
  if (is_spm) {
    WHET_TRY(const auto scores, file.get_floats("tokenizer.ggml.scores"));
    for (double score : scores) parts.scores.push_back(static_cast<float>(score));
    if (parts.scores.empty()) return invalid_model("tokenizer.ggml.scores is empty");
  }

  const auto spm_default = [&](TokenId id) {
    const bool exists = is_spm && static_cast<size_t>(id) < parts.pieces.size();
    return exists ? std::optional<TokenId>(id) : std::nullopt;
  };
  WHET_TRY(parts.bos, read_id(file, "bos", spm_default(1)));
  WHET_TRY(parts.eos, read_id(file, "eos", spm_default(2)));
  WHET_TRY(parts.unknown, read_id(file, "unknown", spm_default(0)));
  for (std::string_view name : {"eot", "eom"}) {
    WHET_TRY(const auto id, read_id(file, name, std::nullopt));
    if (id) parts.more_ends.push_back(*id);
  }
  if (file.has(kEndsKey)) {
    WHET_TRY(const auto ids, file.get_ints(kEndsKey));
    parts.all_ends.emplace();
    for (int64_t id : ids) {
      if (id < 0 || id > INT32_MAX)
        return invalid_model(fmt::format("{}: {} is no id", kEndsKey, id));
      parts.all_ends->push_back(static_cast<TokenId>(id));
    }
  }
  return parts;
}

Result<SequenceEnds> read_ends(const ModelFile& file, const Vocabulary& vocabulary,
                               bool adds_bos_by_default) {
  constexpr std::string_view kAddBos = "tokenizer.ggml.add_bos_token";
  constexpr std::string_view kAddEos = "tokenizer.ggml.add_eos_token";
  WHET_TRY(const bool adds_bos, file.get_bool_or(kAddBos, adds_bos_by_default));
  WHET_TRY(const bool adds_eos, file.get_bool_or(kAddEos, false));
  SequenceEnds ends;
  if (adds_bos && vocabulary.bos()) {
    ends.prefix.push_back(*vocabulary.bos());
  } else if (adds_bos && file.has(kAddBos)) {
    return invalid_model(fmt::format("{} is true, but there is no BOS token", kAddBos));
  }
  if (adds_eos) {
    if (!vocabulary.eos()) {
      return invalid_model(fmt::format("{} is true, but there is no EOS token", kAddEos));
    }
    ends.suffix.push_back(*vocabulary.eos());
  }
  return ends;
}

Result<std::vector<MergeParts>> read_merges(const ModelFile& file) {
  WHET_TRY(const auto lines, file.get_strings("tokenizer.ggml.merges"));
  std::vector<MergeParts> merges;
  merges.reserve(lines.size());
  for (const std::string& line : lines) {
    const size_t space = line.find(' ', 1);
    if (space == line.npos || space + 1 == line.size()) {
      return invalid_model(
          fmt::format("merge {}: {} is not two pieces", merges.size(), quote_untrusted(line)));
    }
    merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  return merges;
}

// llama.cpp goes by the model's name too; the file has no key for it.
Result<bool> strips_after_control(const ModelFile& file) {
  WHET_TRY(std::string name, file.get_string_or("general.name", ""));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return name.find("phi-3") != name.npos || name.find("phi3") != name.npos;
}

Result<std::shared_ptr<const Tokenizer>> make_spm(const ModelFile& file) {
  WHET_TRY(VocabularyParts parts, read_parts(file, true));
  WHET_TRY(Vocabulary vocabulary, Vocabulary::create(std::move(parts)));
  WHET_TRY(SequenceEnds ends, read_ends(file, vocabulary, true));
  SpmOptions options;
  WHET_TRY(options.adds_space_prefix, file.get_bool_or("tokenizer.ggml.add_space_prefix", true));
  WHET_TRY(options.removes_extra_spaces,
           file.get_bool_or("tokenizer.ggml.remove_extra_whitespaces", false));
  WHET_TRY(options.strips_after_control, strips_after_control(file));
  return make_spm_tokenizer(std::move(vocabulary), std::move(ends), options);
}

Result<std::vector<NormalizerStep>> read_whet_normalizer(const ModelFile& file) {
  WHET_TRY(const std::string text, file.get_string_or(kNormalizerKey, ""));
  if (text.empty()) return std::vector<NormalizerStep>();
  WHET_TRY(const nlohmann::json node, parse_json_object(text).with_context(kNormalizerKey));
  return read_normalizer(&node).with_context(kNormalizerKey);
}

// Puts what whet's own key says of some tokens in the place of what types alone say.
Status read_whet_added_tokens(const ModelFile& file, std::vector<PipelineAddedToken>& tokens) {
  WHET_TRY(const std::string text, file.get_string_or(kAddedTokensKey, ""));
  if (text.empty()) return ok_status();
  WHET_TRY(const nlohmann::json root, parse_json_object(text).with_context(kAddedTokensKey));
  WHET_TRY(const nlohmann::json* nodes,
           get_array(root, "added_tokens").with_context(kAddedTokensKey));
  for (const nlohmann::json& node : *nodes) {
    WHET_TRY(PipelineAddedToken added, read_added_token(node).with_context(kAddedTokensKey));
    WHET_TRY(const int64_t id, get_int(node, "id").with_context(kAddedTokensKey));
    const auto it =
        std::find_if(tokens.begin(), tokens.end(), [&](const PipelineAddedToken& token) {
          return token.token.id == id && token.token.text == added.token.text;
        });
    if (it == tokens.end()) {
      return invalid_model(fmt::format("{}: {} with the id {} is no added token of the vocabulary",
                                       kAddedTokensKey, quote_untrusted(added.token.text), id));
    }
    added.token.id = it->token.id;
    *it = std::move(added);
  }
  return ok_status();
}

/// How text becomes words: by the file's name for it, but Gemma 4's vocabulary merges whole texts
/// whose spaces are visible.
struct WordRules {
  KnownPreTokenizer pre{};
  BpeOptions options;
  std::vector<NormalizerStep> normalizer;
  std::string description;
};

Result<WordRules> named_rules(const ModelFile& file) {
  WordRules rules;
  WHET_TRY(const std::string pre, file.get_string_or("tokenizer.ggml.pre", "default"));
  WHET_TRY(rules.pre, find_pre_tokenizer(pre));
  rules.options.ignores_merges = rules.pre.ignores_merges;
  WHET_TRY(rules.normalizer, read_whet_normalizer(file));
  rules.description = fmt::format("BPE ({})", pre);
  return rules;
}

WordRules gemma4_rules(const Vocabulary& vocabulary) {
  WordRules rules;
  rules.pre.adds_bos = true;
  rules.options.byte_level = false;
  rules.options.byte_fallback = true;
  rules.options.unknown = vocabulary.unknown();
  rules.options.fuses_unknown = true;
  rules.normalizer.push_back(ReplaceText{.from = " ", .regex = {}, .to = "\u2581"});
  rules.description = "BPE (gemma4)";
  return rules;
}

Result<std::shared_ptr<const Tokenizer>> make_bpe(const ModelFile& file, bool is_gemma4) {
  WHET_TRY(VocabularyParts vocabulary_parts, read_parts(file, false));
  WHET_TRY(Vocabulary vocabulary, Vocabulary::create(std::move(vocabulary_parts)));
  WordRules rules;
  if (is_gemma4) {
    rules = gemma4_rules(vocabulary);
  } else {
    WHET_TRY(rules, named_rules(file));
  }
  WHET_TRY(SequenceEnds ends, read_ends(file, vocabulary, rules.pre.adds_bos));
  WHET_TRY(std::vector<MergeParts> merges, read_merges(file));
  rules.options.merges_beyond_vocabulary = true;
  std::vector<PipelineAddedToken> added_tokens;
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    const TokenType type = vocabulary.type(id);
    const bool special = type == TokenType::kControl || type == TokenType::kUnknown;
    if (!special && type != TokenType::kUserDefined) continue;
    added_tokens.push_back({.token = {.id = id, .text = vocabulary.piece(id)}, .special = special});
  }
  WHET_TRY_STATUS(read_whet_added_tokens(file, added_tokens));
  return make_pipeline_tokenizer({.vocabulary = std::move(vocabulary),
                                  .merges = std::move(merges),
                                  .options = rules.options,
                                  .normalizer = Normalizer(std::move(rules.normalizer)),
                                  .pre_tokenizer = std::move(rules.pre.pre_tokenizer),
                                  .added_tokens = std::move(added_tokens),
                                  .ends = std::move(ends),
                                  .description = std::move(rules.description)});
}

Result<PhraseVocabulary> read_phrases(const ModelFile& file, int32_t n_tokens) {
  WHET_TRY(const auto ids, file.get_ints(kPhraseTokensKey));
  WHET_TRY(const auto lengths, file.get_ints(kPhraseLengthsKey));
  if (lengths.size() >= static_cast<size_t>(n_tokens)) {
    return invalid_model(fmt::format("{}: expected fewer phrases than the {} tokens, found {}",
                                     kPhraseLengthsKey, n_tokens, lengths.size()));
  }
  std::vector<std::vector<TokenId>> phrases;
  size_t begin = 0;
  for (const int64_t length : lengths) {
    if (length < 0 || static_cast<uint64_t>(length) > ids.size() - begin) {
      return invalid_model(
          fmt::format("{}: expected lengths that add up to the {} ids of {}, found {} "
                      "behind {} ids",
                      kPhraseLengthsKey, ids.size(), kPhraseTokensKey, length, begin));
    }
    std::vector<TokenId>& phrase = phrases.emplace_back();
    for (const size_t end = begin + static_cast<size_t>(length); begin < end; ++begin) {
      if (ids[begin] < 0 || ids[begin] >= n_tokens) {
        return invalid_model(fmt::format("{}: expected ids from 0 to {}, found {}",
                                         kPhraseTokensKey, n_tokens - 1, ids[begin]));
      }
      phrase.push_back(static_cast<TokenId>(ids[begin]));
    }
  }
  if (begin != ids.size()) {
    return invalid_model(
        fmt::format("{}: expected lengths that add up to the {} ids of {}, found {}",
                    kPhraseLengthsKey, ids.size(), kPhraseTokensKey, begin));
  }
  return PhraseVocabulary::create(n_tokens - static_cast<int32_t>(lengths.size()), phrases);
}

Result<std::shared_ptr<const Tokenizer>> make_adapted(const ModelFile& file) {
  WHET_TRY(const std::string model, file.get_string("tokenizer.ggml.model"));
  // Others merge whatever spells a piece, so that phrases would change the base tokens.
  if (model != "gpt2") {
    return invalid_model(
        fmt::format("{}: expected a byte-level BPE vocabulary (tokenizer.ggml.model "
                    "gpt2), found {}",
                    kPhraseTokensKey, quote_untrusted(model)));
  }
  WHET_TRY(auto base, make_bpe(file, false));
  WHET_TRY(PhraseVocabulary phrases, read_phrases(file, base->vocab_size()));
  return make_phrase_tokenizer(std::move(base), std::move(phrases));
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> make_gguf_tokenizer(const ModelFile& file) {
  if (file.has(kPhraseTokensKey) || file.has(kPhraseLengthsKey)) {
    return make_adapted(file).with_context("adapted vocabulary");
  }
  WHET_TRY(const std::string model, file.get_string("tokenizer.ggml.model"));
  if (model == "llama") return make_spm(file);
  if (model == "gpt2") return make_bpe(file, false);
  if (model == "gemma4") return make_bpe(file, true);
  return invalid_model(
      fmt::format("tokenizer.ggml.model {} is not supported; supported are \"llama\", "
                  "\"gpt2\" and \"gemma4\"",
                  quote_untrusted(model)));
}

}  // namespace whet
