// Names and their values. A scope sees the names of the scopes around it and writes only its own.
#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "jinja/value.h"

namespace whet::jinja {

class Scope {
 public:
  explicit Scope(Scope* parent) : parent_(parent) {}

  /// Null if no scope has the name.
  const Value* find(std::string_view name) const {
    for (const Scope* scope = this; scope; scope = scope->parent_) {
      for (const auto& [known, value] : scope->variables_) {
        if (known == name) return &value;
      }
    }
    return nullptr;
  }

  /// `name` must outlive the scope.
  void set(std::string_view name, Value value) {
    for (auto& [known, old] : variables_) {
      if (known == name) {
        old = std::move(value);
        return;
      }
    }
    variables_.emplace_back(name, std::move(value));
  }

 private:
  friend class ScopeArena;

  Scope* parent_;
  std::vector<std::pair<std::string_view, Value>> variables_;
  bool captured_ = false;  // a macro refers to it
};

/// Owns the scopes of one rendering. A scope that a macro refers to lives until the end, because
/// the macro may be kept in a namespace; the others end with their block.
class ScopeArena {
 public:
  ~ScopeArena() {
    for (auto& scope : captured_) scope->variables_.clear();
  }

  static void capture(Scope& scope) {
    for (Scope* s = &scope; s && !s->captured_; s = s->parent_) s->captured_ = true;
  }

  /// A scope on the stack of the evaluation.
  class Entered {
   public:
    Entered(ScopeArena& arena, Scope& parent)
        : arena_(arena), scope_(std::make_unique<Scope>(&parent)) {}
    ~Entered() { leave(); }
    Entered(const Entered&) = delete;
    Entered& operator=(const Entered&) = delete;

    Scope& operator*() { return *scope_; }
    Scope* operator->() { return scope_.get(); }

    /// Starts over with no names, as each iteration of a loop does.
    void renew() {
      if (!scope_->captured_) {
        scope_->variables_.clear();
        return;
      }
      Scope* parent = scope_->parent_;
      leave();
      scope_ = std::make_unique<Scope>(parent);
    }

   private:
    void leave() {
      if (scope_ && scope_->captured_) arena_.captured_.push_back(std::move(scope_));
    }

    ScopeArena& arena_;
    std::unique_ptr<Scope> scope_;
  };

 private:
  std::vector<std::unique_ptr<Scope>> captured_;
};

}  // namespace whet::jinja
