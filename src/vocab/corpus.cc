#include "vocab/corpus.h"

#include <utility>

namespace whet::vocab {

Status add_text(Corpus& corpus, std::string_view text, const Tokenizer& tokenizer) {
  WHET_TRY(const Ids ids, tokenizer.encode(text, {.add_special = false, .parse_special = false}));
  corpus.n_bytes += text.size();
  corpus.n_tokens += static_cast<int64_t>(ids.size());
  Ids line;
  const auto end_line = [&] {
    if (!line.empty()) corpus.lines.push_back(std::exchange(line, {}));
  };
  for (const TokenId id : ids) {
    const bool ends_line =
        tokenizer.token_bytes(id, /*render_special=*/true).find('\n') != std::string::npos;
    const bool is_control = tokenizer.type(id) == TokenType::kControl;
    if (!is_control) line.push_back(id);
    if (ends_line || is_control) end_line();
  }
  end_line();
  return ok_status();
}

}  // namespace whet::vocab
