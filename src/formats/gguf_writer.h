// Writes a GGUF v3 file front to back, one tensor at a time, so that memory does not grow with the
// model. The file appears under its name only when finish() succeeds.
// Order of calls: add_meta / add_tensor_info, write_header, write_tensor_data, finish.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/gguf_part.h"
#include "formats/model_file.h"
#include "sys/pending_file.h"
#include "tensor/dtype.h"

namespace whet {

class GgufWriter {
 public:
  static Result<GgufWriter> create(const std::string& path);

  /// Stored as `value.stored_as` where that is set and fits; otherwise as the width that other
  /// programs expect: u32 / i32 (64 bits where needed), f32, bool, string. "general.alignment" sets
  /// the alignment of the data section. Errors: a bad or repeated key, a value that does not fit.
  Status add_meta(std::string_view key, const MetaValue& value);
  Status add_uint(std::string_view key, uint64_t value) { return add_meta(key, {value}); }
  Status add_float(std::string_view key, double value) { return add_meta(key, {value}); }
  Status add_bool(std::string_view key, bool value) { return add_meta(key, {value}); }
  Status add_string(std::string_view key, std::string value) {
    return add_meta(key, {std::move(value)});
  }
  template <typename T>
  Status add_array(std::string_view key, std::vector<T> values) {
    return add_meta(key, {MetaArray{std::move(values)}});
  }

  /// `shape` is outermost first, as in TensorEntry. Errors: a bad or repeated name, a bad shape.
  Status add_tensor_info(std::string_view name, DType type, std::span<const uint64_t> shape);

  Status write_header();
  /// The next bytes of the tensor data, tensors in the order of their infos. A call may bring a
  /// part of a tensor, never parts of two.
  Status write_tensor_data(std::span<const std::byte> bytes);
  /// Errors: tensor data is missing; the operating system refused.
  Status finish();

 private:
  struct TensorPlan {
    std::string name;
    DType type;
    std::vector<uint64_t> shape;
    uint64_t n_bytes;
  };

  explicit GgufWriter(PendingFile file) : file_(std::move(file)) {}
  Status pad_to_alignment();

  PendingFile file_;
  uint64_t alignment_ = kGgufDefaultAlignment;
  std::set<std::string, std::less<>> keys_, tensor_names_;
  std::string encoded_metadata_;  // in the order of the calls
  std::vector<TensorPlan> tensors_;
  bool header_written_ = false;
  size_t next_tensor_ = 0;  // the tensor that write_tensor_data continues
  uint64_t next_tensor_done_bytes_ = 0;
};

}  // namespace whet
