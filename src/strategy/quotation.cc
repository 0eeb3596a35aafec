#include "strategy/quotation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "eval/answer.h"
#include "eval/reply.h"

namespace whet::strategy {
namespace {

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

std::string_view without_bullet(std::string_view line) {
  const size_t digits = line.find_first_not_of("0123456789");
  if (digits != std::string_view::npos && digits > 0 &&
      (line[digits] == '.' || line[digits] == ')')) {
    return eval::trimmed(line.substr(digits + 1));
  }
  if (line.starts_with("- ") || line.starts_with("* ") || line.starts_with("\u2022")) {
    return eval::trimmed(
        line.substr(line.find(' ') == std::string_view::npos ? 1 : line.find(' ')));
  }
  return line;
}

std::string with_fences_closed(std::string text) {
  bool is_open = false;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const auto line = eval::trimmed(std::string_view(text).substr(at, end - at));
    at = end + 1;
    if (line.starts_with("```")) is_open = !is_open;
  }
  return is_open ? text + "\n```" : text;
}

}  // namespace

size_t quote_limit(const Generator& generator, size_t n) {
  constexpr int64_t kUnknownContext = 4096;
  constexpr size_t kLeast = 200, kMost = 8000;
  const int64_t context = generator.describe().context;
  // Half of the context in tokens is, at two bytes a token, as many bytes as it has positions.
  const auto bytes = static_cast<size_t>(context > 0 ? context : kUnknownContext);
  return std::clamp(bytes / std::max<size_t>(n, 1), kLeast, kMost);
}

std::string quoted(std::string_view text, size_t limit) {
  std::string plain(eval::trimmed(eval::without_reasoning(text)));
  if (plain.empty()) plain = eval::trimmed(text);
  if (plain.size() <= limit) return with_fences_closed(std::move(plain));
  // The end of a solution says more than its start.
  size_t head = limit / 3;
  size_t tail = plain.size() - (limit - head);
  while (head > 0 && is_continuation(plain[head])) --head;
  while (tail < plain.size() && is_continuation(plain[tail])) ++tail;
  return with_fences_closed(fmt::format("{}\n[...]\n{}", std::string_view(plain).substr(0, head),
                                        std::string_view(plain).substr(tail)));
}

std::string listed(const std::vector<Candidate>& candidates, const std::vector<size_t>& which,
                   std::string_view noun, size_t limit) {
  std::string text;
  for (size_t i = 0; i < which.size(); ++i) {
    text += fmt::format("{}{} {}:\n{}", i == 0 ? "" : "\n\n", noun, i + 1,
                        quoted(candidates[which[i]].text, limit));
  }
  return text;
}

bool is_whole_text(std::string_view bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const auto lead = static_cast<unsigned char>(bytes[at]);
    const size_t length = lead < 0x80   ? 1
                          : lead < 0xc2 ? 0
                          : lead < 0xe0 ? 2
                          : lead < 0xf0 ? 3
                          : lead < 0xf5 ? 4
                                        : 0;
    if (length == 0 || at + length > bytes.size()) return false;
    for (size_t i = 1; i < length; ++i) {
      if (!is_continuation(bytes[at + i])) return false;
    }
    at += length;
  }
  return true;
}

std::string_view tagged(std::string_view text, std::string_view tag) {
  const std::string open = fmt::format("<{}>", tag);
  const size_t at = text.rfind(open);
  if (at == std::string_view::npos) return {};
  const auto rest = text.substr(at + open.size());
  return eval::trimmed(rest.substr(0, rest.find(fmt::format("</{}>", tag))));
}

std::vector<std::string> list_items(std::string_view text, size_t most) {
  std::vector<std::string> items;
  for (size_t at = 0; at < text.size() && items.size() < most;) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const auto line = eval::trimmed(text.substr(at, end - at));
    at = end + 1;
    const auto item = without_bullet(line);
    const bool has_word = std::any_of(item.begin(), item.end(), [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 0x80;
    });
    if (!has_word || line.starts_with('#') || line.starts_with("```")) continue;
    if (item == line && line.ends_with(':')) continue;  // "Here are three observations:"
    items.emplace_back(item);
  }
  return items;
}

}  // namespace whet::strategy
