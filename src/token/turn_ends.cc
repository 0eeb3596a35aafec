#include "token/turn_ends.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace whet {

namespace {

constexpr auto kTurnEndTexts = std::to_array<std::string_view>({
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<turn|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "</s>",
    "<eos>",
    "[EOS]",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "<end_of_utterance>",
    "<|tool_response>",
    "<｜end▁of▁sentence｜>",
    // Fill-in-the-middle: what follows would be another file.
    "<|fim_pad|>",
    "<fim-pad>",
    "<fim_pad>",
    "<PAD>",
    "[PAD]",
    "<|fim_repo|>",
    "<|repo_name|>",
    "<fim-repo>",
    "<REPO>",
    "<reponame>",
    "<|file_sep|>",
});

// Channel markup of gpt-oss: part of the answer's structure, needed by whoever parses it.
constexpr auto kShownTexts = std::to_array<std::string_view>({
    "<|channel|>",
    "<|message|>",
    "<|start|>",
    "<|constrain|>",
});

bool contains(const auto& texts, std::string_view piece) {
  return std::find(texts.begin(), texts.end(), piece) != texts.end();
}

bool may_be_markup(std::string_view piece) {
  return piece.size() >= 4 && (piece.front() == '<' || piece.front() == '[' || piece[0] == '_');
}

}  // namespace

void correct_types_from_text(const std::vector<std::string>& pieces,
                             std::vector<TokenType>& types) {
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (!may_be_markup(pieces[i])) continue;
    if (contains(kTurnEndTexts, pieces[i])) types[i] = TokenType::kControl;
    if (contains(kShownTexts, pieces[i])) types[i] = TokenType::kUserDefined;
  }
}

std::vector<TokenId> collect_turn_ends(const std::vector<std::string>& pieces,
                                       const std::vector<TokenType>& types,
                                       std::vector<TokenId> declared) {
  std::vector<TokenId> ends = std::move(declared);
  const auto find_end = [&](std::string_view text) {
    return std::find_if(ends.begin(), ends.end(),
                        [&](TokenId id) { return pieces[static_cast<size_t>(id)] == text; });
  };
  for (size_t i = 0; i < pieces.size(); ++i) {
    const bool added = types[i] == TokenType::kControl || types[i] == TokenType::kUserDefined;
    if (added && may_be_markup(pieces[i]) && contains(kTurnEndTexts, pieces[i])) {
      ends.push_back(static_cast<TokenId>(i));
    }
  }
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());

  const auto has = [&](std::string_view text) { return find_end(text) != ends.end(); };
  // gpt-oss and Solar: <|end|> ends a channel, not the turn.
  const bool has_call = has("<|call|>") || has("<|calls|>");
  if (has("<|end|>") && has_call && (has("<|return|>") || has("<|flush|>"))) {
    ends.erase(find_end("<|end|>"));
  }
  // Gemma 4 keeps "</s>" as an HTML tag.
  if (has("<|tool_response>") && has("</s>")) ends.erase(find_end("</s>"));
  return ends;
}

}  // namespace whet
