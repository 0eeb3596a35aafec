#include "grammar/gbnf.h"

#include <map>
#include <string>

#include "grammar/text_scanner.h"

namespace whet::grammar {
namespace {

constexpr size_t kMaxText = size_t{4} << 20;
constexpr int kMaxGbnfDepth = 200;  // of parentheses
constexpr uint32_t kMaxRepetition = 1'000'000;

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

class GbnfParser {
 public:
  GbnfParser(RuleSet& rules, std::string_view text) : rules_(rules), in_(text, "grammar") {}

  Result<ExprId> parse() {
    skip_space(true);
    while (!in_.at_end()) {
      WHET_TRY_STATUS(rule());
      skip_space(true);
    }
    for (const auto& [name, rule] : named_) {
      if (!rule.defined) {
        return in_.problem(fmt::format("the rule {} is used here but defined nowhere", name),
                           rule.first_use);
      }
    }
    const auto root = named_.find("root");
    if (root == named_.end()) return in_.error("a rule named root");
    return rules_.call(root->second.id);
  }

 private:
  struct NamedRule {
    RuleId id;
    size_t first_use;
    bool defined = false;
  };

  /// Spaces and comments; line ends too where a rule goes on.
  void skip_space(bool newlines) {
    while (!in_.at_end()) {
      const char c = in_.peek();
      if (c == '#') {
        while (!in_.at_end() && in_.peek() != '\n' && in_.peek() != '\r') in_.skip(1);
      } else if (c == ' ' || c == '\t' || (newlines && (c == '\n' || c == '\r'))) {
        in_.skip(1);
      } else {
        return;
      }
    }
  }

  Result<std::string> name() {
    const size_t begin = in_.position();
    while (is_name_char(in_.peek())) in_.skip(1);
    if (in_.position() == begin) {
      return in_.error("the name of a rule (letters, digits and -)");
    }
    return std::string(in_.text_from(begin));
  }

  NamedRule& named(const std::string& name, size_t at) {
    auto it = named_.find(name);
    if (it == named_.end()) {
      it = named_.emplace(name, NamedRule{rules_.declare(name), at}).first;
    }
    return it->second;
  }

  Status rule() {
    const size_t begin = in_.position();
    WHET_TRY(const std::string rule_name, name());
    skip_space(false);
    if (!in_.accept("::=")) return in_.error("::= after the name of a rule");
    skip_space(true);
    NamedRule& rule = named(rule_name, begin);
    if (rule.defined) {
      return in_.problem(fmt::format("the rule {} is defined a second time", rule_name), begin);
    }
    rule.defined = true;
    const RuleId id = rule.id;
    WHET_TRY(const ExprId body, alternatives(0));
    rules_.define(id, body);
    if (!in_.at_end() && in_.peek() != '\n' && in_.peek() != '\r') {
      return in_.error("|, more of the rule, or the end of the line");
    }
    return ok_status();
  }

  Result<ExprId> alternatives(int depth) {
    std::vector<ExprId> found;
    WHET_TRY(const ExprId first, sequence(depth));
    found.push_back(first);
    while (in_.accept("|")) {
      skip_space(true);
      WHET_TRY(const ExprId next, sequence(depth));
      found.push_back(next);
    }
    return found.size() == 1 ? found[0] : rules_.any_of(std::move(found));
  }

  Result<ExprId> sequence(int depth) {
    std::vector<ExprId> parts;
    for (;;) {
      const char c = in_.peek();
      const size_t begin = in_.position();
      if (c == '"') {
        WHET_TRY(const ExprId part, literal());
        parts.push_back(part);
      } else if (c == '[') {
        WHET_TRY(const ExprId part, char_class());
        parts.push_back(part);
      } else if (c == '.') {
        in_.skip(1);
        parts.push_back(rules_.one_of(CodePoints::all()));
      } else if (is_name_char(c)) {
        WHET_TRY(const std::string called, name());
        parts.push_back(rules_.call(named(called, begin).id));
      } else if (c == '(') {
        if (depth == kMaxGbnfDepth) {
          return in_.problem(fmt::format("parentheses nested deeper than {}", kMaxGbnfDepth),
                             begin);
        }
        in_.skip(1);
        skip_space(true);
        WHET_TRY(const ExprId part, alternatives(depth + 1));
        if (!in_.accept(")")) return in_.error(")");
        parts.push_back(part);
      } else if (c == '*' || c == '+' || c == '?' || c == '{') {
        if (parts.empty()) return in_.error("something to repeat before the repetition");
        WHET_TRY(parts.back(), repetition(parts.back()));
      } else if (c == '<' || (c == '!' && in_.peek(1) == '<')) {
        return in_.problem(
            "tokens as symbols (<...>) are not supported; write the token's text as a string",
            begin);
      } else {
        break;
      }
      skip_space(depth > 0);
    }
    return parts.size() == 1 ? parts[0] : rules_.sequence(std::move(parts));
  }

