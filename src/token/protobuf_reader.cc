#include "token/protobuf_reader.h"

#include <fmt/format.h>

#include <bit>

#include "base/invalid_model.h"

namespace whet {

namespace {

uint64_t little_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i > 0; --i) {
    value = (value << 8) | static_cast<uint8_t>(bytes[i - 1]);
  }
  return value;
}

}  // namespace

float ProtobufField::as_float() const {
  return std::bit_cast<float>(static_cast<uint32_t>(integer));
}

Result<std::optional<ProtobufField>> ProtobufReader::next() {
  using Kind = ProtobufField::Kind;
  if (rest_.empty()) return std::optional<ProtobufField>();
  WHET_TRY(const uint64_t tag, varint());
  const uint64_t number = tag >> 3;
  if (number == 0 || number >= (uint64_t{1} << 29)) {
    return invalid_model(fmt::format("protobuf field number {}", number));
  }
  ProtobufField field{.number = static_cast<uint32_t>(number), .kind = Kind::kVarint, .bytes = {}};
  switch (tag & 7) {
    case 0: {
      WHET_TRY(field.integer, varint());
      return std::optional(field);
    }
    case 1: {
      field.kind = Kind::kFixed64;
      WHET_TRY(const std::string_view bytes, take(8));
      field.integer = little_endian(bytes);
      return std::optional(field);
    }
    case 2: {
      field.kind = Kind::kBytes;
      WHET_TRY(const uint64_t length, varint());
      WHET_TRY(field.bytes, take(length));
      return std::optional(field);
    }
    case 5: {
      field.kind = Kind::kFixed32;
      WHET_TRY(const std::string_view bytes, take(4));
      field.integer = little_endian(bytes);
      return std::optional(field);
    }
    default:
      return invalid_model(fmt::format("protobuf wire type {}", tag & 7));
  }
}

Result<uint64_t> ProtobufReader::varint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    WHET_TRY(const std::string_view byte, take(1));
    const auto bits = static_cast<uint8_t>(byte[0]);
    value |= static_cast<uint64_t>(bits & 0x7F) << shift;
    if (bits < 0x80) return value;
  }
  return invalid_model("protobuf varint longer than 10 bytes");
}

Result<std::string_view> ProtobufReader::take(uint64_t n_bytes) {
  if (n_bytes > rest_.size()) {
    return invalid_model(
        fmt::format("protobuf field of {} bytes with only {} left", n_bytes, rest_.size()));
  }
  const std::string_view taken = rest_.substr(0, static_cast<size_t>(n_bytes));
  rest_.remove_prefix(taken.size());
  return taken;
}

}  // namespace whet
