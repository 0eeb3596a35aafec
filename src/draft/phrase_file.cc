#include "draft/phrase_file.h"

#include <algorithm>
#include <string_view>

#include "sys/file_bytes.h"

namespace whet {
namespace {

constexpr uint64_t kMaxPhraseBytes = uint64_t{16} << 20;

}  // namespace

Result<TokenIndex> read_phrase_file(const std::string& path, const Tokenizer& tokenizer) {
  TokenIndex phrases;
  if (path.empty()) return phrases;
  WHET_TRY(const std::string text, read_file(path, kMaxPhraseBytes));
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const auto ids = tokenizer.encode(std::string_view(text).substr(begin, end - begin),
                                      {.add_special = false, .parse_special = false});
    if (!ids.ok()) return ids.error().with_context(path);
    phrases.append(*ids);
    phrases.append(TokenIndex::kBreak);
    begin = end + 1;
  }
  return phrases;
}

}  // namespace whet
