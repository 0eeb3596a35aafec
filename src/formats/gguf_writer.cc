#include "formats/gguf_writer.h"

#include <fmt/format.h>

#include "base/checked_math.h"
#include "formats/meta_encoding.h"
#include "formats/untrusted_text.h"

namespace whet {
namespace {

template <typename... Args>
Error unwritable(fmt::format_string<Args...> format, Args&&... args) {
  return Error(ErrorCode::kInvalidArgument, fmt::format(format, std::forward<Args>(args)...));
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

Status check_name(std::string_view what, std::string_view name,
                  const std::set<std::string, std::less<>>& taken) {
  if (name.empty() || name.size() > kGgufMaxKeyBytes) {
    return unwritable("expected a {} of 1..{} bytes, found {}", what, kGgufMaxKeyBytes,
                      name.size());
  }
  if (taken.contains(name))
    return unwritable("{} {} was already added", what, quote_untrusted(name));
  return ok_status();
}

}  // namespace

Result<GgufWriter> GgufWriter::create(const std::string& path) {
  WHET_TRY(PendingFile file, PendingFile::create(path));
  return GgufWriter(std::move(file));
}

Status GgufWriter::add_meta(std::string_view key, const MetaValue& value) {
  WHET_CHECK(!header_written_);
  WHET_TRY_STATUS(check_name("key", key, keys_));
  if (key == kGgufAlignmentKey) {
    auto* alignment = std::get_if<uint64_t>(&value.value);
    if (alignment == nullptr || !is_valid_gguf_alignment(*alignment)) {
      return unwritable("key \"{}\": expected a power of two in {}..{}", key, kGgufMinAlignment,
                        kGgufMaxAlignment);
    }
    alignment_ = *alignment;
  }
  std::string encoded;
  append_string(encoded, key);
  WHET_TRY_STATUS(
      append_meta_value(encoded, value).with_context(fmt::format("key {}", quote_untrusted(key))));
  encoded_metadata_ += encoded;
  keys_.emplace(key);
  return ok_status();
}

Status GgufWriter::add_tensor_info(std::string_view name, DType type,
                                   std::span<const uint64_t> shape) {
  WHET_CHECK(!header_written_);
  WHET_TRY_STATUS(check_name("tensor", name, tensor_names_));
  if (shape.size() > kGgufMaxDims) {
    return unwritable("tensor {}: GGUF holds at most {} dimensions, found {}",
                      quote_untrusted(name), kGgufMaxDims, shape.size());
  }
  WHET_TRY(uint64_t n_bytes,
           tensor_bytes(type, shape).with_context(fmt::format("tensor {}", quote_untrusted(name))));
  tensors_.push_back({std::string(name), type, {shape.begin(), shape.end()}, n_bytes});
  tensor_names_.emplace(name);
  return ok_status();
}

Status GgufWriter::write_header() {
  WHET_CHECK(!header_written_);
  header_written_ = true;
  std::string header(kGgufMagic);
  append_number<uint32_t>(header, 3);
  append_number<uint64_t>(header, tensors_.size());
  append_number<uint64_t>(header, keys_.size());
  header += encoded_metadata_;
  uint64_t offset = 0;
  for (const TensorPlan& tensor : tensors_) {
    append_string(header, tensor.name);
    append_number(header, static_cast<uint32_t>(tensor.shape.size()));
    for (auto dim = tensor.shape.rbegin(); dim != tensor.shape.rend(); ++dim) {
      append_number(header, *dim);  // innermost first in the file
    }
    append_number(header, static_cast<uint32_t>(tensor.type));
    append_number(header, offset);
    auto end = checked_add(offset, tensor.n_bytes);
    auto next = end ? checked_align_up(*end, alignment_) : std::nullopt;
    if (!next)
      return unwritable("tensor {}: the file would exceed 64 bits", quote_untrusted(tensor.name));
    offset = *next;
  }
  WHET_TRY_STATUS(file_.write(bytes_of(header)));
  return pad_to_alignment();
}

Status GgufWriter::pad_to_alignment() {
  uint64_t n_padding = (alignment_ - file_.size_bytes() % alignment_) % alignment_;
  return file_.write(std::vector<std::byte>(n_padding));
}

Status GgufWriter::write_tensor_data(std::span<const std::byte> bytes) {
  WHET_CHECK(header_written_);
  if (next_tensor_ == tensors_.size())
    return unwritable("more tensor data than tensors were added");
  const TensorPlan& tensor = tensors_[next_tensor_];
  uint64_t missing = tensor.n_bytes - next_tensor_done_bytes_;
  if (bytes.size() > missing) {
    return unwritable("tensor {}: expected at most {} more of its {} bytes, found {}",
                      quote_untrusted(tensor.name), missing, tensor.n_bytes, bytes.size());
  }
  WHET_TRY_STATUS(file_.write(bytes));
  next_tensor_done_bytes_ += bytes.size();
  if (next_tensor_done_bytes_ < tensor.n_bytes) return ok_status();
  ++next_tensor_;
  next_tensor_done_bytes_ = 0;
  return pad_to_alignment();
}

Status GgufWriter::finish() {
  WHET_CHECK(header_written_);
  if (next_tensor_ < tensors_.size()) {
    const TensorPlan& tensor = tensors_[next_tensor_];
    return unwritable("tensor {}: {} of its {} bytes were not written",
                      quote_untrusted(tensor.name), tensor.n_bytes - next_tensor_done_bytes_,
                      tensor.n_bytes);
  }
  return file_.commit();
}

}  // namespace whet
