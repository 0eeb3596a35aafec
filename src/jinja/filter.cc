#include "jinja/filter.h"

#include <fmt/format.h>

namespace whet::jinja {
namespace {

Builtin find_filter(std::string_view name) {
  for (const auto find :
       {find_text_filter, find_number_filter, find_sequence_filter, find_selection_filter}) {
    if (const Builtin filter = find(name)) return filter;
  }
  return nullptr;
}

}  // namespace

bool is_filter(std::string_view name) {
  return find_filter(name) != nullptr;
}

Result<Value> apply_filter(Runtime& runtime, std::string_view name, const Value& value,
                           const Arguments& arguments) {
  const Builtin filter = find_filter(name);
  if (!filter) return template_error(fmt::format("unknown filter '{}'", name));
  WHET_TRY_STATUS(runtime.charge(1));
  if (const auto* text = value.text()) WHET_TRY_STATUS(runtime.charge_bytes(text->bytes.size()));
  auto result = filter(runtime, value, arguments);
  if (result.ok()) return result;
  return result.error().with_context(fmt::format("filter '{}'", name));
}

}  // namespace whet::jinja
