#include "formats/gguf_metadata.h"

#include <fmt/format.h>

#include <array>

#include "base/checked_math.h"
#include "base/invalid_model.h"
#include "formats/gguf_part.h"
#include "formats/untrusted_text.h"

namespace whet {
namespace {

// The kind of value that an integer or float of the file becomes.
template <typename T>
using Widened = std::conditional_t<std::is_floating_point_v<T>, double,
                                   std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>;

class MetadataReader {
 public:
  explicit MetadataReader(ByteCursor& cursor) : cursor_(cursor) {}

  Result<std::string> read_key() {
    uint64_t start = cursor_.position();
    WHET_TRY(uint64_t n_bytes, cursor_.read<uint64_t>("length of a key"));
    if (n_bytes == 0 || n_bytes > kGgufMaxKeyBytes) {
      return invalid_model("expected a key of 1..{} bytes at byte {}, found a length of {}",
                           kGgufMaxKeyBytes, start, n_bytes);
    }
    WHET_TRY_STATUS(charge(1, sizeof(MetaValue) + sizeof(std::string) + n_bytes));
    WHET_TRY(std::string_view key, cursor_.read_text("key", n_bytes));
    return std::string(key);
  }

  Result<MetaValue> read_value() {
    WHET_TRY(MetaType type, read_type("type of the value"));
    switch (type) {
      case MetaType::kUint8:
        return read_number<uint8_t>(type);
      case MetaType::kInt8:
        return read_number<int8_t>(type);
      case MetaType::kUint16:
        return read_number<uint16_t>(type);
      case MetaType::kInt16:
        return read_number<int16_t>(type);
      case MetaType::kUint32:
        return read_number<uint32_t>(type);
      case MetaType::kInt32:
        return read_number<int32_t>(type);
      case MetaType::kUint64:
        return read_number<uint64_t>(type);
      case MetaType::kInt64:
        return read_number<int64_t>(type);
      case MetaType::kFloat32:
        return read_number<float>(type);
      case MetaType::kFloat64:
        return read_number<double>(type);
      case MetaType::kBool: {
        WHET_TRY(bool value, read_bool());
        return MetaValue{value, type};
      }
      case MetaType::kString: {
        WHET_TRY(std::string value, read_string());
        return MetaValue{std::move(value), type};
      }
      case MetaType::kArray:
        return read_array();
    }
    return unknown_type(type);
  }

 private:
  static Error unknown_type(MetaType type) {
    return invalid_model("value type {} is not one of GGUF's 0..12", static_cast<uint32_t>(type));
  }

  Result<MetaType> read_type(std::string_view what) {
    WHET_TRY(uint32_t type, cursor_.read<uint32_t>(what));
    return static_cast<MetaType>(type);
  }

  // Books memory for n decoded values before they are allocated.
  Status charge(uint64_t n, uint64_t bytes_each) {
    auto n_bytes = checked_mul(n, bytes_each);
    if (!n_bytes || *n_bytes > budget_bytes_) {
      return invalid_model("the metadata up to byte {} exceeds the limit of {} decoded bytes",
                           cursor_.position(), kGgufDecodedLimitBytes);
    }
    budget_bytes_ -= *n_bytes;
    return ok_status();
  }

  // Refuses a count whose smallest encoding is longer than the rest of the file.
  Status check_array(uint64_t n, uint64_t encoded_bytes_each, uint64_t decoded_bytes_each) {
    if (n > cursor_.remaining() / encoded_bytes_each) {
      return invalid_model(
          "an array of {} elements at byte {} does not fit the {} bytes that are left", n,
          cursor_.position(), cursor_.remaining());
    }
    return charge(n, decoded_bytes_each);
  }

  template <typename T>
  Result<MetaValue> read_number(MetaType type) {
    WHET_TRY(T value, cursor_.read<T>("value"));
    return MetaValue{Widened<T>{value}, type};
  }

  Result<bool> read_bool() {
    uint64_t start = cursor_.position();
    WHET_TRY(uint8_t value, cursor_.read<uint8_t>("boolean"));
    if (value > 1)
      return invalid_model("expected a boolean 0 or 1 at byte {}, found {}", start, value);
    return value == 1;
  }