  Result<ExprId> repetition(ExprId what) {
    const size_t begin = in_.position();
    if (in_.accept("*")) return rules_.repeat(what, 0, std::nullopt);
    if (in_.accept("+")) return rules_.repeat(what, 1, std::nullopt);
    if (in_.accept("?")) return rules_.optional(what);
    in_.skip(1);
    skip_space(false);
    WHET_TRY(const uint32_t min, in_.number(kMaxRepetition));
    std::optional<uint32_t> max = min;
    skip_space(false);
    if (in_.accept(",")) {
      skip_space(false);
      max = std::nullopt;
      if (in_.peek() != '}') {
        WHET_TRY(max, in_.number(kMaxRepetition));
        skip_space(false);
      }
    }
    if (!in_.accept("}")) return in_.error("}");
    if (max.has_value() && *max < min) {
      return in_.problem(fmt::format("a repetition of at least {} and at most {}", min, *max),
                         begin);
    }
    return rules_.repeat(what, min, max);
  }

  /// One character of a string or class, escapes resolved.
  Result<char32_t> character() {
    if (!in_.accept("\\")) return in_.code_point();
    const char c = in_.peek();
    const size_t begin = in_.position();
    in_.skip(in_.at_end() ? 0 : 1);
    switch (c) {
      case 'x':
        return in_.hex(2);
      case 'u':
        return in_.hex(4);
      case 'U':
        return in_.hex(8);
      case 't':
        return U'\t';
      case 'r':
        return U'\r';
      case 'n':
        return U'\n';
      case '\\':
      case '"':
      case '[':
      case ']':
      case '-':
      case '^':
        return static_cast<char32_t>(c);
      default:
        return in_.error("an escape: \\x \\u \\U \\t \\r \\n \\\\ \\\" \\[ \\] \\- or \\^", begin);
    }
  }

  Result<ExprId> literal() {
    in_.skip(1);
    std::string text;
    while (!in_.accept("\"")) {
      if (in_.at_end()) return in_.error("\" at the end of a string");
      WHET_TRY(const char32_t c, character());
      append_utf8(text, c);
    }
    return rules_.literal(text);
  }

  Result<ExprId> char_class() {
    const size_t begin = in_.position();
    in_.skip(1);
    const bool negated = in_.accept("^");
    std::vector<CodePoints::Range> ranges;
    while (!in_.accept("]")) {
      if (in_.at_end()) return in_.error("] at the end of a class");
      const size_t at = in_.position();
      WHET_TRY(const char32_t low, character());
      char32_t high = low;
      if (in_.peek() == '-' && in_.peek(1) != ']') {
        in_.skip(1);
        if (in_.at_end()) return in_.error("] at the end of a class");
        WHET_TRY(high, character());
      }
      if (high < low) return in_.problem("the range of a class ends before it begins", at);
      ranges.push_back({low, high});
    }
    CodePoints set(ranges);
    if (negated) set = set.complement();
    if (set.empty()) return in_.problem("a class that no character is in", begin);
    return rules_.one_of(std::move(set));
  }

  RuleSet& rules_;
  TextScanner in_;
  std::map<std::string, NamedRule> named_;
};

}  // namespace

Result<ExprId> add_gbnf(RuleSet& rules, std::string_view text) {
  if (text.size() > kMaxText) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("grammar: {} bytes, more than {}", text.size(), kMaxText));
  }
  return GbnfParser(rules, text).parse();
}

Result<std::shared_ptr<const Grammar>> gbnf_grammar(std::string_view text) {
  RuleSet rules;
  WHET_TRY(const ExprId root, add_gbnf(rules, text));
  return Grammar::compile(rules, root);
}

}  // namespace whet::grammar
