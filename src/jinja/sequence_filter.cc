// Filters on lists and dicts as a whole: length, order, grouping into rows.
#include <fmt/format.h>

#include <algorithm>

#include "jinja/access.h"
#include "jinja/filter.h"
#include "jinja/method.h"
#include "jinja/operation.h"
#include "jinja/unicode.h"

namespace whet::jinja {
namespace {

Result<Value> count_items(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  WHET_TRY(const auto n, length(runtime, input));
  return Value(n);
}

Result<Value> first(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  const auto* sequence = input.sequence();
  if (sequence && sequence->kind == SequenceKind::kIterator) {
    if (sequence->n_used < sequence->items.size()) return sequence->items[sequence->n_used++];
    return Value::undefined("no first item, the sequence was empty");
  }
  if (const auto* text = input.text()) {
    if (!text->bytes.empty()) return item(runtime, input, Value(int64_t{0}));
  }
  WHET_TRY(const auto items, iterate(runtime, input));
  return items.empty() ? Value::undefined("no first item, the sequence was empty") : items.front();
}

Result<Value> last(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  const auto* sequence = input.sequence();
  if (sequence && sequence->kind == SequenceKind::kIterator) {
    return template_error(fmt::format("'{}' has no last item", type_name(input)));
  }
  if (input.text() && !input.text()->bytes.empty()) return item(runtime, input, Value(int64_t{-1}));
  WHET_TRY(const auto items, iterate(runtime, input));
  return items.empty() ? Value::undefined("no last item, the sequence was empty") : items.back();
}

Result<Value> as_list(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  WHET_TRY(auto items, iterate(runtime, input));
  return runtime.list(std::move(items));
}

Result<Value> reverse(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  if (input.text()) return slice(runtime, input, None{}, None{}, Value(int64_t{-1}));
  WHET_TRY(auto items, iterate(runtime, input));
  std::reverse(items.begin(), items.end());
  const auto* sequence = input.sequence();
  const bool one_pass = sequence && sequence->kind == SequenceKind::kIterator;
  return runtime.sequence(
      one_pass || input.is_undefined() ? SequenceKind::kList : SequenceKind::kIterator,
      std::move(items));
}

Result<Value> items(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  if (input.is_undefined()) return runtime.sequence(SequenceKind::kIterator, {});
  if (!input.mapping())
    return template_error(fmt::format("expected a dict, got {}", type_name(input)));
  WHET_TRY(const auto pairs, find_method(input, "items")(runtime, input, {}));
  return runtime.sequence(SequenceKind::kIterator, pairs.sequence()->items);
}

/// What sorting and uniqueness compare: the attribute, in lower case unless case matters.
Result<Value> sort_key(Runtime& runtime, const Value& value, const Value* path,
                       bool case_sensitive) {
  Value key = value;
  if (path && !path->is_none()) {
    WHET_TRY(key, attribute_path(runtime, value, *path));
  }
  if (case_sensitive || !key.text()) return key;
  return runtime.text(to_lower(key.text()->bytes));
}

using Keyed = std::pair<Value, Value>;  // key, item

Result<std::vector<Keyed>> keyed_items(Runtime& runtime, const Value& input, const Value* path,
                                       bool case_sensitive) {
  WHET_TRY(const auto values, iterate(runtime, input));
  std::vector<Keyed> keyed;
  for (const auto& value : values) {
    WHET_TRY(auto key, sort_key(runtime, value, path, case_sensitive));
    keyed.emplace_back(std::move(key), value);
  }
  return keyed;
}

/// Stable; items with equal keys keep their order in both directions.
Result<Value> sort_by_key(Runtime& runtime, std::vector<Keyed> keyed, bool descending) {
  Status failure = ok_status();
  std::stable_sort(keyed.begin(), keyed.end(), [&](const Keyed& a, const Keyed& b) {
    if (!failure.ok()) return false;
    if (failure = runtime.charge(1); !failure.ok()) return false;
    const auto before =
        descending ? less(runtime, b.first, a.first) : less(runtime, a.first, b.first);
    if (before.ok()) return *before;
    failure = before.error();
    return false;
  });
  WHET_TRY_STATUS(failure);
  std::vector<Value> sorted;
  for (auto& entry : keyed) sorted.push_back(std::move(entry.second));
  return runtime.list(std::move(sorted));
}

Result<Value> sort(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"reverse", "case_sensitive", "attribute"}));
  const auto* path = bound[2] ? bound[2]->text() : nullptr;
  if (path && path->bytes.find(',') != std::string::npos) {
    return template_error("sorting by several attributes is not supported");
  }
  WHET_TRY(auto keyed, keyed_items(runtime, input, bound[2], flag_argument(bound[1], false)));
  return sort_by_key(runtime, std::move(keyed), flag_argument(bound[0], false));
}

Result<Value> dictsort(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"case_sensitive", "by", "reverse"}));
  WHET_TRY(const auto by, text_argument(bound[1], "by", "key"));
  if (by != "key" && by != "value") return template_error("by: expected \"key\" or \"value\"");
  if (!input.mapping())
    return template_error(fmt::format("expected a dict, got {}", type_name(input)));
  WHET_TRY(const auto pairs, find_method(input, "items")(runtime, input, {}));
  const Value position(int64_t{by == "key" ? 0 : 1});
  WHET_TRY(auto keyed, keyed_items(runtime, pairs, &position, flag_argument(bound[0], false)));
  return sort_by_key(runtime, std::move(keyed), flag_argument(bound[2], false));
}

