#include "token/tokenizer_json.h"

#include <fmt/format.h>

#include "base/invalid_model.h"
#include "formats/untrusted_text.h"
#include "token/json_fields.h"
#include "token/json_pipeline.h"
#include "token/json_vocabulary.h"

namespace whet {

using nlohmann::json;

namespace {

Result<TokenId> read_id(const Vocabulary& vocabulary, const json& id) {
  if (!id.is_number_integer() || id.get<int64_t>() < 0 || id.get<int64_t>() >= vocabulary.size()) {
    return invalid_model("post_processor: a special token's id is outside the vocabulary");
  }
  return id.get<TokenId>();
}

// {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": ...}],
//  "special_tokens": {"<s>": {"ids": [1]}}}
Result<SequenceEnds> read_template(const Vocabulary& vocabulary, const json& node) {
  SequenceEnds ends;
  bool after_text = false;
  WHET_TRY(const json* single, get_array(node, "single"));
  for (const json& item : *single) {
    if (find_field(item, "Sequence") != nullptr) {
      after_text = true;
      continue;
    }
    const json* special = find_field(item, "SpecialToken");
    if (special == nullptr) return invalid_model("post_processor: a template item is not known");
    WHET_TRY(const std::string name, get_string(*special, "id"));
    const json* tokens = find_field(node, "special_tokens");
    const json* token = tokens == nullptr ? nullptr : find_field(*tokens, name.c_str());
    if (token == nullptr) {
      return invalid_model(fmt::format("post_processor: {} is not defined", quote_untrusted(name)));
    }
    WHET_TRY(const json* ids, get_array(*token, "ids"));
    for (const json& id : *ids) {
      WHET_TRY(const TokenId token_id, read_id(vocabulary, id));
      (after_text ? ends.suffix : ends.prefix).push_back(token_id);
    }
  }
  return ends;
}

// {"type": "RobertaProcessing", "cls": ["<s>", 0], "sep": ["</s>", 2]}
Result<SequenceEnds> read_bert_processing(const Vocabulary& vocabulary, const json& node) {
  SequenceEnds ends;
  WHET_TRY(const json* cls, get_array(node, "cls"));
  WHET_TRY(const json* sep, get_array(node, "sep"));
  if (cls->size() != 2 || sep->size() != 2) return invalid_model("post_processor: bad cls or sep");
  WHET_TRY(const TokenId first, read_id(vocabulary, (*cls)[1]));
  WHET_TRY(const TokenId last, read_id(vocabulary, (*sep)[1]));
  ends.prefix.push_back(first);
  ends.suffix.push_back(last);
  return ends;
}

// Nothing where the post-processor adds no tokens.
Result<std::optional<SequenceEnds>> read_post_processor(const Vocabulary& vocabulary,
                                                        const json* node) {
  std::optional<SequenceEnds> ends;
  if (node == nullptr) return ends;
  WHET_TRY(const std::string type, get_string(*node, "type"));
  if (type == "TemplateProcessing") {
    WHET_TRY(ends, read_template(vocabulary, *node));
  } else if (type == "RobertaProcessing" || type == "BertProcessing") {
    WHET_TRY(ends, read_bert_processing(vocabulary, *node));
  } else if (type == "Sequence") {
    WHET_TRY(const json* parts, get_array(*node, "processors"));
    for (const json& part : *parts) {
      WHET_TRY(auto part_ends, read_post_processor(vocabulary, &part));
      if (part_ends) ends = std::move(part_ends);
    }
  } else if (type != "ByteLevel") {
    return invalid_model(fmt::format("post_processor {} is not supported", quote_untrusted(type)));
  }
  return ends;
}

Result<SequenceEnds> ends_from_config(const Vocabulary& vocabulary, const TokenizerConfig& config) {
  SequenceEnds ends;
  if (config.adds_bos.value_or(false)) {
    if (!vocabulary.bos()) return invalid_model("add_bos_token is true, but there is no BOS token");
    ends.prefix.push_back(*vocabulary.bos());
  }
  if (config.adds_eos.value_or(false)) {
    if (!vocabulary.eos()) return invalid_model("add_eos_token is true, but there is no EOS token");
    ends.suffix.push_back(*vocabulary.eos());
  }
  return ends;
}

// Whether decoding takes the first space off: a Strip step, or Metaspace that prepends.
Result<bool> hides_leading_space(const json* decoder) {
  if (decoder == nullptr) return false;
  WHET_TRY(const std::string type, get_string(*decoder, "type"));
  if (type == "Metaspace") {
    WHET_TRY(const bool adds_prefix, get_bool_or(*decoder, "add_prefix_space", true));
    WHET_TRY(const std::string scheme,
             get_string_or(*decoder, "prepend_scheme", adds_prefix ? "always" : "never"));
    return scheme != "never";
  }
  if (type == "WordPiece") return true;
  if (type == "Strip") {
    WHET_TRY(const std::string content, get_string(*decoder, "content"));
    WHET_TRY(const int64_t n_start, get_int(*decoder, "start"));
    return content == " " && n_start > 0;
  }
  if (type == "Sequence") {
    WHET_TRY(const json* parts, get_array(*decoder, "decoders"));
    for (const json& part : *parts) {
      WHET_TRY(const bool hides, hides_leading_space(&part));
      if (hides) return true;
    }
  }
  return false;
}

Result<bool> tidies_spaces(const json* decoder) {
  if (decoder == nullptr) return false;
  WHET_TRY(const std::string type, get_string(*decoder, "type"));
  if (type != "WordPiece") return false;
  return get_bool_or(*decoder, "cleanup", true);
}

Result<std::shared_ptr<const Tokenizer>> build(const json& root, const TokenizerConfig& config) {
  WHET_TRY(auto normalizer, read_normalizer(find_field(root, "normalizer")));
  WHET_TRY(JsonPreTokenizer pre, read_pre_tokenizer(find_field(root, "pre_tokenizer")));
  WHET_TRY(JsonVocabulary read, read_json_vocabulary(root, pre.byte_level, config));
  WHET_TRY(Vocabulary vocabulary, Vocabulary::create(std::move(read.parts)));
  WHET_TRY(auto ends, read_post_processor(vocabulary, find_field(root, "post_processor")));
  if (!ends) {
    WHET_TRY(ends, ends_from_config(vocabulary, config));
  }
  WHET_TRY(const bool tidies, tidies_spaces(find_field(root, "decoder")));
  WHET_TRY(const bool hides_space, hides_leading_space(find_field(root, "decoder")));
  return make_pipeline_tokenizer({.vocabulary = std::move(vocabulary),
                                  .merges = std::move(read.merges),
                                  .options = read.options,
                                  .unigram = read.unigram,
                                  .word_piece = read.word_piece,
                                  .tidies_spaces = tidies,
                                  .normalizer = Normalizer(std::move(normalizer)),
                                  .pre_tokenizer = PreTokenizer(std::move(pre.steps)),
                                  .added_tokens = std::move(read.added_tokens),
                                  .ends = std::move(*ends),
                                  .hides_leading_space = hides_space,
                                  .description = read.unigram      ? "unigram"
                                                 : read.word_piece ? "WordPiece"
                                                 : pre.byte_level  ? "BPE (byte-level)"
                                                                   : "BPE (byte fallback)"});
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> make_json_tokenizer(std::string_view text,
                                                             const TokenizerConfig& config) {
  WHET_TRY(const json root, parse_json_object(text));
  return build(root, config);
}

}  // namespace whet
