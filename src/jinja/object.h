// Values with behaviour: namespaces, bound methods and functions, cyclers, joiners. Loops and
// macros live with the interpreter.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jinja/runtime.h"
#include "jinja/value.h"

namespace whet::jinja {

class Object {
 public:
  virtual ~Object() = default;
  virtual std::string_view type_name() const = 0;
  /// Undefined if there is no such attribute.
  virtual Value attribute(std::string_view name);
  virtual bool is_callable() const { return false; }
  virtual Result<Value> call(Runtime& runtime, const Arguments& arguments);
  /// Drops the values that were stored in it. The runtime does so at the end of a rendering, as
  /// objects may refer to each other in a circle.
  virtual void clear() {}
};

/// `namespace(...)`: the only thing whose attributes a template can set.
class Namespace : public Object {
 public:
  std::string_view type_name() const override { return "Namespace"; }
  Value attribute(std::string_view name) override;
  void set(std::string_view name, Value value);
  void clear() override { attributes_.clear(); }

 private:
  std::vector<std::pair<std::string, Value>> attributes_;
};

/// A built-in function, or a method together with its object.
class Function : public Object {
 public:
  Function(std::string name, Builtin builtin, Value subject = {})
      : name_(std::move(name)), builtin_(builtin), subject_(std::move(subject)) {}
  std::string_view type_name() const override { return "function"; }
  bool is_callable() const override { return true; }
  Result<Value> call(Runtime& runtime, const Arguments& arguments) override;

 private:
  std::string name_;
  Builtin builtin_;
  Value subject_;
};

/// `cycler(a, b, ...)`: .next(), .current, .reset().
class Cycler : public Object, public std::enable_shared_from_this<Cycler> {
 public:
  explicit Cycler(std::vector<Value> items) : items_(std::move(items)) {}
  std::string_view type_name() const override { return "Cycler"; }
  Value attribute(std::string_view name) override;

 private:
  static Result<Value> next(Runtime& runtime, const Value& subject, const Arguments& arguments);
  static Result<Value> reset(Runtime& runtime, const Value& subject, const Arguments& arguments);

  std::vector<Value> items_;
  size_t position_ = 0;
};

/// `joiner(separator)`: nothing on the first call, the separator on each later one.
class Joiner : public Object {
 public:
  explicit Joiner(Value separator) : separator_(std::move(separator)) {}
  std::string_view type_name() const override { return "Joiner"; }
  bool is_callable() const override { return true; }
  Result<Value> call(Runtime& runtime, const Arguments& arguments) override;

 private:
  Value separator_;
  bool used_ = false;
};

}  // namespace whet::jinja
