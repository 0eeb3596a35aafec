// TextScanner: position in the source of a grammar or pattern, characters as code points, and
// errors that say where.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "base/result.h"
#include "token/utf8.h"

namespace whet::grammar {

class TextScanner {
 public:
  /// `what` names the text in messages, e.g. "grammar".
  TextScanner(std::string_view text, std::string_view what) : text_(text), what_(what) {}

  bool at_end() const { return at_ == text_.size(); }
  /// The next byte, NUL at the end.
  char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool looking_at(std::string_view word) const { return text_.substr(at_).starts_with(word); }
  void skip(size_t n) { at_ += n; }
  bool accept(std::string_view word) {
    if (!looking_at(word)) return false;
    skip(word.size());
    return true;
  }
  size_t position() const { return at_; }
  std::string_view text_from(size_t begin) const { return text_.substr(begin, at_ - begin); }

  /// Not at the end. Errors: bytes that are not UTF-8.
  Result<char32_t> code_point() {
    const Utf8Char c = first_utf8_char(text_.substr(at_));
    if (c.state != Utf8Char::State::kValid) return error("valid UTF-8", at_);
    at_ += c.length;
    return c.code_point;
  }

  /// Exactly `n` hexadecimal digits of a code point.
  Result<char32_t> hex(size_t n) {
    char32_t value = 0;
    for (size_t i = 0; i < n; ++i) {
      const char c = peek();
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return error(fmt::format("{} hexadecimal digits", n), at_);
      value = value * 16 + static_cast<char32_t>(digit);
      skip(1);
    }
    if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
      return error("a code point other than a surrogate, at most 10FFFF", at_ - n);
    }
    return value;
  }

  /// Decimal digits. Errors: none, or more than `max`.
  Result<uint32_t> number(uint32_t max) {
    const size_t begin = at_;
    uint64_t value = 0;
    while (peek() >= '0' && peek() <= '9') {
      value = value * 10 + static_cast<uint64_t>(peek() - '0');
      if (value > max) return error(fmt::format("a number up to {}", max), begin);
      skip(1);
    }
    if (at_ == begin) return error("a number", begin);
    return static_cast<uint32_t>(value);
  }

  /// "grammar, line 2, column 5: expected ..., found ...".
  Error error(std::string_view expected) const { return error(expected, at_); }
  Error error(std::string_view expected, size_t at) const {
    return problem(fmt::format("expected {}, found {}", expected, shown(at)), at);
  }
  Error problem(std::string_view message, size_t at) const {
    const std::string_view before = text_.substr(0, at);
    const size_t newline = before.rfind('\n');
    const size_t column = newline == before.npos ? at + 1 : at - newline;
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}, line {}, column {}: {}", what_, line, column, message));
  }

 private:
  std::string shown(size_t at) const {
    if (at >= text_.size()) return "the end";
    const Utf8Char c = first_utf8_char(text_.substr(at));
    const auto byte = static_cast<uint8_t>(text_[at]);
    if (c.state != Utf8Char::State::kValid || byte < 0x20 || byte == 0x7F) {
      return fmt::format("byte 0x{:02x}", byte);
    }
    return fmt::format("'{}'", text_.substr(at, c.length));
  }

  std::string_view text_;
  std::string_view what_;
  size_t at_ = 0;
};

}  // namespace whet::grammar
