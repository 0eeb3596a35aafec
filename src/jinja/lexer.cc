#include "jinja/lexer.h"

#include <fmt/format.h>

#include <array>

#include "base/ascii.h"
#include "jinja/string_literal.h"
#include "jinja/unicode.h"

namespace whet::jinja {
namespace {

constexpr std::array<std::string_view, 6> kLongOperators = {"//", "**", "==", "!=", ">=", "<="};
constexpr std::string_view kShortOperators = "+-/*%~[](){}><=.:|,;";

bool is_name_start(char32_t c) {
  return c == '_' || is_alphabetic(c);
}

/// "\r\n" and "\r" become "\n"; one newline at the very end is dropped.
std::string normalize_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
    } else {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  Result<std::vector<Token>> run();

 private:
  bool at_end() const { return offset_ == source_.size(); }
  char peek(size_t ahead = 0) const {
    return offset_ + ahead < source_.size() ? source_[offset_ + ahead] : '\0';
  }
  bool starts_with(std::string_view prefix, size_t offset) const {
    return source_.substr(offset, prefix.size()) == prefix;
  }
  void advance_to(size_t offset);
  void skip_space() { advance_to(offset_ + leading_space(source_.substr(offset_))); }
  void push(TokenKind kind, Position at, std::string text = {}) {
    tokens_.push_back({kind, at, std::move(text)});
  }

  size_t find_tag() const;
  void lex_text(size_t end, char sign, bool strips_line);
  char sign_at(size_t offset) const;
  bool finish_tag(std::string_view close, bool keeps_with_plus, bool trims_newline);
  Status lex_comment();
  Status lex_inside(TokenKind end_kind, std::string_view close);
  Status lex_one();
  Status lex_string(char quote);
  void lex_number();
  Status lex_operator();
  bool try_raw();
  Status lex_raw(Position at);

  std::string_view source_;
  size_t offset_ = 0;
  Position at_;
  std::vector<Token> tokens_;
  std::string open_brackets_;  // the closing bracket that each open one expects
};

void Lexer::advance_to(size_t offset) {
  for (; offset_ < offset; ++offset_) {
    const char c = source_[offset_];
    if (c == '\n') {
      ++at_.line;
      at_.column = 1;
    } else if ((c & 0xc0) != 0x80) {
      ++at_.column;
    }
  }
}

/// Offset of the next "{%", "{{" or "{#"; the source's size if there is none.
size_t Lexer::find_tag() const {
  for (size_t i = offset_; i + 1 < source_.size(); ++i) {
    if (source_[i] != '{') continue;
    const char next = source_[i + 1];
    if (next == '%' || next == '{' || next == '#') return i;
  }
  return source_.size();
}

char Lexer::sign_at(size_t offset) const {
  if (offset >= source_.size()) return '\0';
  const char c = source_[offset];
  return c == '-' || c == '+' ? c : '\0';
}

/// The text up to `end`, where a tag with `sign` begins.
void Lexer::lex_text(size_t end, char sign, bool strips_line) {
  std::string_view text = source_.substr(offset_, end - offset_);
  if (sign == '-') {
    text = strip_space(text, false, true);
  } else if (sign != '+' && strips_line) {
    const size_t newline = text.rfind('\n');
    const bool line_starts = offset_ == 0 || source_[offset_ - 1] == '\n';
    if (newline != std::string_view::npos || line_starts) {
      const size_t line = newline == std::string_view::npos ? 0 : newline + 1;
      if (leading_space(text.substr(line)) == text.size() - line) text = text.substr(0, line);
    }
  }
  if (!text.empty()) push(TokenKind::kText, at_, std::string(text));
  advance_to(end);
}

/// Passes an end of tag at the current offset ("-%}" with the whitespace after it, "+%}", "%}").
bool Lexer::finish_tag(std::string_view close, bool keeps_with_plus, bool trims_newline) {
  if (peek() == '-' && starts_with(close, offset_ + 1)) {
    advance_to(offset_ + 1 + close.size());
    skip_space();
    return true;
  }
  if (keeps_with_plus && peek() == '+' && starts_with(close, offset_ + 1)) {
    advance_to(offset_ + 1 + close.size());
    return true;
  }
  if (!starts_with(close, offset_)) return false;
  advance_to(offset_ + close.size());
  if (trims_newline && peek() == '\n') advance_to(offset_ + 1);
  return true;
}

Status Lexer::lex_comment() {
  const Position begin = at_;
  advance_to(offset_ + 2);
  // As in Jinja, the sign of "{#-" may also be the sign of "-#}".
  if (sign_at(offset_) != '\0') advance_to(offset_ + 1);
  const size_t close = find_bytes(source_, "#}", offset_);
  if (close == std::string_view::npos) return error_at(begin, "expected '#}' to end the comment");
  const bool signed_close = close > offset_ && sign_at(close - 1) != '\0';
  advance_to(signed_close ? close - 1 : close);
  finish_tag("#}", true, true);
  return ok_status();
}

/// Passes "{% raw %}" if that is what stands here.
bool Lexer::try_raw() {
  size_t i = offset_ + 2;
  if (sign_at(i) != '\0') ++i;
  i += leading_space(source_.substr(i));
  if (!starts_with("raw", i)) return false;
  i += 3;
  i += leading_space(source_.substr(i));
  if (!starts_with("%}", i) && !starts_with("-%}", i)) return false;
  advance_to(i);
  return finish_tag("%}", false, false);
}

/// The text of a raw block up to and including its end tag.
Status Lexer::lex_raw(Position at) {
  size_t search = offset_;
  for (;;) {
    const size_t tag = find_bytes(source_, "{%", search);
    if (tag == std::string_view::npos) return error_at(at, "expected '{% endraw %}'");
    search = tag + 2;
    const char sign = sign_at(tag + 2);
    size_t i = tag + (sign == '\0' ? 2 : 3);
    i += leading_space(source_.substr(i));
    if (!starts_with("endraw", i)) continue;
    i += 6;
    i += leading_space(source_.substr(i));
    const size_t close = sign_at(i) != '\0' ? i + 1 : i;
    if (!starts_with("%}", close)) continue;
    lex_text(tag, sign, true);
    advance_to(i);
    finish_tag("%}", true, true);
    return ok_status();
  }
}

Status Lexer::lex_string(char quote) {
  const Position begin = at_;
  size_t end = offset_ + 1;
  while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
  if (end >= source_.size()) return error_at(begin, "string without an end");
  auto value = unescape(source_.substr(offset_ + 1, end - offset_ - 1));
  if (!value.ok()) return locate(begin, value.error());
  push(TokenKind::kString, begin, std::move(*value));
  advance_to(end + 1);
  return ok_status();
}

/// A number at the current offset, where a digit stands.
void Lexer::lex_number() {
  auto digits_end = [&](size_t i, auto is_valid) {
    while (i < source_.size() &&
           (is_valid(source_[i]) ||
            (source_[i] == '_' && i + 1 < source_.size() && is_valid(source_[i + 1])))) {
      ++i;
    }
    return i;
  };
  const char base = static_cast<char>(peek(1) | 0x20);
  size_t end = offset_;
  TokenKind kind = TokenKind::kInteger;
  if (peek() == '0' && base == 'x') {
    end = digits_end(offset_ + 2, [](char c) {
      return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
    });
  } else if (peek() == '0' && base == 'o') {
    end = digits_end(offset_ + 2, [](char c) { return c >= '0' && c <= '7'; });
  } else if (peek() == '0' && base == 'b') {
    end = digits_end(offset_ + 2, [](char c) { return c == '0' || c == '1'; });
  }
  if (end <= offset_ + 2) {
    end = digits_end(offset_, is_digit);
    const bool after_dot = offset_ > 0 && source_[offset_ - 1] == '.';
    size_t tail = end;
    if (!after_dot && tail + 1 < source_.size() && source_[tail] == '.' &&
        is_digit(source_[tail + 1])) {
      tail = digits_end(tail + 1, is_digit);
    }
    if (!after_dot && tail < source_.size() && (source_[tail] | 0x20) == 'e') {
      size_t exponent = tail + 1;
      if (sign_at(exponent) != '\0') ++exponent;
      if (exponent < source_.size() && is_digit(source_[exponent])) {
        tail = digits_end(exponent, is_digit);
      }
    }
    if (tail > end) {
      kind = TokenKind::kFloat;
      end = tail;
    } else if (peek() == '0') {
      end = digits_end(offset_, [](char c) { return c == '0'; });
    }
  }
  std::string text;
  for (char c : source_.substr(offset_, end - offset_)) {
    if (c != '_') text += c;
  }
  push(kind, at_, std::move(text));
  advance_to(end);
}

Status Lexer::lex_operator() {
  const Position begin = at_;
  std::string spelling(1, peek());
  for (auto candidate : kLongOperators) {
    if (starts_with(candidate, offset_)) spelling = candidate;
  }
  if (spelling.size() == 1 && kShortOperators.find(spelling[0]) == std::string_view::npos) {
    const size_t n = decode_at(source_, offset_).n_bytes;
    return error_at(begin, fmt::format("unexpected character '{}'", source_.substr(offset_, n)));
  }
  const char c = spelling[0];
  if (c == '(' || c == '[' || c == '{') {
    open_brackets_ += c == '(' ? ')' : c == '[' ? ']' : '}';
  } else if (c == ')' || c == ']' || c == '}') {
    if (open_brackets_.empty()) return error_at(begin, fmt::format("unexpected '{}'", c));
    if (open_brackets_.back() != c) {
      return error_at(begin, fmt::format("expected '{}', found '{}'", open_brackets_.back(), c));
    }
    open_brackets_.pop_back();
  }
  push(TokenKind::kOperator, begin, spelling);
  advance_to(offset_ + spelling.size());
  return ok_status();
}

Status Lexer::lex_one() {
  const char c = peek();
  if (c == '"' || c == '\'') return lex_string(c);
  if (is_digit(c)) {
    lex_number();
    return ok_status();
  }
  if (!is_name_start(decode_at(source_, offset_).value)) return lex_operator();
  size_t end = offset_;
  while (end < source_.size()) {
    const auto part = decode_at(source_, end);
    if (part.value != '_' && !is_alphanumeric(part.value)) break;
    end += part.n_bytes;
  }
  push(TokenKind::kName, at_, std::string(source_.substr(offset_, end - offset_)));
  advance_to(end);
  return ok_status();
}

/// The tokens between a begin tag and its end; inside brackets an end tag is operators.
Status Lexer::lex_inside(TokenKind end_kind, std::string_view close) {
  const bool is_block = end_kind == TokenKind::kTagEnd;
  const Position begin = at_;
  open_brackets_.clear();
  for (;;) {
    skip_space();
    if (at_end()) return error_at(begin, fmt::format("expected '{}' to end this tag", close));
    const Position at = at_;
    if (open_brackets_.empty() && finish_tag(close, is_block, is_block)) {
      push(end_kind, at);
      return ok_status();
    }
    WHET_TRY_STATUS(lex_one());
  }
}

Result<std::vector<Token>> Lexer::run() {
  while (!at_end()) {
    const size_t tag = find_tag();
    if (tag == source_.size()) {
      lex_text(tag, '+', false);
      break;
    }
    const char kind = source_[tag + 1];
    lex_text(tag, sign_at(tag + 2), kind != '{');
    const Position at = at_;
    if (kind == '#') {
      WHET_TRY_STATUS(lex_comment());
    } else if (kind == '%' && try_raw()) {
      WHET_TRY_STATUS(lex_raw(at));
    } else {
      const bool is_block = kind == '%';
      push(is_block ? TokenKind::kTagBegin : TokenKind::kOutputBegin, at);
      advance_to(offset_ + (sign_at(offset_ + 2) == '\0' ? 2 : 3));
      WHET_TRY_STATUS(lex_inside(is_block ? TokenKind::kTagEnd : TokenKind::kOutputEnd,
                                 is_block ? "%}" : "}}"));
    }
  }
  push(TokenKind::kEnd, at_);
  return std::move(tokens_);
}

}  // namespace

std::string describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kText:
      return "text";
    case TokenKind::kOutputBegin:
      return "'{{'";
    case TokenKind::kOutputEnd:
      return "'}}'";
    case TokenKind::kTagBegin:
      return "'{%'";
    case TokenKind::kTagEnd:
      return "'%}'";
    case TokenKind::kName:
    case TokenKind::kOperator:
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return fmt::format("'{}'", token.text);
    case TokenKind::kString:
      return "a string";
    case TokenKind::kEnd:
      return "the end of the template";
  }
  WHET_UNREACHABLE();
}

Result<std::vector<Token>> tokenize(std::string_view source) {
  const std::string normalized = normalize_newlines(source);
  return Lexer(normalized).run();
}

}  // namespace whet::jinja
