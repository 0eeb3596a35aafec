// A parsed template: text, expressions and statements. Immutable after parsing and shared between
// threads.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "jinja/operation.h"
#include "jinja/position.h"
#include "jinja/value.h"

namespace whet::jinja {

struct Expr;
using ExprPtr = std::shared_ptr<const Expr>;

struct CallArguments {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> keyword;
  ExprPtr spread_list;  // *expression; may be null
  ExprPtr spread_dict;  // **expression; may be null
};

struct Literal {
  Value value;
};
struct Name {
  std::string name;
};
struct ListLiteral {
  std::vector<ExprPtr> items;
  bool is_tuple;
};
struct DictLiteral {
  std::vector<std::pair<ExprPtr, ExprPtr>> entries;
};
struct AttributeExpr {
  ExprPtr subject;
  std::string name;
};
struct Subscript {
  ExprPtr subject;
  ExprPtr key;
};
struct SliceExpr {
  ExprPtr subject;
  ExprPtr lower, upper, step;  // null = absent
};
struct Call {
  ExprPtr callee;
  CallArguments arguments;
};
struct FilterExpr {
  ExprPtr subject;  // null: the text of the block that the filter applies to
  std::string name;
  CallArguments arguments;
};
struct TestExpr {
  ExprPtr subject;
  std::string name;
  CallArguments arguments;
  bool negated;
};
struct Not {
  ExprPtr operand;
};
struct Sign {
  ExprPtr operand;
  bool negative;
};
struct BinaryExpr {
  Arithmetic operation;
  ExprPtr left, right;
};
struct Logical {
  bool is_and;
  ExprPtr left, right;
};
struct CompareExpr {
  ExprPtr first;
  std::vector<std::pair<Comparison, ExprPtr>> rest;
};
struct Concat {
  std::vector<ExprPtr> parts;
};
struct Conditional {
  ExprPtr condition, value;
  ExprPtr otherwise;  // null: undefined
};

struct Expr {
  using Node = std::variant<Literal, Name, ListLiteral, DictLiteral, AttributeExpr, Subscript,
                            SliceExpr, Call, FilterExpr, TestExpr, Not, Sign, BinaryExpr, Logical,
                            CompareExpr, Concat, Conditional>;
  Position at;
  int depth;  // of the tree below, at most kMaxExpressionDepth
  Node node;
};

/// Depth of the deepest of these; null has none.
int deepest(std::initializer_list<const ExprPtr*> children);
int deepest(const std::vector<ExprPtr>& children);
int deepest(const CallArguments& arguments);

/// What an assignment or a loop writes to.
struct Target {
  enum class Kind { kName, kAttribute, kTuple };
  Position at;
  Kind kind = Kind::kName;
  std::string name;
  std::string attribute;      // kAttribute: of the namespace `name`
  std::vector<Target> items;  // kTuple
};

struct Stmt;
using Body = std::vector<Stmt>;

/// Parameters and body of a macro or of a call block.
struct MacroDefinition {
  std::string name;
  std::vector<std::string> parameters;
  std::vector<ExprPtr> defaults;  // of the last parameters
  Body body;
  bool uses_caller = false;
  bool uses_varargs = false;
  bool uses_kwargs = false;
};

struct TextStmt {
  std::string text;
};
struct Output {
  ExprPtr value;
};
struct If {
  struct Branch {
    ExprPtr condition;  // null: else
    Body body;
  };
  std::vector<Branch> branches;
};
struct For {
  Target target;
  ExprPtr iterable;
  ExprPtr filter;  // null: all items
  Body body;
  Body otherwise;
};
struct Set {
  Target target;
  ExprPtr value;
};
struct SetBlock {
  Target target;
  ExprPtr filter;  // null: the text as it is
  Body body;
};
struct MacroStmt {
  std::shared_ptr<const MacroDefinition> macro;
};
struct CallBlock {
  ExprPtr call;  // always a Call
  std::shared_ptr<const MacroDefinition> caller;
};
struct FilterBlock {
  ExprPtr filter;
  Body body;
};
/// `with` and `generation`: a body with names of its own.
struct ScopeBlock {
  std::vector<std::pair<Target, ExprPtr>> bindings;
  Body body;
};
struct Break {};
struct Continue {};

struct Stmt {
  using Node = std::variant<TextStmt, Output, If, For, Set, SetBlock, MacroStmt, CallBlock,
                            FilterBlock, ScopeBlock, Break, Continue>;
  Position at;
  Node node;
};

}  // namespace whet::jinja
