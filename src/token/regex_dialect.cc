#include "token/regex_dialect.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "formats/untrusted_text.h"

namespace whet {

namespace {

// The members of the classes, to stand inside [...]. PCRE2's \s has U+180E, which Unicode took out
// of White_Space; its \w lacks marks and connectors.
constexpr std::string_view kSpaceMembers =
    R"(\x09-\x0D\x20\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
constexpr std::string_view kWordMembers = R"(\p{L}\p{M}\p{Nd}\p{Pc})";
constexpr std::string_view kHexMembers = "0-9A-Fa-f";

// Since 10.40 PCRE2 reads \p{Greek} as Script_Extensions; Oniguruma means Script.
constexpr auto kScripts = std::to_array<std::string_view>({
    "Arabic",   "Armenian", "Bengali",  "Bopomofo", "Cyrillic",  "Devanagari", "Georgian",
    "Greek",    "Gujarati", "Gurmukhi", "Han",      "Hangul",    "Hebrew",     "Hiragana",
    "Kannada",  "Katakana", "Khmer",    "Lao",      "Latin",     "Malayalam",  "Mongolian",
    "Myanmar",  "Oriya",    "Sinhala",  "Tamil",    "Telugu",    "Thai",       "Tibetan",
    "Ethiopic", "Cherokee", "Thaana",   "Syriac",   "Javanese",  "Balinese",   "Tagalog",
    "Common",   "Yi",       "Coptic",   "Gothic",   "Inherited",
});

class Translator {
 public:
  explicit Translator(std::string_view pattern) : rest_(pattern), pattern_(pattern) {}

  Result<std::string> run() {
    while (!rest_.empty()) {
      if (rest_[0] == '\\') {
        WHET_TRY_STATUS(escape());
      } else if (in_class_) {
        WHET_TRY_STATUS(class_char());
      } else {
        WHET_TRY_STATUS(plain_char());
      }
    }
    if (in_class_) return refuse("a class that is not closed");
    return std::move(out_);
  }

 private:
  Error refuse(std::string_view what) const {
    return Error(ErrorCode::kInvalidModel, fmt::format("regular expression {}: {} is not supported",
                                                       quote_untrusted(pattern_), what));
  }

  void copy(size_t n) {
    out_.append(rest_.substr(0, n));
    rest_.remove_prefix(n);
  }

  void put_class(std::string_view members, bool negated) {
    if (in_class_) {
      out_.append(members);
    } else {
      out_.append(negated ? "[^" : "[").append(members).append("]");
    }
    rest_.remove_prefix(2);
  }

  // In terms of the same \w.
  void put_word_boundary(bool is_boundary) {
    const char* format = is_boundary ? "(?:(?<=[{0}])(?![{0}])|(?<![{0}])(?=[{0}]))"
                                     : "(?:(?<=[{0}])(?=[{0}])|(?<![{0}])(?![{0}]))";
    out_ += fmt::format(fmt::runtime(format), kWordMembers);
    rest_.remove_prefix(2);
  }

  Status escape() {
    if (rest_.size() < 2) return refuse("a backslash at the end");
    class_is_empty_ = false;
    const char c = rest_[1];
    if (in_class_ && (c == 'S' || c == 'W' || c == 'H')) return negated_class_in_class(c);
    switch (c) {
      case 'b':
      case 'B':
        if (in_class_) {
          copy(2);  // a backspace
        } else {
          put_word_boundary(c == 'b');
        }
        return ok_status();
      case 's':
      case 'S':
        put_class(kSpaceMembers, c == 'S');
        return ok_status();
      case 'w':
      case 'W':
        put_class(kWordMembers, c == 'W');
        return ok_status();
      case 'h':
      case 'H':
        put_class(kHexMembers, c == 'H');
        return ok_status();
      case 'u': {
        if (rest_.size() < 6) return refuse("\\u without four hex digits");
        out_.append("\\x{").append(rest_.substr(2, 4)).append("}");
        rest_.remove_prefix(6);
        return ok_status();
      }
      case 'p':
      case 'P':
        return property();
      default:
        copy(2);
        return ok_status();
    }
  }

