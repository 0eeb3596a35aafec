#include "serve/text_inputs.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace whet::serve {
namespace {

constexpr size_t kMaxIds = 1 << 20;

std::optional<std::vector<int32_t>> read_ids(const Json& list) {
  std::vector<int32_t> ids;
  if (list.empty() || list.size() > kMaxIds) return std::nullopt;
  for (const Json& id : list) {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 || id.get<int64_t>() > INT32_MAX) {
      return std::nullopt;
    }
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

std::optional<TextInput> text_input(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (!json.is_array()) return std::nullopt;
  return read_ids(json);
}

}  // namespace

std::vector<TextInput> read_inputs(Fields& fields, const std::string& name, size_t n_max) {
  const auto wrong = [&] {
    fields.fail(name, "a string, an array of strings, an array of token ids or an array of these");
    return std::vector<TextInput>();
  };
  const Json* json = fields.value(name);
  if (json == nullptr) return wrong();
  const bool is_list = json->is_array() && !json->empty() && !json->front().is_number();
  if (!is_list) {
    auto input = text_input(*json);
    if (!input) return wrong();
    return {std::move(*input)};
  }
  if (json->size() > n_max) {
    fields.fail(
        {400, fmt::format("\"{}\": expected at most {} texts, found {}", name, n_max, json->size()),
         name});
    return {};
  }
  std::vector<TextInput> inputs;
  for (const Json& item : *json) {
    auto input = text_input(item);
    if (!input) return wrong();
    inputs.push_back(std::move(*input));
  }
  return inputs;
}

}  // namespace whet::serve
