#include "jinja/json_value.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "jinja/mapping.h"

namespace whet::jinja {
namespace {

Error invalid(std::string message) {
  return Error(ErrorCode::kInvalidArgument, std::move(message));
}

}  // namespace

Result<Value> from_json(const nlohmann::ordered_json& json, int max_depth) {
  using Type = nlohmann::ordered_json::value_t;
  if (json.is_structured() && max_depth == 0) return invalid("JSON is nested too deeply");
  switch (json.type()) {
    case Type::null:
      return Value(None{});
    case Type::boolean:
      return Value::boolean(json.get<bool>());
    case Type::number_integer:
      return Value(json.get<int64_t>());
    case Type::number_unsigned: {
      const auto number = json.get<uint64_t>();
      if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        return invalid(fmt::format("{} does not fit an int of 64 bits", number));
      }
      return Value(static_cast<int64_t>(number));
    }
    case Type::number_float:
      return Value(json.get<double>());
    case Type::string:
      return Value::constant_text(json.get_ref<const std::string&>());
    case Type::array: {
      Sequence list;
      for (const auto& element : json) {
        WHET_TRY(auto value, from_json(element, max_depth - 1));
        list.depth = std::max(list.depth, depth_of(value) + 1);
        list.items.push_back(std::move(value));
      }
      return Value(std::make_shared<const Sequence>(std::move(list)));
    }
    case Type::object: {
      Mapping mapping;
      for (const auto& [key, element] : json.items()) {
        WHET_TRY(auto value, from_json(element, max_depth - 1));
        mapping.set(Value::constant_text(key), std::move(value));
      }
      return Value(std::make_shared<const Mapping>(std::move(mapping)));
    }
    case Type::binary:
    case Type::discarded:
      break;
  }
  return invalid("JSON value of an unsupported type");
}

}  // namespace whet::jinja
