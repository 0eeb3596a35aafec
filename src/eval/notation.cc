#include "eval/notation.h"

#include <utf8proc.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <vector>

#include "base/ascii.h"
#include "eval/word_list.h"

namespace whet::eval {
namespace {

/// 0 to 9 for a decimal digit of any script. Unicode keeps each script's ten digits in a row.
int digit_value(utf8proc_int32_t code) {
  int before = 0;
  while (utf8proc_category(code - 1 - before) == UTF8PROC_CATEGORY_ND) ++before;
  return before % 10;
}

bool is_minus(utf8proc_int32_t code) {
  // Hyphens, figure and en dash, minus signs. An em dash joins clauses, not numbers.
  return (code >= 0x2010 && code <= 0x2013) || code == 0x2212 || code == 0xfe63 || code == 0xff0d;
}

bool is_invisible(utf8proc_int32_t code) {
  return (code >= 0x200b && code <= 0x200f) || code == 0x2060 || code == 0xfeff;
}

/// The ASCII that a code point stands for; 0 if it stands for itself.
char ascii_of(utf8proc_int32_t code) {
  if (is_minus(code)) return '-';
  if (code >= 0xff01 && code <= 0xff5e) return static_cast<char>(code - 0xfee0);
  switch (code) {
    case 0x00d7:  // multiplication sign
    case 0x22c5:  // dot operator
      return '*';
    case 0x00b0:  // degree
      return ' ';
    case 0x2018:
    case 0x2019:
      return '\'';
    case 0x201c:
    case 0x201d:
      return '"';
    case 0x2044:  // fraction slash
    case 0x2215:
      return '/';
    case 0x066b:  // Arabic decimal and thousands separators
      return '.';
    case 0x066c:
    case 0x3001:
      return ',';
    case 0x3002:
      return '.';
    default:
      break;
  }
  switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_ND:
      return static_cast<char>('0' + digit_value(code));
    case UTF8PROC_CATEGORY_ZS:
      return ' ';
    case UTF8PROC_CATEGORY_SC:
      return '$';
    default:
      return 0;
  }
}

/// The code points that `code` is composed of, e.g. 1, fraction slash, 2.
std::vector<utf8proc_int32_t> parts_of(utf8proc_int32_t code) {
  utf8proc_int32_t parts[8];
  int last_class = 0;
  const auto n = utf8proc_decompose_char(
      code, parts, 8, static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT),
      &last_class);
  return {parts, parts + std::clamp<utf8proc_ssize_t>(n, 0, 8)};
}

std::string ascii_notation(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool in_superscript = false;
  for (size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      out.push_back(text[at++]);
      in_superscript = false;
      continue;
    }
    utf8proc_int32_t code = 0;
    const auto size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at),
                                       static_cast<utf8proc_ssize_t>(text.size() - at), &code);
    if (size <= 0) {
      out.push_back(text[at++]);
      continue;
    }
    const std::string_view bytes = text.substr(at, static_cast<size_t>(size));
    at += static_cast<size_t>(size);
    if (is_invisible(code)) continue;
    const auto kind = utf8proc_get_property(code)->decomp_type;
    if (kind == UTF8PROC_DECOMP_TYPE_SUPER) {
      // After a digit an exponent; after a letter a part of a unit, as in square metres.
      for (utf8proc_int32_t part : parts_of(code)) {
        const char c = part < 0x80 ? static_cast<char>(part) : ascii_of(part);
        if (!is_digit(c) && c != '-' && c != '+') continue;
        const bool starts = !out.empty() && (is_digit(out.back()) || out.back() == ')');
        if (in_superscript) {
          out.push_back(c);
        } else if (starts) {
          out.append("^").push_back(c);
          in_superscript = true;
        }
      }
      continue;
    }
    in_superscript = false;
    if (kind == UTF8PROC_DECOMP_TYPE_FRACTION) {
      if (!out.empty() && is_digit(out.back())) out.push_back(' ');
      for (utf8proc_int32_t part : parts_of(code)) {
        out.push_back(part < 0x80 ? static_cast<char>(part) : ascii_of(part));
      }
    } else if (const char c = ascii_of(code); c != 0) {
      out.push_back(c);
    } else {
      out.append(bytes);
    }
  }
  return out;
}

/// The letters of a LaTeX command whose backslash stands at `at`.
std::string_view command_at(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && is_letter(text[end])) ++end;
  return text.substr(at + 1, end - at - 1);
}

bool wraps_text(std::string_view command) {
  return is_one_of(command,
                   {"text", "textbf", "textit", "textrm", "textsf", "texttt", "mathbf", "mathrm",
                    "mathsf", "mathit", "mbox", "emph", "underline", "operatorname", "bm"});
}

std::string without_latex(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::vector<bool> open;  // for each open brace: whether it is dropped
  for (size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    if (rest.starts_with("{,}")) {
      out.push_back(',');
      at += 3;
    } else if (rest.starts_with("^\\circ") || rest.starts_with("^{\\circ}")) {
      out.push_back(' ');
      at += rest[1] == '{' ? 8 : 6;
    } else if (text[at] == '{') {
      open.push_back(false);
      out.push_back(text[at++]);
    } else if (text[at] == '}') {
      out.push_back(!open.empty() && open.back() ? ' ' : '}');
      if (!open.empty()) open.pop_back();
      ++at;
    } else if (text[at] == '~') {
      out.push_back(' ');
      ++at;
    } else if (text[at] != '\\' || at + 1 == text.size()) {
      out.push_back(text[at++]);
    } else if (const auto command = command_at(text, at); command.empty()) {
      const char escaped = text[at + 1];
      if (std::string_view(",;:() []").find(escaped) != std::string_view::npos) {
        out.push_back(' ');
      } else if (escaped == '$' || escaped == '%') {
        out.push_back(escaped);
      } else if (escaped != '!') {
        out.append(text.substr(at, 2));
      }
      at += 2;
    } else {
      at += command.size() + 1;
      size_t brace = at;
      while (brace < text.size() && text[brace] == ' ') ++brace;
      if (wraps_text(command) && brace < text.size() && text[brace] == '{') {
        out.push_back(' ');
        open.push_back(true);
        at = brace + 1;
      } else if (is_one_of(command, {"dfrac", "tfrac", "cfrac"})) {
        out.append("\\frac");
      } else if (is_one_of(command, {"times", "cdot"})) {
        out.append(" * ");
      } else if (is_one_of(command, {"left", "right", "displaystyle", "bf", "rm"})) {
        // Only how it looks.
      } else if (is_one_of(command, {"quad", "qquad", "degree"})) {
        out.push_back(' ');
      } else {
        out.append("\\").append(command);
      }
    }
  }
  return out;
}

}  // namespace

std::string plain_notation(std::string_view text) {
  return without_latex(ascii_notation(text));
}

}  // namespace whet::eval
