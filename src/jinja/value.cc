#include "jinja/value.h"

#include "jinja/mapping.h"
#include "jinja/object.h"

namespace whet::jinja {

bool Value::as_integer(int64_t& out) const {
  if (const auto* truth = std::get_if<bool>(&data_)) {
    out = *truth ? 1 : 0;
    return true;
  }
  if (const auto* number = std::get_if<int64_t>(&data_)) {
    out = *number;
    return true;
  }
  return false;
}

bool Value::as_number(double& out) const {
  if (const auto* number = real()) {
    out = *number;
    return true;
  }
  int64_t integer = 0;
  if (!as_integer(integer)) return false;
  out = static_cast<double>(integer);
  return true;
}

std::string_view type_name(const Value& value) {
  struct Namer {
    std::string_view operator()(const Undefined&) const { return "undefined"; }
    std::string_view operator()(None) const { return "NoneType"; }
    std::string_view operator()(bool) const { return "bool"; }
    std::string_view operator()(int64_t) const { return "int"; }
    std::string_view operator()(double) const { return "float"; }
    std::string_view operator()(const TextRef&) const { return "str"; }
    std::string_view operator()(const SequenceRef& sequence) const {
      switch (sequence->kind) {
        case SequenceKind::kList:
          return "list";
        case SequenceKind::kTuple:
          return "tuple";
        case SequenceKind::kRange:
          return "range";
        case SequenceKind::kIterator:
          return "iterator";
        case SequenceKind::kKeys:
          return "dict_keys";
        case SequenceKind::kValues:
          return "dict_values";
        case SequenceKind::kItems:
          return "dict_items";
      }
      return "sequence";
    }
    std::string_view operator()(const MappingRef&) const { return "dict"; }
    std::string_view operator()(const ObjectRef& object) const { return object->type_name(); }
  };
  return std::visit(Namer{}, value.data());
}

int depth_of(const Value& value) {
  if (const auto* sequence = value.sequence()) return sequence->depth;
  if (const auto* mapping = value.mapping()) return mapping->depth();
  return 0;
}

bool truthy(const Value& value) {
  struct Truth {
    bool operator()(const Undefined&) const { return false; }
    bool operator()(None) const { return false; }
    bool operator()(bool truth) const { return truth; }
    bool operator()(int64_t number) const { return number != 0; }
    bool operator()(double number) const { return number != 0; }
    bool operator()(const TextRef& text) const { return !text->bytes.empty(); }
    bool operator()(const SequenceRef& sequence) const {
      return sequence->kind == SequenceKind::kIterator || !sequence->items.empty();
    }
    bool operator()(const MappingRef& mapping) const { return !mapping->entries().empty(); }
    bool operator()(const ObjectRef&) const { return true; }
  };
  return std::visit(Truth{}, value.data());
}

}  // namespace whet::jinja
