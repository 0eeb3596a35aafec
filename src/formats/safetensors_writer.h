// Writes a SafeTensors file front to back, so that memory does not grow with the model. The file
// appears under its name only when finish() succeeds.
// Order of calls: add_tensor_info, write_header, write_tensor_data, finish.
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
#include "sys/pending_file.h"
#include "tensor/dtype.h"

namespace whet {

class SafeTensorsWriter {
 public:
  /// `metadata`: the strings of "__metadata__".
  static Result<SafeTensorsWriter> create(const std::string& path,
                                          std::map<std::string, std::string> metadata);

  /// `shape` is outermost first. Errors: a bad or repeated name, a bad shape, a type that
  /// SafeTensors does not have (blocks of codes).
  Status add_tensor_info(std::string_view name, DType type, std::span<const uint64_t> shape);

  Status write_header();
  /// The next bytes of the tensor data, tensors in the order of their infos, in pieces of any size.
  Status write_tensor_data(std::span<const std::byte> bytes);
  /// Errors: tensor data is missing or too long; the operating system refused.
  Status finish();

 private:
  struct TensorPlan {
    std::string name;
    DType type;
    std::vector<uint64_t> shape;
    uint64_t begin, end;  // in the data
  };

  SafeTensorsWriter(PendingFile file, std::map<std::string, std::string> metadata)
      : file_(std::move(file)), metadata_(std::move(metadata)) {}

  PendingFile file_;
  std::map<std::string, std::string> metadata_;
  std::set<std::string, std::less<>> names_;
  std::vector<TensorPlan> tensors_;
  bool header_written_ = false;
  uint64_t n_written_ = 0;  // of the data
};

}  // namespace whet
