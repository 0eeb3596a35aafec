// The interpreter's statements.
#include <fmt/format.h>

#include "jinja/interpreter.h"
#include "jinja/loop.h"
#include "jinja/operation.h"
#include "jinja/printing.h"

namespace whet::jinja {

Status CallLevel::check() {
  const int limit = runtime_.limits().max_call_depth;
  if (runtime_.call_depth > limit) {
    return template_error(fmt::format("evaluation nested deeper than {} levels", limit));
  }
  return runtime_.charge(1);
}

Status Interpreter::render(const Body& body, Scope& root, TextBuilder& out) {
  WHET_TRY_STATUS(run(body, root, out));
  return ok_status();
}

Result<Interpreter::Flow> Interpreter::run(const Body& body, Scope& scope, TextBuilder& out) {
  for (const auto& stmt : body) {
    WHET_TRY(const Flow flow, run(stmt, scope, out));
    if (flow != Flow::kNormal) return flow;
  }
  return Flow::kNormal;
}

Result<Interpreter::Flow> Interpreter::run(const Stmt& stmt, Scope& scope, TextBuilder& out) {
  CallLevel level(runtime_);
  WHET_TRY_STATUS(at(stmt.at, level.check()));
  return std::visit([&](const auto& node) { return run(node, stmt.at, scope, out); }, stmt.node);
}

Result<Interpreter::Flow> Interpreter::run(const TextStmt& text, Position position, Scope&,
                                           TextBuilder& out) {
  WHET_TRY_STATUS(at(position, out.append(text.text)));
  return Flow::kNormal;
}

Result<Interpreter::Flow> Interpreter::run(const Output& output, Position, Scope& scope,
                                           TextBuilder& out) {
  WHET_TRY(const auto value, evaluate(*output.value, scope));
  WHET_TRY_STATUS(at(output.value->at, append_text(out, value)));
  return Flow::kNormal;
}

Result<Interpreter::Flow> Interpreter::run(const If& choice, Position, Scope& scope,
                                           TextBuilder& out) {
  for (const auto& branch : choice.branches) {
    if (branch.condition) {
      WHET_TRY(const auto value, evaluate(*branch.condition, scope));
      if (!truthy(value)) continue;
    }
    return run(branch.body, scope, out);
  }
  return Flow::kNormal;
}

/// The items that the loop visits: those for which its filter holds.
Result<std::vector<Value>> Interpreter::loop_items(const For& loop, Position position,
                                                   Scope& scope) {
  WHET_TRY(const auto iterable, evaluate(*loop.iterable, scope));
  WHET_TRY(auto items, at(position, iterate(runtime_, iterable)));
  if (!loop.filter) return items;
  std::vector<Value> kept;
  ScopeArena::Entered inner(scopes_, scope);
  for (auto& item : items) {
    inner.renew();
    WHET_TRY_STATUS(assign(loop.target, item, *inner));
    WHET_TRY(const auto wanted, evaluate(*loop.filter, *inner));
    if (truthy(wanted)) kept.push_back(std::move(item));
  }
  return kept;
}

Result<Interpreter::Flow> Interpreter::run(const For& loop, Position position, Scope& scope,
                                           TextBuilder& out) {
  WHET_TRY(auto items, loop_items(loop, position, scope));
  ScopeArena::Entered inner(scopes_, scope);
  if (items.empty()) return run(loop.otherwise, *inner, out);
  const auto state = std::make_shared<Loop>(std::move(items));
  for (size_t i = 0; i < state->items().size(); ++i) {
    inner.renew();
    state->set_index(i);
    inner->set("loop", Value(ObjectRef(state)));
    WHET_TRY_STATUS(assign(loop.target, state->items()[i], *inner));
    WHET_TRY(const Flow flow, run(loop.body, *inner, out));
    if (flow == Flow::kBreak) break;
  }
  return Flow::kNormal;
}

Status Interpreter::assign(const Target& target, const Value& value, Scope& scope) {
  switch (target.kind) {
    case Target::Kind::kName:
      scope.set(target.name, value);
      return ok_status();
    case Target::Kind::kAttribute: {
      const Value* found = scope.find(target.name);
      auto* space = found ? dynamic_cast<Namespace*>(found->object()) : nullptr;
      if (!space) {
        return runtime_.locate(
            target.at, template_error(fmt::format("cannot set '{}.{}': '{}' is not a namespace",
                                                  target.name, target.attribute, target.name)));
      }
      space->set(target.attribute, value);
      return ok_status();
    }
    case Target::Kind::kTuple: {
      WHET_TRY(const auto parts, at(target.at, iterate(runtime_, value)));
      if (parts.size() != target.items.size()) {
        return runtime_.locate(target.at,
                               template_error(fmt::format("expected {} values to unpack, got {}",
                                                          target.items.size(), parts.size())));
      }
      for (size_t i = 0; i < parts.size(); ++i)
        WHET_TRY_STATUS(assign(target.items[i], parts[i], scope));
      return ok_status();
    }
  }
  WHET_UNREACHABLE();
}

Result<Interpreter::Flow> Interpreter::run(const Set& set, Position, Scope& scope, TextBuilder&) {
  WHET_TRY(const auto value, evaluate(*set.value, scope));
  WHET_TRY_STATUS(assign(set.target, value, scope));
  return Flow::kNormal;
}

Result<Interpreter::Flow> Interpreter::run(const SetBlock& set, Position position, Scope& scope,
                                           TextBuilder&) {
  TextBuilder inner_out(runtime_);
  ScopeArena::Entered inner(scopes_, scope);
  WHET_TRY(const Flow flow, run(set.body, *inner, inner_out));
  if (flow != Flow::kNormal) return flow;
  WHET_TRY(Value value, at(position, inner_out.finish()));
  if (set.filter) {
    WHET_TRY(value, evaluate(*set.filter, *inner, &value));
  }
  WHET_TRY_STATUS(assign(set.target, value, scope));
  return Flow::kNormal;
}

Result<Interpreter::Flow> Interpreter::run(const FilterBlock& block, Position position,
                                           Scope& scope, TextBuilder& out) {
  TextBuilder inner_out(runtime_);
  ScopeArena::Entered inner(scopes_, scope);
  WHET_TRY(const Flow flow, run(block.body, *inner, inner_out));
  if (flow != Flow::kNormal) return flow;
  WHET_TRY(const Value text, at(position, inner_out.finish()));
  WHET_TRY(const Value value, evaluate(*block.filter, *inner, &text));
  WHET_TRY_STATUS(at(position, append_text(out, value)));
  return Flow::kNormal;
}

Result<Interpreter::Flow> Interpreter::run(const ScopeBlock& block, Position, Scope& scope,
                                           TextBuilder& out) {
  ScopeArena::Entered inner(scopes_, scope);
  for (const auto& [target, expr] : block.bindings) {
    WHET_TRY(const auto value, evaluate(*expr, scope));
    WHET_TRY_STATUS(assign(target, value, *inner));
  }
  return run(block.body, *inner, out);
}

Result<Interpreter::Flow> Interpreter::run(const Break&, Position, Scope&, TextBuilder&) {
  return Flow::kBreak;
}

Result<Interpreter::Flow> Interpreter::run(const Continue&, Position, Scope&, TextBuilder&) {
  return Flow::kContinue;
}

Value Interpreter::make_macro(std::shared_ptr<const MacroDefinition> macro, Scope& scope) {
  ScopeArena::capture(scope);
  return Value(ObjectRef(std::make_shared<Macro>(*this, std::move(macro), scope)));
}

Result<Interpreter::Flow> Interpreter::run(const MacroStmt& stmt, Position, Scope& scope,
                                           TextBuilder&) {
  scope.set(stmt.macro->name, make_macro(stmt.macro, scope));
  return Flow::kNormal;
}

Result<Interpreter::Flow> Interpreter::run(const CallBlock& block, Position position, Scope& scope,
                                           TextBuilder& out) {
  const Value caller = make_macro(block.caller, scope);
  WHET_TRY(const auto value,
           call(std::get<Call>(block.call->node), block.call->at, scope, &caller));
  WHET_TRY_STATUS(at(position, append_text(out, value)));
  return Flow::kNormal;
}

Status Interpreter::bind_parameters(const MacroDefinition& macro, const Arguments& arguments,
                                    Scope& scope) {
  const size_t n_parameters = macro.parameters.size();
  const size_t n_required = n_parameters - macro.defaults.size();
  std::vector<bool> used(arguments.keyword.size(), false);
  for (size_t i = 0; i < n_parameters; ++i) {
    const std::string& name = macro.parameters[i];
    if (i < arguments.positional.size()) {
      scope.set(name, arguments.positional[i]);
      continue;
    }
    const Value* given = nullptr;
    for (size_t k = 0; k < arguments.keyword.size(); ++k) {
      if (arguments.keyword[k].first != name) continue;
      given = &arguments.keyword[k].second;
      used[k] = true;
    }
    if (given) {
      scope.set(name, *given);
    } else if (i >= n_required) {
      WHET_TRY(auto value, evaluate(*macro.defaults[i - n_required], scope));
      scope.set(name, std::move(value));
    } else {
      scope.set(name, Value::undefined(fmt::format("parameter '{}' was not provided", name)));
    }
  }
  if (macro.uses_caller) scope.set("caller", Value::undefined("no caller defined"));
  Mapping rest;
  for (size_t k = 0; k < arguments.keyword.size(); ++k) {
    const auto& [name, value] = arguments.keyword[k];
    if (used[k]) continue;
    if (name == "caller" && macro.uses_caller) {
      scope.set("caller", value);
    } else if (macro.uses_kwargs) {
      rest.set(Value::constant_text(name), value);
    } else {
      return template_error(
          fmt::format("macro '{}' takes no keyword argument '{}'", macro.name, name));
    }
  }
  if (macro.uses_kwargs) {
    WHET_TRY(auto kwargs, runtime_.mapping(std::move(rest)));
    scope.set("kwargs", std::move(kwargs));
  }
  std::vector<Value> extra;
  if (arguments.positional.size() > n_parameters) {
    extra.assign(arguments.positional.begin() + static_cast<std::ptrdiff_t>(n_parameters),
                 arguments.positional.end());
  }
  if (!extra.empty() && !macro.uses_varargs) {
    return template_error(
        fmt::format("macro '{}' takes not more than {} arguments", macro.name, n_parameters));
  }
  if (macro.uses_varargs) {
    WHET_TRY(auto varargs, runtime_.sequence(SequenceKind::kTuple, std::move(extra)));
    scope.set("varargs", std::move(varargs));
  }
  return ok_status();
}

Result<Value> Interpreter::call_macro(const MacroDefinition& macro, Scope& defined_in,
                                      const Arguments& arguments) {
  ScopeArena::Entered inner(scopes_, defined_in);
  WHET_TRY_STATUS(bind_parameters(macro, arguments, *inner));
  TextBuilder out(runtime_);
  WHET_TRY_STATUS(run(macro.body, *inner, out));
  return out.finish();
}

}  // namespace whet::jinja
