#include "formats/meta_encoding.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "formats/gguf_metadata.h"

namespace whet {
namespace {

Error mismatch(MetaType type) {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("the value cannot be stored as {}", meta_type_name(type)));
}

template <typename T>
bool fits(const std::vector<T>& values, MetaType type) {
  auto all = [&]<typename Stored>(Stored) {
    for (T value : values) {
      if (!std::in_range<Stored>(value)) return false;
    }
    return true;
  };
  return type == MetaType::kUint32 ? all(uint32_t{}) : all(int32_t{});
}

// The width that other programs expect where the caller did not say.
MetaType default_type(const std::vector<uint64_t>& values) {
  return fits(values, MetaType::kUint32) ? MetaType::kUint32 : MetaType::kUint64;
}
MetaType default_type(const std::vector<int64_t>& values) {
  return fits(values, MetaType::kInt32) ? MetaType::kInt32 : MetaType::kInt64;
}
MetaType default_type(const std::vector<double>&) {
  return MetaType::kFloat32;
}
MetaType default_type(const std::vector<bool>&) {
  return MetaType::kBool;
}
MetaType default_type(const std::vector<std::string>&) {
  return MetaType::kString;
}

template <typename Stored, typename T>
Status append_integers(std::string& out, const std::vector<T>& values, MetaType type) {
  for (T value : values) {
    if (!std::in_range<Stored>(value)) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("{} does not fit {}", value, meta_type_name(type)));
    }
    append_number(out, static_cast<Stored>(value));
  }
  return ok_status();
}

template <typename T>
requires std::is_integral_v<T> Status append_elements(std::string& out,
                                                      const std::vector<T>& values, MetaType type) {
  switch (type) {
    case MetaType::kUint8:
      return append_integers<uint8_t>(out, values, type);
    case MetaType::kInt8:
      return append_integers<int8_t>(out, values, type);
    case MetaType::kUint16:
      return append_integers<uint16_t>(out, values, type);
    case MetaType::kInt16:
      return append_integers<int16_t>(out, values, type);
    case MetaType::kUint32:
      return append_integers<uint32_t>(out, values, type);
    case MetaType::kInt32:
      return append_integers<int32_t>(out, values, type);
    case MetaType::kUint64:
      return append_integers<uint64_t>(out, values, type);
    case MetaType::kInt64:
      return append_integers<int64_t>(out, values, type);
    default:
      return mismatch(type);
  }
}

Status append_elements(std::string& out, const std::vector<double>& values, MetaType type) {
  if (type != MetaType::kFloat32 && type != MetaType::kFloat64) return mismatch(type);
  for (double value : values) {
    if (type == MetaType::kFloat64) {
      append_number(out, value);
    } else if (std::isfinite(value) && std::abs(value) > std::numeric_limits<float>::max()) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("{} does not fit f32", value));
    } else {
      append_number(out, static_cast<float>(value));
    }
  }
  return ok_status();
}

Status append_elements(std::string& out, const std::vector<bool>& values, MetaType type) {
  if (type != MetaType::kBool) return mismatch(type);
  for (bool value : values) append_number<uint8_t>(out, value ? 1 : 0);
  return ok_status();
}

Status append_elements(std::string& out, const std::vector<std::string>& values, MetaType type) {
  if (type != MetaType::kString) return mismatch(type);
  for (const std::string& value : values) append_string(out, value);
  return ok_status();
}

void append_type(std::string& out, MetaType type) {
  append_number(out, static_cast<uint32_t>(type));
}

}  // namespace

void append_string(std::string& out, std::string_view text) {
  append_number<uint64_t>(out, text.size());
  out += text;
}

Status append_meta_value(std::string& out, const MetaValue& value) {
  auto append_array = [&](const auto& values) {
    MetaType type = value.stored_as.value_or(default_type(values));
    append_type(out, MetaType::kArray);
    append_type(out, type);
    append_number<uint64_t>(out, values.size());
    return append_elements(out, values, type);
  };
  auto append_scalar = [&](const auto& scalar) {
    std::vector<std::decay_t<decltype(scalar)>> one{scalar};
    MetaType type = value.stored_as.value_or(default_type(one));
    append_type(out, type);
    return append_elements(out, one, type);
  };
  if (auto* array = std::get_if<MetaArray>(&value.value)) return std::visit(append_array, *array);
  return std::visit(
      [&](const auto& scalar) -> Status {
        if constexpr (std::is_same_v<std::decay_t<decltype(scalar)>, MetaArray>) {
          WHET_UNREACHABLE();
        } else {
          return append_scalar(scalar);
        }
      },
      value.value);
}

}  // namespace whet
