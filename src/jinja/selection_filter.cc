// Filters that apply another filter, a test or an attribute to each item: map, select, reject, ...
#include <fmt/format.h>

#include "jinja/access.h"
#include "jinja/filter.h"
#include "jinja/operation.h"
#include "jinja/predicate.h"

namespace whet::jinja {
namespace {

/// The arguments after the first `n` positional ones.
Arguments rest_of(const Arguments& arguments, size_t n) {
  Arguments rest = arguments;
  rest.positional.erase(rest.positional.begin(),
                        rest.positional.begin() + static_cast<std::ptrdiff_t>(n));
  return rest;
}

Result<std::vector<Value>> inputs(Runtime& runtime, const Value& input) {
  if (!truthy(input)) return std::vector<Value>();
  return iterate(runtime, input);
}

Result<Value> map_attribute(Runtime& runtime, const Value& input, const Arguments& arguments) {
  Arguments named;
  named.keyword = arguments.keyword;
  WHET_TRY(const auto bound, bind(named, {"attribute", "default"}, 1));
  WHET_TRY(auto values, inputs(runtime, input));
  const Value* otherwise = bound[1] && !bound[1]->is_none() ? bound[1] : nullptr;
  for (auto& value : values) {
    WHET_TRY(value, attribute_path(runtime, value, *bound[0], otherwise));
  }
  return runtime.sequence(SequenceKind::kIterator, std::move(values));
}

Result<Value> map(Runtime& runtime, const Value& input, const Arguments& arguments) {
  if (arguments.positional.empty()) return map_attribute(runtime, input, arguments);
  WHET_TRY(const auto name, text_argument(&arguments.positional[0], "filter"));
  const Arguments rest = rest_of(arguments, 1);
  WHET_TRY(auto values, inputs(runtime, input));
  for (auto& value : values) {
    WHET_TRY_STATUS(runtime.charge(static_cast<int64_t>(rest.positional.size())));
    WHET_TRY(value, apply_filter(runtime, name, value, rest));
  }
  return runtime.sequence(SequenceKind::kIterator, std::move(values));
}

/// Items whose truth, or whose test named by the arguments, is `wanted`.
Result<Value> select_items(Runtime& runtime, const Value& input, const Arguments& arguments,
                           bool by_attribute, bool wanted) {
  const size_t n_leading = by_attribute ? 1 : 0;
  if (arguments.positional.size() < n_leading)
    return template_error("missing the attribute's name");
  const bool has_test = arguments.positional.size() > n_leading;
  std::string_view test;
  if (has_test) {
    WHET_TRY(test, text_argument(&arguments.positional[n_leading], "test"));
  }
  const Arguments rest = rest_of(arguments, n_leading + (has_test ? 1 : 0));
  WHET_TRY(const auto values, inputs(runtime, input));
  std::vector<Value> kept;
  for (const auto& value : values) {
    Value subject = value;
    if (by_attribute) {
      WHET_TRY(subject, attribute_path(runtime, value, arguments.positional[0]));
    }
    bool holds = truthy(subject);
    if (has_test) {
      WHET_TRY(holds, apply_predicate(runtime, test, subject, rest));
    }
    if (holds == wanted) kept.push_back(value);
  }
  return runtime.sequence(SequenceKind::kIterator, std::move(kept));
}

Result<Value> select(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return select_items(runtime, input, arguments, false, true);
}
Result<Value> reject(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return select_items(runtime, input, arguments, false, false);
}
Result<Value> selectattr(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return select_items(runtime, input, arguments, true, true);
}
Result<Value> rejectattr(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return select_items(runtime, input, arguments, true, false);
}

}  // namespace

Builtin find_selection_filter(std::string_view name) {
  if (name == "map") return map;
  if (name == "select") return select;
  if (name == "reject") return reject;
  if (name == "selectattr") return selectattr;
  if (name == "rejectattr") return rejectattr;
  return nullptr;
}

}  // namespace whet::jinja
