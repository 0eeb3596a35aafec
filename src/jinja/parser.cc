#include "jinja/parser.h"

#include <initializer_list>

#include "jinja/expression_parser.h"
#include "jinja/lexer.h"

namespace whet::jinja {
namespace {

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)), expressions_(tokens_) {}

  Result<Body> run() { return body({}, {}); }

 private:
  using EndTags = std::initializer_list<std::string_view>;

  Result<Body> body(EndTags ends, std::string_view opener);
  Result<Body> block(EndTags ends, std::string_view opener);
  Result<Body> last_block(std::string_view end, std::string_view opener);
  Status statement(Body& out);
  Result<Stmt::Node> tag(std::string_view name, Position at);
  Result<Stmt::Node> if_tag();
  Result<Stmt::Node> for_tag();
  Result<Stmt::Node> set_tag();
  Result<Stmt::Node> macro_tag();
  Result<Stmt::Node> call_tag();
  Result<Stmt::Node> filter_tag();
  Result<Stmt::Node> with_tag();
  Result<Stmt::Node> loop_control(std::string_view name, Position at);
  Status print_tag(Body& out);
  Status signature(MacroDefinition& macro);
  Status macro_body(MacroDefinition& macro, std::string_view end, std::string_view opener);
  Status end_tag() { return tokens_.expect(TokenKind::kTagEnd, "'%}'"); }

  TokenStream tokens_;
  ExpressionParser expressions_;
  int open_loops_ = 0;
};

/// Statements up to a tag named in `ends`, whose name is then the current token; without ends, up
/// to the end of the template.
Result<Body> Parser::body(EndTags ends, std::string_view opener) {
  const NestingLevel level(tokens_);
  WHET_TRY_STATUS(level.check());
  Body out;
  for (;;) {
    const Token& token = tokens_.current();
    switch (token.kind) {
      case TokenKind::kEnd:
        if (ends.size() == 0) return out;
        return tokens_.unexpected(
            fmt::format("'{}' for the '{}' before", ends.begin()[ends.size() - 1], opener));
      case TokenKind::kText:
        out.push_back({token.at, TextStmt{token.text}});
        tokens_.take();
        break;
      case TokenKind::kOutputBegin: {
        tokens_.take();
        WHET_TRY(auto value, expressions_.expression_list());
        WHET_TRY_STATUS(tokens_.expect(TokenKind::kOutputEnd, "'}}'"));
        out.push_back({token.at, Output{std::move(value)}});
        break;
      }
      default: {
        tokens_.take();  // "{%"
        for (auto end : ends) {
          if (tokens_.current().is_name(end)) return out;
        }
        WHET_TRY_STATUS(statement(out));
      }
    }
  }
}

/// The end of the opening tag, then a body.
Result<Body> Parser::block(EndTags ends, std::string_view opener) {
  tokens_.skip_operator(":");
  WHET_TRY_STATUS(end_tag());
  return body(ends, opener);
}

Result<Body> Parser::last_block(std::string_view end, std::string_view opener) {
  WHET_TRY(auto statements, block({end}, opener));
  tokens_.take();
  WHET_TRY_STATUS(end_tag());
  return statements;
}

Status Parser::statement(Body& out) {
  const Position at = tokens_.current().at;
  WHET_TRY(const auto name, tokens_.expect_any_name("a tag's name"));
  if (name == "print") return print_tag(out);
  WHET_TRY(auto node, tag(name, at));
  out.push_back({at, std::move(node)});
  return ok_status();
}

Result<Stmt::Node> Parser::tag(std::string_view name, Position at) {
  if (name == "if") return if_tag();
  if (name == "for") return for_tag();
  if (name == "set") return set_tag();
  if (name == "macro") return macro_tag();
  if (name == "call") return call_tag();
  if (name == "filter") return filter_tag();
  if (name == "with") return with_tag();
  if (name == "break" || name == "continue") return loop_control(name, at);
  if (name == "generation") {
    const int loops = std::exchange(open_loops_, 0);
    WHET_TRY(auto statements, last_block("endgeneration", "generation"));
    open_loops_ = loops;
    return Stmt::Node(ScopeBlock{{}, std::move(statements)});
  }
  for (std::string_view known :
       {"block", "extends", "include", "import", "from", "autoescape", "do", "trans"}) {
    if (name == known) return error_at(at, fmt::format("the tag '{}' is not supported", name));
  }
  return error_at(at, fmt::format("unexpected tag '{}'", name));
}

Result<Stmt::Node> Parser::if_tag() {
  If node;
  for (;;) {
    WHET_TRY(auto condition, expressions_.expression_list(false));
    WHET_TRY(auto statements, block({"elif", "else", "endif"}, "if"));
    node.branches.push_back({std::move(condition), std::move(statements)});
    const std::string& next = tokens_.take().text;
    if (next == "elif") continue;
    if (next == "else") {
      WHET_TRY(auto otherwise, last_block("endif", "else"));
      node.branches.push_back({nullptr, std::move(otherwise)});
      return Stmt::Node(std::move(node));
    }
    WHET_TRY_STATUS(end_tag());
    return Stmt::Node(std::move(node));
  }
}

Result<Stmt::Node> Parser::for_tag() {
  For node;
  WHET_TRY(node.target, expressions_.target(false));
  WHET_TRY_STATUS(tokens_.expect_name("in"));
  WHET_TRY(node.iterable, expressions_.expression_list(false));
  if (tokens_.skip_name("if")) {
    WHET_TRY(node.filter, expressions_.expression());
  }
  if (tokens_.current().is_name("recursive")) {
    return error_at(tokens_.current().at, "recursive loops are not supported");
  }
  ++open_loops_;
  WHET_TRY(node.body, block({"else", "endfor"}, "for"));
  --open_loops_;
  if (tokens_.take().text == "else") {
    WHET_TRY(node.otherwise, last_block("endfor", "else"));
  } else {
    WHET_TRY_STATUS(end_tag());
  }
  return Stmt::Node(std::move(node));
}

