#include "token/json_vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/invalid_model.h"
#include "formats/untrusted_text.h"
#include "token/added_token_json.h"
#include "token/byte_alphabet.h"
#include "token/json_fields.h"

namespace whet {

using nlohmann::json;

namespace {

// Pieces by id, while they are collected. Ids need not be dense; a hole becomes an empty piece.
class PieceList {
 public:
  /// `n_expected`: tokens that the file lists; ids far beyond are a mistake or an attack.
  explicit PieceList(size_t n_expected) : limit_(4 * n_expected + 65536) {}

  Status set(int64_t id, const std::string& piece, TokenType type) {
    if (id < 0 || static_cast<uint64_t>(id) >= limit_) {
      return invalid_model(
          fmt::format("token {}: id {} is out of range", quote_untrusted(piece), id));
    }
    const auto i = static_cast<size_t>(id);
    if (i >= pieces.size()) {
      pieces.resize(i + 1);
      types.resize(i + 1, TokenType::kUnused);
    }
    if (!pieces[i].empty() && pieces[i] != piece) {
      return invalid_model(fmt::format("id {} is both {} and {}", id, quote_untrusted(pieces[i]),
                                       quote_untrusted(piece)));
    }
    pieces[i] = piece;
    types[i] = type;
    return ok_status();
  }

  std::vector<std::string> pieces;
  std::vector<TokenType> types;

