#include "grammar/regex.h"

#include <string>

#include "grammar/text_scanner.h"

namespace whet::grammar {
namespace {

constexpr size_t kMaxPattern = size_t{64} << 10;
constexpr int kMaxRegexDepth = 200;
constexpr uint32_t kMaxRegexRepetition = 1'000'000;

const CodePoints kDigits{{'0', '9'}};
const CodePoints kWord{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
const CodePoints kSpace{{'\t', '\r'},     {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680},
                        {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
                        {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
const CodePoints kLineEnds{{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

class RegexParser {
 public:
  RegexParser(RuleSet& rules, std::string_view pattern, const RegexOptions& options)
      : rules_(rules), options_(options), in_(pattern, "pattern") {}

  Result<ExprId> parse() {
    WHET_TRY(const ExprId whole, alternatives(0));
    if (!in_.at_end()) return in_.error("the end of the pattern");
    return whole;
  }

 private:
  Result<ExprId> alternatives(int depth) {
    std::vector<ExprId> found;
    do {
      WHET_TRY(const ExprId next, depth == 0 ? anchored() : sequence(depth));
      found.push_back(next);
    } while (in_.accept("|"));
    return found.size() == 1 ? found[0] : rules_.any_of(std::move(found));
  }

  /// One alternative of the whole pattern: the place where ^ and $ mean something.
  Result<ExprId> anchored() {
    const bool from_start = in_.accept("^");
    WHET_TRY(const ExprId body, sequence(0));
    const bool to_end = in_.accept("$");
    if (!options_.search) return body;
    std::vector<ExprId> parts;
    if (!from_start) parts.push_back(anything());
    parts.push_back(body);
    if (!to_end) parts.push_back(anything());
    return rules_.sequence(std::move(parts));
  }

  ExprId anything() { return rules_.repeat(spell(CodePoints::all()), 0, std::nullopt); }

  ExprId spell(const CodePoints& set) {
    return options_.spell ? options_.spell(rules_, set) : rules_.one_of(set);
  }

  Result<ExprId> sequence(int depth) {
    std::vector<ExprId> parts;
    while (!in_.at_end() && in_.peek() != '|' && in_.peek() != ')') {
      const size_t begin = in_.position();
      if (in_.peek() == '$') {
        const char after = in_.peek(1);
        if (depth == 0 && (after == '|' || after == '\0')) break;
        return in_.problem("$ is supported only at the end of the pattern", begin);
      }
      if (in_.peek() == '^') {
        return in_.problem("^ is supported only at the start of the pattern", begin);
      }
      WHET_TRY(const ExprId part, atom(depth));
      WHET_TRY(const ExprId repeated, quantified(part));
      parts.push_back(repeated);
    }
    return parts.size() == 1 ? parts[0] : rules_.sequence(std::move(parts));
  }

  Result<ExprId> atom(int depth) {
    const size_t begin = in_.position();
    const char c = in_.peek();
    if (c == '(') return group(depth);
    if (c == '[') return char_class();
    if (in_.accept(".")) return spell(kLineEnds.complement());
    if (c == '*' || c == '+' || c == '?') return in_.error("something to repeat");
    if (c == '{' || c == '}' || c == ']') {
      return in_.problem(fmt::format("a lone {}; write \\{}", c, c), begin);
    }
    WHET_TRY(const CodePoints set, in_.accept("\\") ? escape(false) : literal_character());
    return spell(set);
  }

  Result<ExprId> group(int depth) {
    const size_t begin = in_.position();
    if (depth == kMaxRegexDepth) {
      return in_.problem(fmt::format("groups nested deeper than {}", kMaxRegexDepth), begin);
    }
    in_.skip(1);
    if (in_.accept("?")) {
      for (std::string_view look : {"=", "!", "<=", "<!"}) {
        if (in_.looking_at(look)) {
          return in_.problem(fmt::format("lookaround (?{} is not supported", look), begin);
        }
      }
      if (in_.accept("P<") || in_.accept("<")) {
        while (!in_.at_end() && in_.peek() != '>') in_.skip(1);
        if (!in_.accept(">")) return in_.error("> after the name of a group");
      } else if (!in_.accept(":")) {
        return in_.problem(fmt::format("the group (?{} is not supported", in_.peek()), begin);
      }
    }
    WHET_TRY(const ExprId body, alternatives(depth + 1));
    if (!in_.accept(")")) return in_.error(")");
    return body;
  }

  Result<ExprId> quantified(ExprId what) {
    const size_t begin = in_.position();
    uint32_t min = 0;
    std::optional<uint32_t> max;
    if (in_.accept("*")) {
    } else if (in_.accept("+")) {
      min = 1;
    } else if (in_.accept("?")) {
      max = 1;
    } else if (in_.accept("{")) {
      WHET_TRY(min, in_.number(kMaxRegexRepetition));
      max = min;
      if (in_.accept(",")) {
        max = std::nullopt;
        if (in_.peek() != '}') {
          WHET_TRY(max, in_.number(kMaxRegexRepetition));
        }
      }
      if (!in_.accept("}")) return in_.error("}");
      if (max.has_value() && *max < min) {
        return in_.problem(fmt::format("a repetition of at least {} and at most {}", min, *max),
                           begin);
      }
    } else {
      return what;
    }
    in_.accept("?");  // a lazy repetition matches the same texts
    const char c = in_.peek();
    if (c == '+') {
      return in_.problem("possessive repetition is not supported", in_.position());
    }
    if (c == '*' || c == '?' || c == '{') {
      return in_.problem("a repetition of a repetition; put the inner one in a group",
                         in_.position());
    }
    return rules_.repeat(what, min, max);
  }

  static CodePoints one(char32_t member) { return CodePoints{{member, member}}; }

  Result<CodePoints> literal_character() {
    WHET_TRY(const char32_t c, in_.code_point());
    return one(c);
  }

  /// Behind the backslash.
  Result<CodePoints> escape(bool in_class) {
    const size_t begin = in_.position() - 1;
    if (in_.at_end()) return in_.error("a character after \\");
    const char c = in_.peek();
    if (static_cast<uint8_t>(c) >= 0x80) {
      return in_.problem("only ASCII characters can be escaped", begin);
    }
    in_.skip(1);
    switch (c) {
      case 'd':
        return kDigits;
      case 'D':
        return kDigits.complement();
      case 'w':
        return kWord;
      case 'W':
        return kWord.complement();
      case 's':
        return kSpace;
      case 'S':
        return kSpace.complement();
      case 't':
        return one('\t');
      case 'n':
        return one('\n');
      case 'r':
        return one('\r');
      case 'f':
        return one('\f');
      case 'v':
        return one('\v');
      case '0':
        if (in_.peek() >= '0' && in_.peek() <= '9') break;
        return one(0);
      case 'x': {
        WHET_TRY(const char32_t value, in_.hex(2));
        return one(value);
      }
      case 'u': {
        WHET_TRY(const char32_t value, in_.hex(4));
        return one(value);
      }
      case 'b':
        if (in_class) return one('\b');
        return in_.problem("the word boundary \\b is not supported", begin);
      case 'B':
        return in_.problem("the word boundary \\B is not supported", begin);
      case 'p':
      case 'P':
        return in_.problem(fmt::format("the property \\{} is not supported", c), begin);
      default:
        break;
    }
    if (c >= '0' && c <= '9') {
      return in_.problem(fmt::format("the back reference \\{} is not supported", c), begin);
    }
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      return in_.problem(fmt::format("the escape \\{} is not supported", c), begin);
    }
    return one(static_cast<char32_t>(c));
  }

  Result<CodePoints> class_member() {
    return in_.accept("\\") ? escape(true) : literal_character();
  }

  static bool is_single(const CodePoints& set) {
    return set.ranges().size() == 1 && set.ranges()[0].low == set.ranges()[0].high;
  }

  Result<ExprId> char_class() {
    const size_t begin = in_.position();
    in_.skip(1);
    const bool negated = in_.accept("^");
    std::vector<CodePoints::Range> ranges;
    while (!in_.accept("]")) {
      if (in_.at_end()) return in_.error("] at the end of a class");
      const size_t at = in_.position();
      WHET_TRY(const CodePoints low, class_member());
      if (in_.peek() != '-' || in_.peek(1) == ']') {
        ranges.insert(ranges.end(), low.ranges().begin(), low.ranges().end());
        continue;
      }
      in_.skip(1);
      if (in_.at_end()) return in_.error("] at the end of a class");
      WHET_TRY(const CodePoints high, class_member());
      if (!is_single(low) || !is_single(high)) {
        return in_.problem("a range needs one character on each side", at);
      }
      if (high.ranges()[0].low < low.ranges()[0].low) {
        return in_.problem("the range of a class ends before it begins", at);
      }
      ranges.push_back({low.ranges()[0].low, high.ranges()[0].low});
    }
    CodePoints set(ranges);
    if (negated) set = set.complement();
    if (set.empty()) return in_.problem("a class that no character is in", begin);
    return spell(set);
  }

  RuleSet& rules_;
  const RegexOptions& options_;
  TextScanner in_;
};

}  // namespace

Result<ExprId> add_regex(RuleSet& rules, std::string_view pattern, const RegexOptions& options) {
  if (pattern.size() > kMaxPattern) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("pattern: {} bytes, more than {}", pattern.size(), kMaxPattern));
  }
  return RegexParser(rules, pattern, options).parse();
}

Result<std::shared_ptr<const Grammar>> regex_grammar(std::string_view pattern) {
  RuleSet rules;
  WHET_TRY(const ExprId root, add_regex(rules, pattern, {}));
  return Grammar::compile(rules, root);
}

}  // namespace whet::grammar
