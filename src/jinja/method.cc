// Methods of dict, list and tuple. Those that change their object (append, update, pop, ...) do not
// exist here, as in Jinja's immutable sandbox.
#include "jinja/method.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "jinja/operation.h"

namespace whet::jinja {
namespace {

Result<Value> dict_items(Runtime& runtime, const Value& self, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  std::vector<Value> items;
  for (const auto& [key, value] : self.mapping()->entries()) {
    WHET_TRY(auto pair, runtime.sequence(SequenceKind::kTuple, {key, value}));
    items.push_back(std::move(pair));
  }
  return runtime.sequence(SequenceKind::kItems, std::move(items));
}

Result<Value> dict_keys(Runtime& runtime, const Value& self, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  std::vector<Value> items;
  for (const auto& entry : self.mapping()->entries()) items.push_back(entry.first);
  return runtime.sequence(SequenceKind::kKeys, std::move(items));
}

Result<Value> dict_values(Runtime& runtime, const Value& self, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  std::vector<Value> items;
  for (const auto& entry : self.mapping()->entries()) items.push_back(entry.second);
  return runtime.sequence(SequenceKind::kValues, std::move(items));
}

Result<Value> dict_get(Runtime&, const Value& self, const Arguments& arguments) {
  if (!arguments.keyword.empty()) return template_error("takes no keyword arguments");
  WHET_TRY(const auto bound, bind(arguments, {"key", "default"}, 1));
  const auto* found = self.mapping()->find(*bound[0]);
  if (found) return *found;
  return bound[1] ? *bound[1] : Value(None{});
}

Result<Value> copy(Runtime&, const Value& self, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  return self;  // values do not change, so a copy is the value
}

Result<Value> list_index(Runtime& runtime, const Value& self, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"value"}, 1));
  const auto& items = self.sequence()->items;
  WHET_TRY_STATUS(runtime.charge(static_cast<int64_t>(items.size())));
  for (size_t i = 0; i < items.size(); ++i) {
    WHET_TRY(const bool same, equal(runtime, items[i], *bound[0]));
    if (same) return Value(static_cast<int64_t>(i));
  }
  return template_error("the value is not in the list");
}

Result<Value> list_count(Runtime& runtime, const Value& self, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"value"}, 1));
  const auto& items = self.sequence()->items;
  WHET_TRY_STATUS(runtime.charge(static_cast<int64_t>(items.size())));
  int64_t n = 0;
  for (const auto& candidate : items) {
    WHET_TRY(const bool same, equal(runtime, candidate, *bound[0]));
    n += same ? 1 : 0;
  }
  return Value(n);
}

constexpr std::array<std::string_view, 11> kDictMethods = {
    "clear", "copy",    "fromkeys",   "get",    "items", "keys",
    "pop",   "popitem", "setdefault", "update", "values"};

Builtin find_dict_method(std::string_view name) {
  if (name == "items") return dict_items;
  if (name == "keys") return dict_keys;
  if (name == "values") return dict_values;
  if (name == "get") return dict_get;
  if (name == "copy") return copy;
  return nullptr;
}

Builtin find_list_method(SequenceKind kind, std::string_view name) {
  if (kind > SequenceKind::kRange) return nullptr;
  if (name == "index") return list_index;
  if (name == "count") return list_count;
  if (name == "copy" && kind == SequenceKind::kList) return copy;
  return nullptr;
}

}  // namespace

bool is_method_name_of_dict(std::string_view name) {
  return std::find(kDictMethods.begin(), kDictMethods.end(), name) != kDictMethods.end();
}

Builtin find_method(const Value& value, std::string_view name) {
  if (value.is_text()) return find_text_method(name);
  if (value.mapping()) return find_dict_method(name);
  if (const auto* sequence = value.sequence()) return find_list_method(sequence->kind, name);
  return nullptr;
}

}  // namespace whet::jinja
