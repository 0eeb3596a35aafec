// Builds GGUF bytes field by field, valid or broken on purpose; for tests only. Written from the
// specification and independent of the writer that it helps to test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whet {

class GgufBytes {
 public:
  template <typename T>
  GgufBytes& number(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T));
    return *this;
  }
  GgufBytes& text(std::string_view text) {
    number<uint64_t>(text.size());
    return raw(text);
  }
  GgufBytes& raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  GgufBytes& header(uint64_t n_tensors, uint64_t n_key_values, uint32_t version = 3) {
    return raw("GGUF").number(version).number(n_tensors).number(n_key_values);
  }
  GgufBytes& key(std::string_view key, uint32_t type) { return text(key).number(type); }
  GgufBytes& uint32_key(std::string_view name, uint32_t value) {
    return key(name, 4).number(value);
  }
  GgufBytes& string_key(std::string_view name, std::string_view value) {
    return key(name, 8).text(value);
  }
  GgufBytes& array_key(std::string_view name, uint32_t element_type, uint64_t n) {
    return key(name, 9).number(element_type).number(n);
  }
  /// `dims` as in the file: innermost first.
  GgufBytes& tensor(std::string_view name, std::vector<uint64_t> dims, uint32_t type,
                    uint64_t offset) {
    text(name).number(static_cast<uint32_t>(dims.size()));
    for (uint64_t dim : dims) number(dim);
    return number(type).number(offset);
  }
  GgufBytes& pad(size_t alignment = 32) {
    bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment);
    return *this;
  }
  GgufBytes& data(size_t n_bytes, char fill = 'x') {
    bytes_.append(n_bytes, fill);
    return *this;
  }

  const std::string& str() const { return bytes_; }
  std::span<const std::byte> bytes() const {
    return std::as_bytes(std::span(bytes_.data(), bytes_.size()));
  }

 private:
  std::string bytes_;
};

/// A small valid file with one value of every type and two tensors; every byte counts, so cutting
/// it anywhere makes it invalid.
inline GgufBytes small_valid_gguf() {
  GgufBytes file;
  file.header(2, 16);
  file.string_key("general.architecture", "llama");
  file.uint32_key("general.alignment", 32);
  file.key("u8", 0).number<uint8_t>(200);
  file.key("i8", 1).number<int8_t>(-100);
  file.key("u16", 2).number<uint16_t>(60000);
  file.key("i16", 3).number<int16_t>(-30000);
  file.key("i32", 5).number<int32_t>(-7);
  file.key("f32", 6).number<float>(0.5f);
  file.key("yes", 7).number<uint8_t>(1);
  file.key("u64", 10).number<uint64_t>(uint64_t{1} << 63);
  file.key("i64", 11).number<int64_t>(INT64_MIN);
  file.key("f64", 12).number<double>(1e300);
  file.array_key("floats", 6, 2).number<float>(1.5f).number<float>(-2.0f);
  file.array_key("bools", 7, 3).raw(std::string_view("\1\0\1", 3));
  file.array_key("strings", 8, 3).text("").text("a").text("<0x0A>");
  file.array_key("empty", 4, 0);
  file.tensor("a.weight", {8, 2}, 0, 0);    // F32 [2,8]
  file.tensor("b.weight", {32, 2}, 8, 64);  // Q8_0 [2,32]
  return file.pad().data(64, 'a').data(68, 'b');
}

}  // namespace whet