 private:
  size_t limit_;
};

Status read_vocabulary(const json& vocabulary, bool has_byte_tokens, PieceList& list) {
  for (const auto& [piece, id] : vocabulary.items()) {
    if (!id.is_number_integer()) {
      return invalid_model(fmt::format("token {}: the id is no integer", quote_untrusted(piece)));
    }
    const bool is_byte = has_byte_tokens && parse_byte_piece(piece).has_value();
    WHET_TRY_STATUS(
        list.set(id.get<int64_t>(), piece, is_byte ? TokenType::kByte : TokenType::kNormal));
  }
  return ok_status();
}

/// [["piece", score], ...], its ids in their order.
Status read_scored_vocabulary(const json& vocabulary, bool has_byte_tokens, PieceList& list,
                              std::vector<float>& scores) {
  for (const json& entry : vocabulary) {
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number()) {
      return invalid_model(fmt::format("token {}: expected a piece and its score", scores.size()));
    }
    const auto& piece = entry[0].get_ref<const std::string&>();
    const bool is_byte = has_byte_tokens && parse_byte_piece(piece).has_value();
    WHET_TRY_STATUS(list.set(static_cast<int64_t>(scores.size()), piece,
                             is_byte ? TokenType::kByte : TokenType::kNormal));
    scores.push_back(entry[1].get<float>());
  }
  return ok_status();
}

/// The same as {"piece": id}, the form that other models have.
json ids_of(const json& vocabulary) {
  if (vocabulary.is_object()) return vocabulary;
  json ids = json::object();
  int64_t id = 0;
  for (const json& entry : vocabulary) {
    if (entry.is_array() && !entry.empty() && entry[0].is_string()) {
      ids.emplace(entry[0].get_ref<const std::string&>(), id);
    }
    ++id;
  }
  return ids;
}

Status read_added_tokens(const json& nodes, std::vector<PipelineAddedToken>& tokens) {
  for (const json& node : nodes) {
    WHET_TRY(PipelineAddedToken added, read_added_token(node));
    WHET_TRY(const int64_t id, get_int(node, "id"));
    if (id < 0 || id > INT32_MAX) return invalid_model(fmt::format("added token with id {}", id));
    added.token.id = static_cast<TokenId>(id);
    if (added.token.text.empty()) continue;
    tokens.push_back(std::move(added));
  }
  return ok_status();
}

// As transformers: the side files add what the tokenizer's file lacks, and "added_tokens_decoder"
// changes where a known token matches. A token of the vocabulary keeps its id; one with a role and
// without any id could never be produced.
void add_side_tokens(const json& vocabulary, const TokenizerConfig& config,
                     std::vector<PipelineAddedToken>& tokens) {
  std::map<std::string, size_t, std::less<>> known;
  for (size_t i = 0; i < tokens.size(); ++i) known.emplace(tokens[i].token.text, i);
  for (PipelineAddedToken added : config.added_tokens) {
    const bool has_id = added.token.id != kNoToken;
    if (const auto it = known.find(added.token.text); it != known.end()) {
      added.token.id = tokens[it->second].token.id;
      if (has_id) tokens[it->second] = std::move(added);
      continue;
    }
    const auto found = vocabulary.find(added.token.text);
    if (found != vocabulary.end() && found->is_number_integer()) {
      added.token.id = found->get<TokenId>();
    }
    if (added.token.id == kNoToken) continue;
    known.emplace(added.token.text, tokens.size());
    tokens.push_back(std::move(added));
  }
}

// Added tokens beyond the embedding (those for pictures, mostly) stay text: no model could read
// them.
std::vector<std::string> drop_tokens_without_row(const std::optional<int64_t>& n_rows,
                                                 std::vector<PipelineAddedToken>& tokens) {
  std::vector<std::string> notes;
  std::erase_if(tokens, [&](const PipelineAddedToken& added) {
    if (!n_rows || added.token.id < *n_rows) return false;
    notes.push_back(fmt::format(
        "added token {} has the id {}, but the embedding only {} rows: it is read as text",
        quote_untrusted(added.token.text), added.token.id, *n_rows));
    return true;
  });
  return notes;
}

// "a b" or ["a", "b"].
Result<MergeParts> read_merge(const json& node, size_t rank) {
  if (node.is_array() && node.size() == 2 && node[0].is_string() && node[1].is_string()) {
    return MergeParts(node[0].get<std::string>(), node[1].get<std::string>());
  }
  if (node.is_string()) {
    const auto& line = node.get_ref<const std::string&>();
    const size_t space = line.find(' ');
    if (space != line.npos && line.find(' ', space + 1) == line.npos) {
      return MergeParts(line.substr(0, space), line.substr(space + 1));
    }
  }
  return invalid_model(fmt::format("merge {} is not two pieces", rank));
}

Result<std::vector<MergeParts>> read_merges(const json& nodes) {
  std::vector<MergeParts> merges;
  merges.reserve(nodes.size());
  for (const json& node : nodes) {
    // Files made from merges.txt keep its first line.
    if (merges.empty() && node.is_string() &&
        node.get_ref<const std::string&>().starts_with("#version")) {
      continue;
    }
    WHET_TRY(MergeParts merge, read_merge(node, merges.size()));
    merges.push_back(std::move(merge));
  }
  return merges;
}

std::optional<TokenId> find_piece(const std::vector<std::string>& pieces,
                                  const std::optional<std::string>& text) {
  if (!text || text->empty()) return std::nullopt;
  const auto it = std::find(pieces.begin(), pieces.end(), *text);
  if (it == pieces.end()) return std::nullopt;
  return static_cast<TokenId>(it - pieces.begin());
}

Status refuse_unsupported(const json& model) {
  WHET_TRY(const std::string type, get_string_or(model, "type", "BPE"));
  if (type == "WordPiece") return ok_status();
  if (type != "BPE" && type != "Unigram") {
    return invalid_model(fmt::format(
        "model type {} is not supported; BPE, Unigram and WordPiece are", quote_untrusted(type)));
  }
  for (const char* name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    WHET_TRY(const std::string affix, get_string_or(model, name, ""));
    if (!affix.empty()) return invalid_model(fmt::format("\"{}\" is not supported", name));
  }
  return ok_status();
}

}  // namespace

