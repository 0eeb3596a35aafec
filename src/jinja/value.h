// A value of the template language: Python's None, bool, int (64 bits), float, str, list, tuple,
// dict, range and one-pass iterators, Jinja's undefined, and objects. Values are immutable and
// shared; only objects (namespaces, loops) change. Containers know their nesting depth, so no
// recursion over a value is deeper than Limits::max_value_depth.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace whet::jinja {

class Value;
class Mapping;
class Object;

struct None {};

/// A name or attribute that does not exist: prints as nothing, is false, has no attributes.
struct Undefined {
  std::shared_ptr<const std::string> reason;  // "'x' is undefined"; may be null
};

struct Text {
  std::string bytes;    // UTF-8
  bool markup = false;  // result of `safe` or `escape`: "+" escapes its other operand
};

enum class SequenceKind {
  kList,
  kTuple,
  kRange,
  kIterator,  // consumed by its first iteration, as Python's generators
  kKeys,
  kValues,
  kItems,
};

struct Range {
  int64_t start = 0;
  int64_t stop = 0;
  int64_t step = 1;
};

struct Sequence {
  SequenceKind kind = SequenceKind::kList;
  std::vector<Value> items;
  int depth = 1;
  Range range{};              // kRange: what it prints as
  mutable size_t n_used = 0;  // kIterator: items already taken

  bool is_view() const { return kind >= SequenceKind::kKeys; }
  bool is_indexable() const { return kind <= SequenceKind::kRange; }
};

using TextRef = std::shared_ptr<const Text>;
using SequenceRef = std::shared_ptr<const Sequence>;
using MappingRef = std::shared_ptr<const Mapping>;
using ObjectRef = std::shared_ptr<Object>;

class Value {
 public:
  using Data = std::variant<Undefined, None, bool, int64_t, double, TextRef, SequenceRef,
                            MappingRef, ObjectRef>;

  Value() = default;  // undefined
  Value(Undefined undefined) : data_(std::move(undefined)) {}
  Value(None none) : data_(none) {}
  Value(int64_t number) : data_(number) {}
  Value(double number) : data_(number) {}
  Value(TextRef text) : data_(std::move(text)) {}
  Value(SequenceRef sequence) : data_(std::move(sequence)) {}
  Value(MappingRef mapping) : data_(std::move(mapping)) {}
  Value(ObjectRef object) : data_(std::move(object)) {}
  static Value boolean(bool truth) {
    Value value;
    value.data_ = truth;
    return value;
  }
  static Value undefined(std::string reason) {
    return Undefined{std::make_shared<const std::string>(std::move(reason))};
  }
  /// Text that is not charged to a budget: for constants and the caller's variables.
  static Value constant_text(std::string bytes) {
    return std::make_shared<const Text>(Text{std::move(bytes)});
  }

  const Data& data() const { return data_; }
  bool is_undefined() const { return std::holds_alternative<Undefined>(data_); }
  bool is_none() const { return std::holds_alternative<None>(data_); }
  bool is_bool() const { return std::holds_alternative<bool>(data_); }
  bool is_text() const { return std::holds_alternative<TextRef>(data_); }

  const Undefined* undefined() const { return std::get_if<Undefined>(&data_); }
  const bool* boolean() const { return std::get_if<bool>(&data_); }
  const double* real() const { return std::get_if<double>(&data_); }
  const Text* text() const { return pointee<TextRef>(); }
  const Sequence* sequence() const { return pointee<SequenceRef>(); }
  const Mapping* mapping() const { return pointee<MappingRef>(); }
  Object* object() const {
    const auto* reference = std::get_if<ObjectRef>(&data_);
    return reference ? reference->get() : nullptr;
  }

  /// int, or bool as 0 or 1, as in Python.
  bool as_integer(int64_t& out) const;
  /// int, bool or float.
  bool as_number(double& out) const;

 private:
  template <typename Reference>
  const typename Reference::element_type* pointee() const {
    const auto* reference = std::get_if<Reference>(&data_);
    return reference ? reference->get() : nullptr;
  }

  Data data_;
};

/// Python's name of the value's type: "str", "NoneType", ...
std::string_view type_name(const Value& value);
/// Nesting of containers: 0 for a scalar.
int depth_of(const Value& value);
/// Python's bool().
bool truthy(const Value& value);

}  // namespace whet::jinja
