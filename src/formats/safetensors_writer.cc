#include "formats/safetensors_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/checked_math.h"
#include "formats/untrusted_text.h"

namespace whet {
namespace {

constexpr size_t kAlignment = 8;  // of the data, which the header fills up to with spaces

Error bad(std::string message) {
  return Error(ErrorCode::kInvalidArgument, std::move(message));
}

}  // namespace

Result<SafeTensorsWriter> SafeTensorsWriter::create(const std::string& path,
                                                    std::map<std::string, std::string> metadata) {
  WHET_TRY(PendingFile file, PendingFile::create(path));
  return SafeTensorsWriter(std::move(file), std::move(metadata));
}

Status SafeTensorsWriter::add_tensor_info(std::string_view name, DType type,
                                          std::span<const uint64_t> shape) {
  WHET_CHECK(!header_written_);
  const DTypeInfo& info = dtype_info(type);
  const std::string quoted = quote_untrusted(name);
  if (name.empty() || name == "__metadata__") {
    return bad(fmt::format("tensor {}: expected a name that is not __metadata__", quoted));
  }
  if (!names_.emplace(name).second) return bad(fmt::format("tensor {}: named twice", quoted));
  if (info.block_elements != 1) {
    return bad(
        fmt::format("tensor {}: expected a type of SafeTensors, found {}", quoted, info.name));
  }
  std::optional<uint64_t> n_bytes = info.block_bytes;
  for (const uint64_t dim : shape) {
    n_bytes = dim == 0 || !n_bytes ? std::nullopt : checked_mul(*n_bytes, dim);
  }
  const uint64_t begin = tensors_.empty() ? 0 : tensors_.back().end;
  const auto end = n_bytes ? checked_add(begin, *n_bytes) : std::nullopt;
  if (!end) {
    return bad(
        fmt::format("tensor {}: expected a shape of at least one and at most 2^64 bytes, "
                    "found [{}]",
                    quoted, fmt::join(shape, ",")));
  }
  tensors_.push_back({std::string(name), type, {shape.begin(), shape.end()}, begin, *end});
  return ok_status();
}

Status SafeTensorsWriter::write_header() {
  WHET_CHECK(!header_written_);
  header_written_ = true;
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata_.empty()) header["__metadata__"] = metadata_;
  for (const TensorPlan& tensor : tensors_) {
    header[tensor.name] = {{"dtype", dtype_info(tensor.type).name},
                           {"shape", tensor.shape},
                           {"data_offsets", {tensor.begin, tensor.end}}};
  }
  // Names come from files: bytes that are no UTF-8 are replaced, and then nobody finds the tensor.
  std::string text = header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  const uint64_t size = text.size();
  std::byte length[sizeof(size)];
  std::memcpy(length, &size, sizeof(size));
  WHET_TRY_STATUS(file_.write(length));
  return file_.write(std::as_bytes(std::span(text)));
}

Status SafeTensorsWriter::write_tensor_data(std::span<const std::byte> bytes) {
  WHET_CHECK(header_written_);
  n_written_ += bytes.size();
  return file_.write(bytes);
}

Status SafeTensorsWriter::finish() {
  const uint64_t expected = tensors_.empty() ? 0 : tensors_.back().end;
  if (!header_written_ || n_written_ != expected) {
    return Error(ErrorCode::kInternal, fmt::format("SafeTensors: expected {} bytes of data, found "
                                                   "{}",
                                                   expected, n_written_));
  }
  return file_.commit();
}

}  // namespace whet