  Result<std::string> read_string() {
    WHET_TRY(uint64_t n_bytes, cursor_.read<uint64_t>("length of a string"));
    WHET_TRY(std::string_view text, cursor_.read_text("string", n_bytes));
    WHET_TRY_STATUS(charge(1, n_bytes));
    return std::string(text);
  }

  template <typename T>
  Result<MetaValue> read_numbers(MetaType type, uint64_t n) {
    WHET_TRY_STATUS(check_array(n, sizeof(T), sizeof(Widened<T>)));
    std::vector<Widened<T>> values(n);
    for (auto& value : values) {
      WHET_TRY(T stored, cursor_.read<T>("array element"));
      value = stored;
    }
    return MetaValue{MetaArray{std::move(values)}, type};
  }

  Result<MetaValue> read_bools(uint64_t n) {
    WHET_TRY_STATUS(check_array(n, 1, 1));
    std::vector<bool> values(n);
    for (uint64_t i = 0; i < n; ++i) {
      WHET_TRY(bool value, read_bool());
      values[i] = value;
    }
    return MetaValue{MetaArray{std::move(values)}, MetaType::kBool};
  }

  Result<MetaValue> read_strings(uint64_t n) {
    WHET_TRY_STATUS(check_array(n, sizeof(uint64_t), sizeof(std::string)));
    std::vector<std::string> values(n);
    for (std::string& value : values) {
      WHET_TRY(value, read_string());
    }
    return MetaValue{MetaArray{std::move(values)}, MetaType::kString};
  }

  Result<MetaValue> read_array() {
    WHET_TRY(MetaType type, read_type("element type of the array"));
    WHET_TRY(uint64_t n, cursor_.read<uint64_t>("length of the array"));
    switch (type) {
      case MetaType::kUint8:
        return read_numbers<uint8_t>(type, n);
      case MetaType::kInt8:
        return read_numbers<int8_t>(type, n);
      case MetaType::kUint16:
        return read_numbers<uint16_t>(type, n);
      case MetaType::kInt16:
        return read_numbers<int16_t>(type, n);
      case MetaType::kUint32:
        return read_numbers<uint32_t>(type, n);
      case MetaType::kInt32:
        return read_numbers<int32_t>(type, n);
      case MetaType::kUint64:
        return read_numbers<uint64_t>(type, n);
      case MetaType::kInt64:
        return read_numbers<int64_t>(type, n);
      case MetaType::kFloat32:
        return read_numbers<float>(type, n);
      case MetaType::kFloat64:
        return read_numbers<double>(type, n);
      case MetaType::kBool:
        return read_bools(n);
      case MetaType::kString:
        return read_strings(n);
      case MetaType::kArray:
        return invalid_model("arrays of arrays are not supported (element type at byte {})",
                             cursor_.position() - sizeof(uint64_t) - sizeof(uint32_t));
    }
    return unknown_type(type);
  }

  ByteCursor& cursor_;
  uint64_t budget_bytes_ = kGgufDecodedLimitBytes;
};

}  // namespace

std::string_view meta_type_name(MetaType type) {
  constexpr std::array<std::string_view, 13> kNames{"u8",  "i8",  "u16",  "i16",    "u32",
                                                    "i32", "f32", "bool", "string", "array",
                                                    "u64", "i64", "f64"};
  auto index = static_cast<size_t>(type);
  return index < kNames.size() ? kNames[index] : "unknown type";
}

Status read_gguf_metadata(ByteCursor& cursor, uint64_t n_key_values,
                          std::map<std::string, MetaValue, std::less<>>& metadata) {
  MetadataReader reader(cursor);
  for (uint64_t i = 0; i < n_key_values; ++i) {
    WHET_TRY(std::string key, reader.read_key());
    WHET_TRY(MetaValue value,
             reader.read_value().with_context(fmt::format("key {}", quote_untrusted(key))));
    auto [place, is_new] = metadata.emplace(std::move(key), std::move(value));
    if (!is_new) return invalid_model("key {} occurs twice", quote_untrusted(place->first));
  }
  return ok_status();
}

}  // namespace whet