  // Only \S has a members-only spelling that is worth having: everything between the spaces.
  Status negated_class_in_class(char c) {
    if (c != 'S') return refuse("\\W or \\H inside a class");
    out_ +=
        R"(\x00-\x08\x0E-\x1F\x21-\x{84}\x{86}-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF})"
        R"(\x{200B}-\x{2027}\x{202A}-\x{202E}\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{10FFFF})";
    rest_.remove_prefix(2);
    return ok_status();
  }

  Status property() {
    const size_t close = rest_.find('}');
    if (rest_.size() < 3 || rest_[2] != '{' || close == std::string_view::npos) {
      copy(2);  // \pL
      return ok_status();
    }
    std::string_view name = rest_.substr(3, close - 3);
    const bool negated = name.starts_with('^');
    if (negated) name.remove_prefix(1);
    out_.append(rest_.substr(0, 3)).append(negated ? "^" : "");
    if (std::find(kScripts.begin(), kScripts.end(), name) != kScripts.end()) out_ += "sc:";
    out_.append(name).append("}");
    rest_.remove_prefix(close + 1);
    return ok_status();
  }

  Status class_char() {
    if (rest_.starts_with("&&")) return refuse("a class intersection");
    if (rest_.starts_with("[:")) {
      const size_t close = rest_.find(":]");
      if (close == std::string_view::npos) return refuse("a nested class");
      copy(close + 2);
      return ok_status();
    }
    if (rest_[0] == '[') return open_nested_class();
    if (rest_[0] == ']' && n_nested_ > 0) return close_nested_class();
    // A "]" that comes first stands for itself.
    if (rest_[0] == ']' && !class_is_empty_) in_class_ = false;
    class_is_empty_ = false;
    copy(1);
    return ok_status();
  }

  // Members of a class within a class are members of the outer one, so its brackets are left out. A
  // "-" beside such a bracket stands for itself, and would make a range without the bracket.
  Status open_nested_class() {
    if (rest_.starts_with("[^")) return refuse("a negated class in a class");
    if (rest_.starts_with("[]")) return refuse("an empty class in a class");
    if (rest_.starts_with("[-") || out_.ends_with('-')) return refuse("a - beside a nested class");
    ++n_nested_;
    class_is_empty_ = false;
    rest_.remove_prefix(1);
    return ok_status();
  }

  Status close_nested_class() {
    if (rest_.starts_with("]-") || out_.ends_with('-')) return refuse("a - beside a nested class");
    --n_nested_;
    rest_.remove_prefix(1);
    return ok_status();
  }

  Status plain_char() {
    if (rest_[0] == '[') {
      in_class_ = class_is_empty_ = true;
      copy(rest_.starts_with("[^") ? 2 : 1);
      return ok_status();
    }
    if (rest_.starts_with("(?")) {
      const size_t end = rest_.find_first_of(":)<=!>#P", 2);
      if (end != std::string_view::npos &&
          rest_.substr(2, end - 2).find('m') != std::string_view::npos) {
        return refuse("(?m)");
      }
    }
    if (rest_.starts_with("}+") && closes_interval()) return refuse("{n,m}+");
    copy(1);
    return ok_status();
  }

  bool closes_interval() const {
    const size_t open = out_.rfind('{');
    return open != std::string::npos && open + 1 < out_.size() &&
           out_.find_first_not_of("0123456789,", open + 1) == std::string::npos;
  }

  std::string_view rest_;
  std::string_view pattern_;
  std::string out_;
  bool in_class_ = false;
  bool class_is_empty_ = false;
  size_t n_nested_ = 0;
};

}  // namespace

Result<std::string> translate_oniguruma(std::string_view pattern) {
  // DeepSeek's `\s+$` tries every suffix from every place of a run of spaces. Only the start of a
  // run can give the leftmost match, so saying so changes nothing but the time.
  if (pattern == R"(\s+$)") {
    return fmt::format("(?<![{0}])[{0}]+$", kSpaceMembers);
  }
  return Translator(pattern).run();
}

}  // namespace whet
