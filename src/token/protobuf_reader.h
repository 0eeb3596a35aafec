// ProtobufReader: walks the fields of one protobuf message. Every length is checked against the
// bytes at hand; groups, which no current writer makes, are an error.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace whet {

struct ProtobufField {
  uint32_t number;
  enum class Kind { kVarint, kFixed64, kBytes, kFixed32 } kind;
  uint64_t integer = 0;    // kVarint, kFixed64, kFixed32
  std::string_view bytes;  // kBytes: a string or a nested message

  float as_float() const;  // of kFixed32
};

class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view message) : rest_(message) {}

  /// The next field, or nothing at the end.
  Result<std::optional<ProtobufField>> next();

 private:
  Result<uint64_t> varint();
  Result<std::string_view> take(uint64_t n_bytes);

  std::string_view rest_;
};

}  // namespace whet
