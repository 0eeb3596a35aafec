#include "vocab/phrase_table.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "sys/json_text.h"
#include "sys/sha256.h"

namespace whet::vocab {
namespace {

constexpr const char* kSchema = "whet-phrases/1";

Error bad_table(std::string_view found) {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("expected a phrase table ({}, from whet adapt vocab mine), found {}",
                           kSchema, found));
}

}  // namespace

Result<std::string> vocabulary_fingerprint(const Tokenizer& tokenizer) {
  std::string all;
  for (TokenId id = 0; id < tokenizer.vocab_size(); ++id) {
    const std::string_view piece = tokenizer.piece(id);
    all += fmt::format("{} {} ", static_cast<int>(tokenizer.type(id)), piece.size());
    all += piece;
  }
  return sha256_hex(std::as_bytes(std::span(all)));
}

std::string phrase_table_json(const PhraseTable& table, const Tokenizer& tokenizer) {
  nlohmann::ordered_json json{{"schema", kSchema},
                              {"base_vocabulary", table.n_base},
                              {"fingerprint", table.fingerprint},
                              {"phrases", nlohmann::ordered_json::array()}};
  for (const Phrase& phrase : table.phrases) {
    json["phrases"].push_back({{"ids", phrase.ids},
                               {"count", phrase.count},
                               {"saved", phrase.n_saved},
                               {"text", tokenizer.decode(phrase.ids, true, false)}});
  }
  return json_text(json, 1) + "\n";
}

Result<PhraseTable> parse_phrase_table(std::string_view text, const Tokenizer& tokenizer) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return bad_table(json.is_discarded() ? "no JSON" : json.type_name());
  if (json.value("schema", nlohmann::json()) != kSchema) return bad_table("another schema");
  const auto& n_base = json.value("base_vocabulary", nlohmann::json());
  const auto fingerprint = json.value("fingerprint", nlohmann::json());
  const auto phrases = json.value("phrases", nlohmann::json());
  if (!n_base.is_number_integer() || !fingerprint.is_string() || !phrases.is_array()) {
    return bad_table("base_vocabulary, fingerprint or phrases missing or of another type");
  }
  WHET_TRY(const std::string own, vocabulary_fingerprint(tokenizer));
  if (n_base != tokenizer.vocab_size() || fingerprint != own) {
    return bad_table("one for another vocabulary than the model's");
  }
  PhraseTable table{tokenizer.vocab_size(), own, {}};
  for (const auto& entry : phrases) {
    const auto where = fmt::format("in entry {} ", table.phrases.size() + 1);
    if (!entry.is_object()) return bad_table(where + entry.type_name());
    const auto ids = entry.value("ids", nlohmann::json());
    const auto count = entry.value("count", nlohmann::json(0));
    const auto saved = entry.value("saved", nlohmann::json(0));
    if (!ids.is_array() || ids.size() < 2 || !count.is_number_integer() ||
        !saved.is_number_integer()) {
      return bad_table(where + "no list of two or more ids, a count and what it saves");
    }
    Phrase phrase;
    for (const auto& id : ids) {
      if (!id.is_number_integer() || id < 0 || id >= table.n_base) {
        return bad_table(where + "an id that the vocabulary does not have");
      }
      phrase.ids.push_back(id.get<TokenId>());
    }
    phrase.count = count.get<int64_t>();
    phrase.n_saved = saved.get<int64_t>();
    table.phrases.push_back(std::move(phrase));
  }
  return table;
}

}  // namespace whet::vocab