Result<JsonVocabulary> read_json_vocabulary(const json& root, bool byte_level,
                                            const TokenizerConfig& config) {
  const json* model = find_field(root, "model");
  if (model == nullptr) return invalid_model("\"model\" is missing");
  WHET_TRY_STATUS(refuse_unsupported(*model));
  const json* vocabulary = find_field(*model, "vocab");
  WHET_TRY(const std::string algorithm, get_string_or(*model, "type", "BPE"));
  const bool unigram = algorithm == "Unigram";
  if (vocabulary == nullptr || (unigram ? !vocabulary->is_array() : !vocabulary->is_object())) {
    return invalid_model(unigram ? "\"model\" has no \"vocab\" list"
                                 : "\"model\" has no \"vocab\" object");
  }
  const json no_tokens = json::array();
  const json* added_nodes = find_field(root, "added_tokens");
  if (added_nodes == nullptr) added_nodes = &no_tokens;
  if (!added_nodes->is_array()) return invalid_model("\"added_tokens\": expected a list");

  JsonVocabulary result;
  BpeOptions& options = result.options;
  options.byte_level = byte_level;
  options.later_merge_counts = true;
  WHET_TRY(options.byte_fallback, get_bool_or(*model, "byte_fallback", false));
  WHET_TRY(options.fuses_unknown, get_bool_or(*model, "fuse_unk", false));
  WHET_TRY(options.ignores_merges, get_bool_or(*model, "ignore_merges", false));

  WHET_TRY_STATUS(read_added_tokens(*added_nodes, result.added_tokens));
  add_side_tokens(unigram ? ids_of(*vocabulary) : *vocabulary, config, result.added_tokens);
  result.parts.notes = drop_tokens_without_row(config.n_rows, result.added_tokens);
  PieceList list(vocabulary->size() + result.added_tokens.size());
  const bool has_byte_tokens = options.byte_fallback && !byte_level;
  if (unigram) {
    WHET_TRY_STATUS(
        read_scored_vocabulary(*vocabulary, has_byte_tokens, list, result.parts.scores));
    int64_t unknown = -1;
    if (find_field(*model, "unk_id") != nullptr) {
      WHET_TRY(unknown, get_int(*model, "unk_id"));
    }
    if (unknown >= static_cast<int64_t>(list.pieces.size())) {
      return invalid_model(
          fmt::format("unk_id {} is outside the vocabulary of {}", unknown, list.pieces.size()));
    }
    if (unknown >= 0) {
      options.unknown = static_cast<TokenId>(unknown);
      WHET_TRY_STATUS(
          list.set(unknown, list.pieces[static_cast<size_t>(unknown)], TokenType::kUnknown));
    }
    result.unigram = UnigramOptions{options.unknown, options.byte_fallback};
  } else {
    WHET_TRY_STATUS(read_vocabulary(*vocabulary, has_byte_tokens, list));
  }
  for (const PipelineAddedToken& added : result.added_tokens) {
    const TokenType type = added.special ? TokenType::kControl : TokenType::kUserDefined;
    WHET_TRY_STATUS(list.set(added.token.id, added.token.text, type));
  }
  if (unigram) {
    result.parts.scores.resize(list.pieces.size());
  } else if (algorithm != "WordPiece") {
    WHET_TRY(const json* merges, get_array(*model, "merges"));
    WHET_TRY(result.merges, read_merges(*merges));
  }

  VocabularyParts& parts = result.parts;
  parts.pieces = std::move(list.pieces);
  parts.types = std::move(list.types);
  WHET_TRY(const std::string unknown, get_string_or(*model, "unk_token", ""));
  if (!unigram) options.unknown = find_piece(parts.pieces, unknown);
  if (!unknown.empty() && !options.unknown) {
    return invalid_model(
        fmt::format("unk_token {} is not in the vocabulary", quote_untrusted(unknown)));
  }
  if (algorithm == "WordPiece") {
    if (!options.unknown) return invalid_model("\"model\" has no \"unk_token\"");
    WordPieceOptions word_piece{.unknown = *options.unknown};
    WHET_TRY(word_piece.prefix, get_string_or(*model, "continuing_subword_prefix", "##"));
    if (find_field(*model, "max_input_chars_per_word") != nullptr) {
      WHET_TRY(word_piece.longest_word, get_int(*model, "max_input_chars_per_word"));
    }
    result.word_piece = std::move(word_piece);
  }
  parts.unknown = options.unknown ? options.unknown : find_piece(parts.pieces, config.unknown);
  parts.bos = find_piece(parts.pieces, config.bos);
  parts.eos = find_piece(parts.pieces, config.eos);
  for (int64_t id : config.end_ids) {
    if (id < 0 || static_cast<size_t>(id) >= parts.pieces.size()) {
      return invalid_model(
          fmt::format("eos_token_id {} is outside the vocabulary of {}", id, parts.pieces.size()));
    }
    parts.more_ends.push_back(static_cast<TokenId>(id));
  }
  return result;
}

}  // namespace whet