Result<Value> unique(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"case_sensitive", "attribute"}));
  WHET_TRY(const auto keyed, keyed_items(runtime, input, bound[1], flag_argument(bound[0], false)));
  std::vector<Value> seen;
  std::vector<Value> kept;
  for (const auto& [key, value] : keyed) {
    bool known = false;
    WHET_TRY_STATUS(runtime.charge(static_cast<int64_t>(seen.size())));
    for (size_t i = 0; i < seen.size() && !known; ++i) {
      WHET_TRY(known, equal(runtime, seen[i], key));
    }
    if (known) continue;
    seen.push_back(key);
    kept.push_back(value);
  }
  return runtime.sequence(SequenceKind::kIterator, std::move(kept));
}

Result<Value> extreme(Runtime& runtime, const Value& input, const Arguments& arguments,
                      bool largest) {
  WHET_TRY(const auto bound, bind(arguments, {"case_sensitive", "attribute"}));
  WHET_TRY(const auto keyed, keyed_items(runtime, input, bound[1], flag_argument(bound[0], false)));
  if (keyed.empty()) return Value::undefined("no aggregated item, the sequence was empty");
  const Keyed* best = &keyed[0];
  for (const auto& entry : keyed) {
    WHET_TRY(const bool better, largest ? less(runtime, best->first, entry.first)
                                        : less(runtime, entry.first, best->first));
    if (better) best = &entry;
  }
  return best->second;
}

Result<Value> smallest(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return extreme(runtime, input, arguments, false);
}
Result<Value> largest(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return extreme(runtime, input, arguments, true);
}

Result<Value> sum(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"attribute", "start"}));
  WHET_TRY(const auto values, iterate(runtime, input));
  Value total = bound[1] ? *bound[1] : Value(int64_t{0});
  if (total.text()) return template_error("cannot sum str; use the filter 'join'");
  for (const auto& value : values) {
    Value term = value;
    if (bound[0] && !bound[0]->is_none()) {
      WHET_TRY(term, attribute_path(runtime, value, *bound[0]));
    }
    WHET_TRY(total, arithmetic(runtime, Arithmetic::kAdd, total, term));
  }
  return total;
}

Result<Value> batch(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"linecount", "fill_with"}, 1));
  WHET_TRY(const auto n, integer_argument(bound[0], "linecount", 1));
  if (n < 1) return template_error("linecount: expected at least 1");
  WHET_TRY(const auto values, iterate(runtime, input));
  std::vector<Value> rows;
  for (size_t i = 0; i < values.size(); i += static_cast<size_t>(n)) {
    const size_t end = i + std::min(static_cast<size_t>(n), values.size() - i);
    std::vector<Value> row(values.begin() + static_cast<std::ptrdiff_t>(i),
                           values.begin() + static_cast<std::ptrdiff_t>(end));
    const int64_t missing = n - static_cast<int64_t>(row.size());
    if (bound[1] && !bound[1]->is_none() && missing > 0) {
      WHET_TRY_STATUS(runtime.charge(missing));
      row.insert(row.end(), static_cast<size_t>(missing), *bound[1]);
    }
    WHET_TRY(auto list, runtime.list(std::move(row)));
    rows.push_back(std::move(list));
    if (end == values.size()) break;
  }
  return runtime.sequence(SequenceKind::kIterator, std::move(rows));
}

Result<Value> columns(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"slices", "fill_with"}, 1));
  WHET_TRY(const auto n, integer_argument(bound[0], "slices", 1));
  if (n < 1) return template_error("slices: expected at least 1");
  WHET_TRY(const auto values, iterate(runtime, input));
  WHET_TRY_STATUS(runtime.charge(n));
  const auto size = static_cast<int64_t>(values.size());
  std::vector<Value> columns;
  auto next = values.begin();
  for (int64_t i = 0; i < n; ++i) {
    const bool has_extra = i < size % n;
    const auto end = next + size / n + (has_extra ? 1 : 0);
    std::vector<Value> column(next, end);
    next = end;
    if (!has_extra && bound[1] && !bound[1]->is_none()) column.push_back(*bound[1]);
    WHET_TRY(auto list, runtime.list(std::move(column)));
    columns.push_back(std::move(list));
  }
  return runtime.sequence(SequenceKind::kIterator, std::move(columns));
}

struct SequenceFilter {
  std::string_view name;
  Builtin filter;
};

constexpr SequenceFilter kSequenceFilters[] = {
    {"batch", batch}, {"count", count_items}, {"dictsort", dictsort},  {"first", first},
    {"items", items}, {"last", last},         {"length", count_items}, {"list", as_list},
    {"max", largest}, {"min", smallest},      {"reverse", reverse},    {"slice", columns},
    {"sort", sort},   {"sum", sum},           {"unique", unique},
};

}  // namespace

Builtin find_sequence_filter(std::string_view name) {
  for (const auto& [known, filter] : kSequenceFilters) {
    if (known == name) return filter;
  }
  return nullptr;
}

}  // namespace whet::jinja
