#include "quantize/tokenizer_description.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <unordered_map>

#include "token/gguf_tokenizer.h"
#include "token/json_fields.h"
#include "token/json_vocabulary.h"
#include "token/known_pre_tokenizers.h"

namespace whet {
namespace {

using Merges = std::vector<std::string>;

/// tokenizer.json; null where the model has another tokenizer file.
Result<nlohmann::json> tokenizer_json(const LoadedModel& model) {
  const auto file = model.file.side_files.find("tokenizer.json");
  if (file == model.file.side_files.end()) return nlohmann::json();
  return parse_json_object(file->second);
}

/// "a b" lines of tokenizer.json, in their order; none without one.
Result<Merges> read_merges(const nlohmann::json& root) {
  Merges merges;
  const nlohmann::json* section = find_field(root, "model");
  if (section == nullptr) return merges;
  WHET_TRY(const nlohmann::json* nodes, get_array(*section, "merges"));
  for (const nlohmann::json& node : *nodes) {
    // The tokenizer was made from this file, so a merge is a line or a pair of strings.
    merges.push_back(node.is_array()
                         ? node.at(0).get<std::string>() + " " + node.at(1).get<std::string>()
                         : node.get<std::string>());
  }
  return merges;
}

void add(Metadata& metadata, std::string_view key, MetaValue value) {
  metadata[fmt::format("tokenizer.ggml.{}", key)] = std::move(value);
}

/// A piece that the earlier merge makes is merged earlier: its score is minus the merge's place.
std::vector<double> scores_of_merges(const Tokenizer& tokenizer, size_t size,
                                     const Merges& merges) {
  std::vector<double> scores(size, 0.0);
  for (size_t rank = merges.size(); rank-- > 0;) {
    std::string piece = merges[rank];
    piece.erase(piece.find(' '), 1);
    if (const auto id = tokenizer.find_piece(piece)) {
      scores[static_cast<size_t>(*id)] = -static_cast<double>(rank) - 1;
    }
  }
  return scores;
}

void add_vocabulary(const Tokenizer& tokenizer, size_t size, Metadata& metadata) {
  std::vector<std::string> pieces(size);
  std::vector<int64_t> types(size, type_number(TokenType::kUnused));
  for (size_t i = 0; i < size; ++i) {
    const auto id = static_cast<TokenId>(i);
    if (id < tokenizer.vocab_size() && !tokenizer.piece(id).empty()) {
      pieces[i] = tokenizer.piece(id);
      types[i] = type_number(tokenizer.type(id));
    } else {
      pieces[i] = fmt::format("[PAD{}]", i);  // as llama.cpp's converter fills the embedding's rows
    }
  }
  add(metadata, "tokens", {MetaArray{std::move(pieces)}});
  add(metadata, "token_type", {MetaArray{std::move(types)}});
}

void add_roles(const Tokenizer& tokenizer, Metadata& metadata) {
  const auto id = [](TokenId token) { return MetaValue{static_cast<uint64_t>(token)}; };
  std::optional<TokenId> bos = tokenizer.bos(), eos = tokenizer.eos();
  // What stands around nothing: a post-processor may add tokens that no configuration names.
  const auto around = tokenizer.encode("", {.add_special = true, .parse_special = false});
  std::vector<TokenId> ends = around.ok() ? *around : std::vector<TokenId>();
  const bool adds_eos = !ends.empty() && (ends.size() > 1 || (ends[0] == eos && eos != bos));
  if (adds_eos) {
    eos = ends.back();
    ends.pop_back();
  }
  if (!ends.empty()) bos = ends.front();
  if (bos) add(metadata, "bos_token_id", id(*bos));
  if (eos) add(metadata, "eos_token_id", id(*eos));
  add(metadata, "add_bos_token", {!ends.empty()});
  add(metadata, "add_eos_token", {adds_eos});
  // GGUF has words for two more ends of a generation.
  const char* const more[] = {"eot_token_id", "eom_token_id"};
  size_t n_more = 0;
  for (TokenId end : tokenizer.end_of_generation()) {
    if (end != eos && n_more < std::size(more)) add(metadata, more[n_more++], id(end));
  }
  for (TokenId token = 0; token < tokenizer.vocab_size(); ++token) {
    if (tokenizer.type(token) == TokenType::kUnknown) add(metadata, "unknown_token_id", id(token));
  }
}

/// What GGUF has no word for and whet reads back: the normaliser, and added tokens that do not
/// match everywhere.
Status add_whet_keys(const LoadedModel& model, const nlohmann::json& root, Metadata& metadata) {
  if (const nlohmann::json* normalizer = find_field(root, "normalizer")) {
    metadata[std::string(kNormalizerKey)] = {normalizer->dump()};
  }
  WHET_TRY(const TokenizerConfig config, read_tokenizer_config(model.file.side_files));
  WHET_TRY(const JsonVocabulary vocabulary,
           read_json_vocabulary(root, /*byte_level=*/true, config));
  auto tokens = nlohmann::json::array();
  for (const PipelineAddedToken& added : vocabulary.added_tokens) {
    const AddedToken& t = added.token;
    if (!added.normalized && !t.strips_left && !t.strips_right && !t.whole_word) continue;
    tokens.push_back({{"id", t.id},
                      {"content", t.text},
                      {"special", added.special},
                      {"normalized", added.normalized},
                      {"lstrip", t.strips_left},
                      {"rstrip", t.strips_right},
                      {"single_word", t.whole_word}});
  }
  if (!tokens.empty()) {
    metadata[std::string(kAddedTokensKey)] = {
        nlohmann::json{{"added_tokens", std::move(tokens)}}.dump()};
  }
  return ok_status();
}

/// Texts on which tokenizers differ: numbers, contractions, white space, scripts, code, bytes that
/// are not UTF-8, control tokens, and the vocabulary's own pieces in a row.
std::vector<std::string> probing_texts(const Tokenizer& tokenizer) {
  std::vector<std::string> texts{
      "",
      " ",
      "Hello, world!",
      " leading",
      "trailing ",
      "a  b   c\t\td\n\n\ne \n f\r\n",
      "a 1  2   3\t4\n 5 \n\n6",
      "x  y   z    w",
      "(  1 ) [ 2] {3 }",
      "I'll don't WE'VE they'd it's I'M 'tis",
      "1 12 123 1234 12345678 3.14 1,000,000 v2 x10",
      "for (int i = 0; i < n; ++i) {\n    sum += a[i] * 0x1F;\n}\n",
      "na\u00efve \u00dcber \u0416\u0438\u0432\u043e\u0442 \u4f60\u597d\uff0c\u4e16\u754c "
      "\u3053\u3093\u306b\u3061\u306f \ud55c\uad6d\uc5b4 \u0645\u0631\u062d\u0628\u0627 "
      "\u0928\u092e\u0938\u094d\u0924\u0947 \U0001F600\U0001F468\u200D\U0001F469",
      "$5 50% #tag @me a_b_c --flag=value /path/to/file https://x.org/?a=b&c=d ...!!??",
      "<|im_start|>user\nHi<|im_end|>\n<s>[INST] x [/INST]</s>",
      "cafe\u0301 A\u030angstro\u0308m Vie\u0323\u0302t \u1112\u1161\u11ab\u1100\u1173\u11af",
      "\ufb01ne \u2460 \uff21\uff42 x\u00b2 \u1e9b\u0323 \u212b \u0130STANBUL \u00a0nbsp",
      "\xff\xfe broken \xc3"};
  constexpr int kMostAdded = 64;  // as text, at a word, and with spaces around
  std::string added;
  int n_added = 0;
  for (TokenId id = tokenizer.vocab_size() - 1; id >= 0 && n_added < kMostAdded; --id) {
    const TokenType type = tokenizer.type(id);
    if (type != TokenType::kControl && type != TokenType::kUserDefined) continue;
    const std::string_view piece = tokenizer.piece(id);
    added += fmt::format("x{0}y {0} z\n{0}\n", piece);
    ++n_added;
  }
  texts.push_back(std::move(added));
  std::string pieces;
  const int32_t stride = std::max(tokenizer.vocab_size() / 2000, 1);
  for (TokenId id = 0; id < tokenizer.vocab_size(); id += stride) {
    pieces += tokenizer.token_bytes(id, false);
    if (id / stride % 3 == 0) pieces += ' ';
  }
  texts.push_back(std::move(pieces));
  return texts;
}

/// Where other readers would miss or add ends of a generation, whet's own key lists them all.
Status add_ends(const Tokenizer& tokenizer, const Tokenizer& copy, Metadata& metadata) {
  const std::vector<TokenId>& ends = tokenizer.end_of_generation();
  if (copy.end_of_generation() == ends) return ok_status();
  metadata[std::string(kEndsKey)] = {MetaArray{std::vector<uint64_t>(ends.begin(), ends.end())}};
  return ok_status();
}

/// What GGUF leaves open for a vocabulary: tried one after the other.
struct Variant {
  std::string_view key;
  MetaValue value;
};
std::vector<Variant> variants(bool is_spm) {
  std::vector<Variant> all;
  if (is_spm) {
    for (const bool prefix : {true, false}) all.push_back({"add_space_prefix", {prefix}});
    return all;
  }
  for (std::string_view name : known_pre_tokenizer_names()) {
    all.push_back({"pre", {std::string(name)}});
  }
  return all;
}

}  // namespace

bool gives_same_ids(const Tokenizer& original, const Tokenizer& copy) {
  for (const std::string& text : probing_texts(original)) {
    for (const bool special : {false, true}) {
      const EncodeOptions options{.add_special = special, .parse_special = special};
      const auto expected = original.encode(text, options), found = copy.encode(text, options);
      if (expected.ok() != found.ok()) return false;
      if (expected.ok() && *expected != *found) return false;
    }
  }
  return true;
}

int64_t type_number(TokenType type) {
  switch (type) {
    case TokenType::kNormal:
      return 1;
    case TokenType::kUnknown:
      return 2;
    case TokenType::kControl:
      return 3;
    case TokenType::kUserDefined:
      return 4;
    case TokenType::kUnused:
      return 5;
    case TokenType::kByte:
      return 6;
  }
  WHET_UNREACHABLE();
}

Status describe_tokenizer(const LoadedModel& model, Metadata& metadata) {
  const Tokenizer& tokenizer = *model.tokenizer;
  WHET_TRY(const nlohmann::json root, tokenizer_json(model));
  WHET_TRY(Merges merges, read_merges(root));
  const bool is_spm = merges.empty() || tokenizer.find_piece("<0x00>").has_value();
  const auto size = static_cast<size_t>(model.model.config.vocab_size);
  add(metadata, "model", {std::string(is_spm ? "llama" : "gpt2")});
  add_vocabulary(tokenizer, size, metadata);
  add_roles(tokenizer, metadata);
  if (is_spm) {
    std::vector<double> scores = scores_of_merges(tokenizer, size, merges);
    for (TokenId id = 0; merges.empty() && id < tokenizer.vocab_size(); ++id) {
      scores[static_cast<size_t>(id)] = tokenizer.score(id);
    }
    add(metadata, "scores", {MetaArray{std::move(scores)}});
  } else {
    add(metadata, "merges", {MetaArray{std::move(merges)}});
    WHET_TRY_STATUS(add_whet_keys(model, root, metadata));
  }
  ModelFile probe{};
  probe.container = ModelFile::Container::kGguf;
  for (Variant& variant : variants(is_spm)) {
    add(metadata, variant.key, std::move(variant.value));
    probe.metadata = metadata;
    const auto copy = make_gguf_tokenizer(probe);
    if (copy.ok() && gives_same_ids(tokenizer, **copy))
      return add_ends(tokenizer, **copy, metadata);
  }
  return Error(ErrorCode::kInvalidModel,
               fmt::format("tokenizer ({}): expected a way of splitting text that GGUF has a name "
                           "for, found none of the known ones to give the same ids",
                           tokenizer.description()));
}

}  // namespace whet
