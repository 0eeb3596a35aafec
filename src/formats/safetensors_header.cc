#include "formats/safetensors_header.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "base/checked_math.h"
#include "base/invalid_model.h"
#include "formats/byte_cursor.h"
#include "formats/safetensors_events.h"
#include "formats/untrusted_text.h"

namespace whet {
namespace {

std::optional<DType> supported_dtype(std::string_view name) {
  if (name == "F32") return DType::F32;
  if (name == "F16") return DType::F16;
  if (name == "BF16") return DType::BF16;
  if (name == "BOOL") return DType::U8;  // masks, a byte each, that no architecture reads
  for (DType type :
       {DType::F8_E4M3, DType::F8_E5M2, DType::U8, DType::I8, DType::U32, DType::I32, DType::I64}) {
    if (name == dtype_info(type).name) return type;
  }
  return std::nullopt;
}

// Bytes of a tensor of plain elements; shape may be empty (a scalar).
Result<uint64_t> plain_tensor_bytes(DType type, const std::vector<uint64_t>& shape) {
  std::optional<uint64_t> n_bytes = dtype_info(type).block_bytes;
  for (uint64_t dim : shape) {
    if (dim == 0) return invalid_model("shape [{}] has a zero dimension", fmt::join(shape, ","));
    n_bytes = checked_mul(*n_bytes, dim);
    if (!n_bytes) return invalid_model("shape [{}] exceeds 64 bits", fmt::join(shape, ","));
  }
  return *n_bytes;
}

// Offsets are still relative to the data section.
Result<SafeTensorsEntry> check_entry(SafeTensorsEvents::Entry raw, uint64_t data_bytes) {
  std::optional<DType> type = supported_dtype(*raw.dtype);
  if (!type) {
    return invalid_model(
        "dtype {} is not supported; expected F32, F16, BF16, F8, or integers that are codes of "
        "quantised weights",
        quote_untrusted(*raw.dtype));
  }
  if (raw.data_offsets->size() != 2) {
    return invalid_model("expected two data_offsets, found {}", raw.data_offsets->size());
  }
  uint64_t begin = (*raw.data_offsets)[0];
  uint64_t end = (*raw.data_offsets)[1];
  if (begin > end || end > data_bytes) {
    return invalid_model(
        "data_offsets {}..{} do not lie in the {} bytes of data that the file has; is the "
        "download complete?",
        begin, end, data_bytes);
  }
  WHET_TRY(uint64_t n_bytes, plain_tensor_bytes(*type, *raw.shape));
  if (n_bytes != end - begin) {
    return invalid_model("{} [{}] needs {} bytes, data_offsets {}..{} hold {}",
                         dtype_info(*type).name, fmt::join(*raw.shape, ","), n_bytes, begin, end,
                         end - begin);
  }
  return SafeTensorsEntry{std::move(raw.name), *type, std::move(*raw.shape), begin, n_bytes};
}

Status check_tiling(const std::vector<SafeTensorsEntry>& tensors, uint64_t data_bytes) {
  uint64_t expected = 0;
  for (const SafeTensorsEntry& tensor : tensors) {
    if (tensor.file_offset != expected) {
      return invalid_model(
          "tensor {}: expected to begin at byte {} of the data, where the one before it "
          "ends, found {} ({})",
          quote_untrusted(tensor.name), expected, tensor.file_offset,
          tensor.file_offset < expected ? "they overlap" : "a gap");
    }
    expected += tensor.n_bytes;
  }
  if (data_bytes - expected > kSafeTensorsMaxTrailingBytes) {
    return invalid_model("{} bytes after the last tensor belong to none; expected at most {}",
                         data_bytes - expected, kSafeTensorsMaxTrailingBytes);
  }
  return ok_status();
}

}  // namespace

bool looks_like_safetensors(std::span<const std::byte> bytes) {
  ByteCursor cursor(bytes);
  auto n_header = cursor.read<uint64_t>("header length");
  return n_header.ok() && *n_header >= 2 && *n_header <= kSafeTensorsMaxHeaderBytes &&
         cursor.remaining() > 0 && bytes[8] == std::byte{'{'};
}

Result<SafeTensorsHeader> parse_safetensors_header(std::span<const std::byte> bytes) {
  ByteCursor cursor(bytes);
  WHET_TRY(uint64_t n_header, cursor.read<uint64_t>("header length"));
  if (n_header < 2 || n_header > kSafeTensorsMaxHeaderBytes) {
    return invalid_model("expected a header of 2..{} bytes, found a length of {}",
                         kSafeTensorsMaxHeaderBytes, n_header);
  }
  WHET_TRY(std::string_view text, cursor.read_text("JSON header", n_header));
  uint64_t data_offset = cursor.position();
  uint64_t data_bytes = cursor.remaining();

  SafeTensorsEvents events;
  if (!nlohmann::json::sax_parse(text, &events)) return invalid_model("{}", events.error());

  SafeTensorsHeader header;
  header.metadata = std::move(events.metadata());
  header.tensors.reserve(events.entries().size());
  for (SafeTensorsEvents::Entry& raw : events.entries()) {
    std::string frame = fmt::format("tensor {}", quote_untrusted(raw.name));
    WHET_TRY(SafeTensorsEntry entry, check_entry(std::move(raw), data_bytes).with_context(frame));
    header.tensors.push_back(std::move(entry));
  }
  std::sort(header.tensors.begin(), header.tensors.end(),
            [](const auto& a, const auto& b) { return a.file_offset < b.file_offset; });
  WHET_TRY_STATUS(check_tiling(header.tensors, data_bytes));
  for (SafeTensorsEntry& tensor : header.tensors) tensor.file_offset += data_offset;
  return header;
}

}  // namespace whet