Result<Stmt::Node> Parser::set_tag() {
  WHET_TRY(auto target, expressions_.target(true));
  if (tokens_.skip_operator("=")) {
    WHET_TRY(auto value, expressions_.expression_list());
    WHET_TRY_STATUS(end_tag());
    return Stmt::Node(Set{std::move(target), std::move(value)});
  }
  SetBlock node{std::move(target), nullptr, {}};
  if (tokens_.skip_operator("|")) {
    WHET_TRY(node.filter, expressions_.filter_chain());
  }
  if (!tokens_.current().is_operator(":") && tokens_.current().kind != TokenKind::kTagEnd) {
    return tokens_.unexpected("'=' or '%}'");
  }
  WHET_TRY(node.body, last_block("endset", "set"));
  return Stmt::Node(std::move(node));
}

/// "(a, b=1)"; parameters without a default come first.
Status Parser::signature(MacroDefinition& macro) {
  WHET_TRY_STATUS(tokens_.expect_operator("("));
  while (!tokens_.current().is_operator(")")) {
    if (!macro.parameters.empty()) WHET_TRY_STATUS(tokens_.expect_operator(","));
    const Position at = tokens_.current().at;
    WHET_TRY(auto name, tokens_.expect_any_name("a parameter's name"));
    for (const auto& other : macro.parameters) {
      if (other == name) return error_at(at, fmt::format("parameter '{}' was given twice", name));
    }
    macro.parameters.push_back(std::move(name));
    if (tokens_.skip_operator("=")) {
      WHET_TRY(auto value, expressions_.expression());
      macro.defaults.push_back(std::move(value));
    } else if (!macro.defaults.empty()) {
      return error_at(at, "expected a default, as the parameter before has one");
    }
  }
  return tokens_.expect_operator(")");
}

Status Parser::macro_body(MacroDefinition& macro, std::string_view end, std::string_view opener) {
  expressions_.open_macros.emplace_back();
  const int loops = std::exchange(open_loops_, 0);
  WHET_TRY(macro.body, last_block(end, opener));
  open_loops_ = loops;
  const auto use = expressions_.open_macros.back();
  expressions_.open_macros.pop_back();
  macro.uses_caller = use.caller;
  macro.uses_varargs = use.varargs;
  macro.uses_kwargs = use.kwargs;
  return ok_status();
}

Result<Stmt::Node> Parser::macro_tag() {
  MacroDefinition macro;
  WHET_TRY(macro.name, tokens_.expect_any_name("a macro's name"));
  WHET_TRY_STATUS(signature(macro));
  WHET_TRY_STATUS(macro_body(macro, "endmacro", "macro"));
  return Stmt::Node(MacroStmt{std::make_shared<const MacroDefinition>(std::move(macro))});
}

Result<Stmt::Node> Parser::call_tag() {
  MacroDefinition caller;
  caller.name = "caller";
  if (tokens_.current().is_operator("(")) WHET_TRY_STATUS(signature(caller));
  const Position at = tokens_.current().at;
  WHET_TRY(auto call, expressions_.expression());
  if (!std::holds_alternative<Call>(call->node))
    return error_at(at, "expected the call of a macro");
  WHET_TRY_STATUS(macro_body(caller, "endcall", "call"));
  return Stmt::Node(
      CallBlock{std::move(call), std::make_shared<const MacroDefinition>(std::move(caller))});
}

Result<Stmt::Node> Parser::filter_tag() {
  FilterBlock node;
  WHET_TRY(node.filter, expressions_.filter_chain());
  WHET_TRY(node.body, last_block("endfilter", "filter"));
  return Stmt::Node(std::move(node));
}

Result<Stmt::Node> Parser::with_tag() {
  ScopeBlock node;
  while (tokens_.current().kind != TokenKind::kTagEnd) {
    if (!node.bindings.empty()) WHET_TRY_STATUS(tokens_.expect_operator(","));
    WHET_TRY(auto target, expressions_.target(false));
    WHET_TRY_STATUS(tokens_.expect_operator("="));
    WHET_TRY(auto value, expressions_.expression());
    node.bindings.emplace_back(std::move(target), std::move(value));
  }
  WHET_TRY(node.body, last_block("endwith", "with"));
  return Stmt::Node(std::move(node));
}

Result<Stmt::Node> Parser::loop_control(std::string_view name, Position at) {
  if (open_loops_ == 0) return error_at(at, fmt::format("'{}' outside of a loop", name));
  WHET_TRY_STATUS(end_tag());
  return name == "break" ? Stmt::Node(Break{}) : Stmt::Node(Continue{});
}

Status Parser::print_tag(Body& out) {
  for (;;) {
    const Position at = tokens_.current().at;
    WHET_TRY(auto value, expressions_.expression());
    out.push_back({at, Output{std::move(value)}});
    if (!tokens_.skip_operator(",")) return end_tag();
  }
}

}  // namespace

Result<Body> parse(std::string_view source) {
  if (source.size() > kMaxSourceBytes) {
    return Error(ErrorCode::kInvalidModel,
                 fmt::format("the template has {} bytes, expected at most {}", source.size(),
                             kMaxSourceBytes));
  }
  WHET_TRY(auto tokens, tokenize(source));
  return Parser(std::move(tokens)).run();
}

}  // namespace whet::jinja
