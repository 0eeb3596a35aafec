#include "jinja/access.h"

#include <fmt/format.h>

#include "jinja/method.h"
#include "jinja/number.h"
#include "jinja/object.h"
#include "jinja/unicode.h"

namespace whet::jinja {
namespace {

Error undefined_error(const Value& value) {
  const auto& reason = value.undefined()->reason;
  return template_error(reason ? *reason : "the value is undefined");
}

Value missing_attribute(const Value& value, std::string_view name) {
  return Value::undefined(fmt::format("'{}' object has no attribute '{}'", type_name(value), name));
}

/// The method `name` bound to `value`; undefined if it has no such method.
Value method(const Value& value, std::string_view name) {
  const Builtin builtin = find_method(value, name);
  if (!builtin) return missing_attribute(value, name);
  return Value(ObjectRef(std::make_shared<Function>(std::string(name), builtin, value)));
}

Result<Value> text_item(Runtime& runtime, const Text& text, int64_t index) {
  WHET_TRY_STATUS(runtime.charge_bytes(text.bytes.size()));
  const std::string_view bytes = text.bytes;
  if (index < 0) index += static_cast<int64_t>(count_code_points(bytes));
  const size_t offset = index < 0 ? bytes.size() : byte_offset(bytes, static_cast<size_t>(index));
  if (offset >= bytes.size()) return Value::undefined("the index is out of the string's range");
  return runtime.text(std::string(bytes.substr(offset, decode_at(bytes, offset).n_bytes)),
                      text.markup);
}

/// Resolved bounds of a slice: n items from `start` in steps of `step`.
struct Bounds {
  int64_t start = 0;
  int64_t step = 1;
  int64_t n = 0;
};

Result<int64_t> slice_bound(const Value& value, int64_t otherwise) {
  if (value.is_none()) return otherwise;
  int64_t bound = 0;
  if (value.as_integer(bound)) return bound;
  return template_error(fmt::format("slice: expected an int or none, got {}", type_name(value)));
}

Result<Bounds> slice_bounds(int64_t size, const Value& lower, const Value& upper,
                            const Value& step) {
  Bounds bounds;
  WHET_TRY(bounds.step, slice_bound(step, 1));
  if (bounds.step == 0) return template_error("slice step cannot be zero");
  const bool forward = bounds.step > 0;
  auto clamp = [&](int64_t bound) {
    if (bound < 0) bound = bound < -size ? -1 - size : bound;
    if (bound < 0) bound += size;
    if (bound < 0) return forward ? int64_t{0} : int64_t{-1};
    return std::min(bound, forward ? size : size - 1);
  };
  const int64_t first = forward ? 0 : size - 1;
  const int64_t last = forward ? size : -1;
  WHET_TRY(const int64_t start, slice_bound(lower, 0));
  WHET_TRY(const int64_t stop, slice_bound(upper, 0));
  bounds.start = lower.is_none() ? first : clamp(start);
  const int64_t end = upper.is_none() ? last : clamp(stop);
  const int64_t distance = forward ? end - bounds.start : bounds.start - end;
  // Steps are compared as unsigned: the smallest int64 has no absolute value.
  const uint64_t stride =
      forward ? static_cast<uint64_t>(bounds.step) : 0 - static_cast<uint64_t>(bounds.step);
  if (distance > 0)
    bounds.n = static_cast<int64_t>((static_cast<uint64_t>(distance) - 1) / stride) + 1;
  return bounds;
}

Result<Value> slice_text(Runtime& runtime, const Text& text, const Value& lower, const Value& upper,
                         const Value& step) {
  WHET_TRY_STATUS(runtime.charge_bytes(text.bytes.size()));
  const std::string_view bytes = text.bytes;
  const auto size = static_cast<int64_t>(count_code_points(bytes));
  WHET_TRY(const Bounds bounds, slice_bounds(size, lower, upper, step));
  if (bounds.n == 0) return runtime.text("", text.markup);
  if (bounds.step == 1) {
    const size_t start = byte_offset(bytes, static_cast<size_t>(bounds.start));
    const auto rest = bytes.substr(start);
    return runtime.text(
        std::string(rest.substr(0, byte_offset(rest, static_cast<size_t>(bounds.n)))), text.markup);
  }
  WHET_TRY_STATUS(runtime.charge(size));
  const auto pieces = split_code_points(bytes);
  std::string out;
  for (int64_t i = 0; i < bounds.n; ++i)
    out += pieces[static_cast<size_t>(bounds.start + i * bounds.step)];
  return runtime.text(std::move(out), text.markup);
}

}  // namespace

Result<Value> attribute(Runtime& runtime, const Value& value, std::string_view name) {
  if (value.is_undefined()) return undefined_error(value);
  WHET_TRY_STATUS(runtime.charge(1));
  if (auto* object = value.object()) return object->attribute(name);
  if (const auto* mapping = value.mapping()) {
    if (is_method_name_of_dict(name)) return method(value, name);
    const auto* found = mapping->find(name);
    return found ? *found : missing_attribute(value, name);
  }
  return method(value, name);
}

Result<Value> item(Runtime& runtime, const Value& value, const Value& key) {
  if (value.is_undefined()) return undefined_error(value);
  WHET_TRY_STATUS(runtime.charge(1));
  int64_t index = 0;
  if (const auto* mapping = value.mapping()) {
    if (const auto* found = mapping->find(key)) return *found;
  } else if (key.as_integer(index)) {
    if (const auto* text = value.text()) return text_item(runtime, *text, index);
    const auto* sequence = value.sequence();
    if (sequence && sequence->is_indexable()) {
      const auto size = static_cast<int64_t>(sequence->items.size());
      if (index < 0 && index >= -size) index += size;
      if (index >= 0 && index < size) return sequence->items[static_cast<size_t>(index)];
      return Value::undefined(
          fmt::format("index {} is out of the {}'s range", index, type_name(value)));
    }
  }
  if (const auto* name = key.text()) {
    if (auto* object = value.object()) return object->attribute(name->bytes);
    return method(value, name->bytes);
  }
  return Value::undefined(fmt::format("'{}' has no such item", type_name(value)));
}

Result<Value> slice(Runtime& runtime, const Value& value, const Value& lower, const Value& upper,
                    const Value& step) {
  if (value.is_undefined()) return undefined_error(value);
  if (const auto* text = value.text()) return slice_text(runtime, *text, lower, upper, step);
  const auto* sequence = value.sequence();
  if (!sequence || !sequence->is_indexable()) {
    return template_error(fmt::format("'{}' cannot be sliced", type_name(value)));
  }
  const auto size = static_cast<int64_t>(sequence->items.size());
  WHET_TRY(const Bounds bounds, slice_bounds(size, lower, upper, step));
  WHET_TRY_STATUS(runtime.charge(bounds.n));
  std::vector<Value> items;
  for (int64_t i = 0; i < bounds.n; ++i) {
    items.push_back(sequence->items[static_cast<size_t>(bounds.start + i * bounds.step)]);
  }
  Range range = sequence->range;
  if (sequence->kind == SequenceKind::kRange) {
    // What the slice prints as; unsigned, because an extreme stop may wrap.
    const auto start = static_cast<uint64_t>(range.start) +
                       static_cast<uint64_t>(bounds.start) * static_cast<uint64_t>(range.step);
    const auto stride = static_cast<uint64_t>(range.step) * static_cast<uint64_t>(bounds.step);
    range.stop = static_cast<int64_t>(start + static_cast<uint64_t>(bounds.n) * stride);
    range.start = static_cast<int64_t>(start);
    range.step = static_cast<int64_t>(stride);
  }
  return runtime.sequence(sequence->kind, std::move(items), range);
}

Result<Value> attribute_path(Runtime& runtime, const Value& value, const Value& path,
                             const Value* otherwise) {
  auto part_of = [&](const Value& whole, const Value& part) -> Result<Value> {
    WHET_TRY(auto found, item(runtime, whole, part));
    return found.is_undefined() && otherwise ? *otherwise : found;
  };
  const auto* text = path.text();
  if (!text) return part_of(value, path);
  Value current = value;
  std::string_view rest = text->bytes;
  for (;;) {
    const size_t dot = rest.find('.');
    const auto part = rest.substr(0, dot);
    const bool is_index =
        !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
    const auto index = is_index ? parse_integer(part) : std::nullopt;
    WHET_TRY(current,
             part_of(current, index ? Value(*index) : Value::constant_text(std::string(part))));
    if (dot == std::string_view::npos) return current;
    rest = rest.substr(dot + 1);
  }
}

}  // namespace whet::jinja
