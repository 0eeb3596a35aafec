#include "formats/gguf_part.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <set>

#include "base/checked_math.h"
#include "base/invalid_model.h"
#include "formats/byte_cursor.h"
#include "formats/gguf_metadata.h"
#include "formats/untrusted_text.h"

namespace whet {
namespace {

// Smallest encodings, which bound the counts in the header by the bytes that follow it:
// key length 8 + one byte of key + type 4 + one byte of value, and
// name length 8 + one byte of name + n_dims 4 + one dimension 8 + type 4 + offset 8.
constexpr uint64_t kMinKeyValueBytes = 14;
constexpr uint64_t kMinTensorInfoBytes = 33;

struct Header {
  uint32_t version;
  uint64_t n_tensors;
  uint64_t n_key_values;
};

Result<Header> read_header(ByteCursor& cursor) {
  WHET_TRY(std::string_view magic, cursor.read_text("GGUF magic", 4));
  if (magic != kGgufMagic) {
    return invalid_model("expected the magic \"GGUF\" at byte 0, found {}", quote_untrusted(magic));
  }
  Header header;
  WHET_TRY(header.version, cursor.read<uint32_t>("GGUF version"));
  if (header.version == 1) {
    return invalid_model(
        "GGUF version 1 is not supported (expected 2 or 3); convert the model again");
  }
  if (uint32_t swapped = __builtin_bswap32(header.version); swapped >= 1 && swapped <= 3) {
    return invalid_model(
        "big-endian GGUF is not supported (version bytes read {:#010x}); convert it to "
        "little-endian",
        header.version);
  }
  if (header.version != 2 && header.version != 3) {
    return invalid_model("expected GGUF version 2 or 3 at byte 4, found {}", header.version);
  }
  WHET_TRY(header.n_tensors, cursor.read<uint64_t>("number of tensors"));
  WHET_TRY(header.n_key_values, cursor.read<uint64_t>("number of metadata keys"));
  if (header.n_key_values > cursor.remaining() / kMinKeyValueBytes) {
    return invalid_model(
        "the header claims {} metadata keys, but the {} bytes after it hold at most {}",
        header.n_key_values, cursor.remaining(), cursor.remaining() / kMinKeyValueBytes);
  }
  if (header.n_tensors > cursor.remaining() / kMinTensorInfoBytes) {
    return invalid_model(
        "the header claims {} tensors, but the {} bytes after it describe at most {}",
        header.n_tensors, cursor.remaining(), cursor.remaining() / kMinTensorInfoBytes);
  }
  return header;
}

Result<uint64_t> read_alignment(const GgufPart& part) {
  auto found = part.metadata.find(kGgufAlignmentKey);
  if (found == part.metadata.end()) return kGgufDefaultAlignment;
  const uint64_t* alignment = std::get_if<uint64_t>(&found->second.value);
  if (alignment == nullptr || !is_valid_gguf_alignment(*alignment)) {
    return invalid_model(
        "key \"{}\": expected a power of two in {}..{} as an unsigned integer, found {}",
        kGgufAlignmentKey, kGgufMinAlignment, kGgufMaxAlignment,
        alignment != nullptr ? fmt::format("{}", *alignment) : "another type");
  }
  return *alignment;
}

// The offset is still relative to the data section, which starts after the last tensor's info.
Result<GgufTensorInfo> read_tensor_info(ByteCursor& cursor) {
  uint64_t start = cursor.position();
  WHET_TRY(uint64_t name_bytes, cursor.read<uint64_t>("length of a tensor name"));
  if (name_bytes == 0 || name_bytes > kGgufMaxKeyBytes) {
    return invalid_model("tensor info at byte {}: expected a name of 1..{} bytes, found {}", start,
                         kGgufMaxKeyBytes, name_bytes);
  }
  GgufTensorInfo info;
  WHET_TRY(info.name, cursor.read_text("tensor name", name_bytes));
  auto frame = [&] { return fmt::format("tensor {}", quote_untrusted(info.name)); };

  WHET_TRY(uint32_t n_dims, cursor.read<uint32_t>("number of dimensions"));
  if (n_dims < 1 || n_dims > kGgufMaxDims) {
    return invalid_model("{}: expected 1..{} dimensions, found {}", frame(), kGgufMaxDims, n_dims);
  }
  info.shape.resize(n_dims);
  for (uint64_t& dim : info.shape) {
    WHET_TRY(dim, cursor.read<uint64_t>("dimension"));
  }
  std::reverse(info.shape.begin(), info.shape.end());  // GGUF stores the innermost first

  WHET_TRY(uint32_t type, cursor.read<uint32_t>("tensor type"));
  if (find_dtype(type) == nullptr) {
    return invalid_model("{}: tensor type {} ({}) is not supported", frame(), type,
                         ggml_type_name(type));
  }
  info.type = static_cast<DType>(type);
  WHET_TRY(info.file_offset, cursor.read<uint64_t>("tensor offset"));
  WHET_TRY(info.n_bytes, tensor_bytes(info.type, info.shape).with_context(frame()));
  return info;
}

// Turns the relative offset into a place in the file that is known to exist.
Status place_tensor(GgufTensorInfo& info, const GgufPart& part, uint64_t data_offset,
                    uint64_t file_bytes) {
  if (info.file_offset % part.alignment != 0) {
    return invalid_model("tensor {}: expected an offset that is a multiple of {}, found {}",
                         quote_untrusted(info.name), part.alignment, info.file_offset);
  }
  auto begin = checked_add(data_offset, info.file_offset);
  auto end = begin ? checked_add(*begin, info.n_bytes) : std::nullopt;
  if (!end || *end > file_bytes) {
    return invalid_model(
        "tensor {}: {} bytes at offset {} of the data section (byte {}) reach beyond the "
        "end of the file ({} bytes); is the download complete?",
        quote_untrusted(info.name), info.n_bytes, info.file_offset, data_offset, file_bytes);
  }
  info.file_offset = *begin;
  return ok_status();
}

Status check_overlap(const std::vector<GgufTensorInfo>& tensors) {
  std::vector<const GgufTensorInfo*> by_offset;
  by_offset.reserve(tensors.size());
  for (const GgufTensorInfo& info : tensors) by_offset.push_back(&info);
  std::sort(by_offset.begin(), by_offset.end(),
            [](auto* a, auto* b) { return a->file_offset < b->file_offset; });
  for (size_t i = 1; i < by_offset.size(); ++i) {
    const GgufTensorInfo& before = *by_offset[i - 1];
    const GgufTensorInfo& after = *by_offset[i];
    if (before.file_offset + before.n_bytes > after.file_offset) {
      return invalid_model("tensors {} (bytes {}..{}) and {} (from byte {}) overlap",
                           quote_untrusted(before.name), before.file_offset,
                           before.file_offset + before.n_bytes, quote_untrusted(after.name),
                           after.file_offset);
    }
  }
  return ok_status();
}

Status read_tensors(ByteCursor& cursor, uint64_t n_tensors, uint64_t file_bytes, GgufPart& part) {
  std::set<std::string_view> names;
  for (uint64_t i = 0; i < n_tensors; ++i) {
    WHET_TRY(GgufTensorInfo info, read_tensor_info(cursor));
    part.tensors.push_back(std::move(info));
    if (part.tensors.size() > kGgufDecodedLimitBytes / (2 * sizeof(GgufTensorInfo))) {
      return invalid_model("more than {} tensors", part.tensors.size() - 1);
    }
  }
  auto data_offset = checked_align_up(cursor.position(), part.alignment);
  if (!data_offset) return invalid_model("the data section begins beyond 64 bits");
  for (GgufTensorInfo& info : part.tensors) {
    if (!names.insert(info.name).second) {
      return invalid_model("tensor {} is listed twice", quote_untrusted(info.name));
    }
    WHET_TRY_STATUS(place_tensor(info, part, *data_offset, file_bytes));
  }
  return check_overlap(part.tensors);
}

}  // namespace

bool is_valid_gguf_alignment(uint64_t alignment) {
  return std::has_single_bit(alignment) && alignment >= kGgufMinAlignment &&
         alignment <= kGgufMaxAlignment;
}

Result<uint64_t> tensor_bytes(DType type, std::span<const uint64_t> shape) {
  if (shape.empty()) return invalid_model("expected at least one dimension, found none");
  const DTypeInfo& layout = dtype_info(type);
  std::optional<uint64_t> n_elements = 1;
  for (uint64_t dim : shape) {
    if (dim == 0) return invalid_model("shape [{}] has a zero dimension", fmt::join(shape, ","));
    n_elements = checked_mul(*n_elements, dim);
    if (!n_elements) return invalid_model("shape [{}] exceeds 64 bits", fmt::join(shape, ","));
  }
  if (shape.back() % layout.block_elements != 0) {
    return invalid_model("{} needs rows of a multiple of {} elements, shape [{}] has rows of {}",
                         layout.name, layout.block_elements, fmt::join(shape, ","), shape.back());
  }
  auto n_bytes = checked_mul(*n_elements / layout.block_elements, layout.block_bytes);
  if (!n_bytes) return invalid_model("shape [{}] exceeds 64 bits", fmt::join(shape, ","));
  return *n_bytes;
}

Result<GgufPart> parse_gguf(std::span<const std::byte> bytes) {
  ByteCursor cursor(bytes);
  WHET_TRY(Header header, read_header(cursor));
  GgufPart part{.version = header.version, .alignment = 0, .metadata = {}, .tensors = {}};
  WHET_TRY_STATUS(read_gguf_metadata(cursor, header.n_key_values, part.metadata));
  WHET_TRY(part.alignment, read_alignment(part));
  WHET_TRY_STATUS(read_tensors(cursor, header.n_tensors, bytes.size(), part));
  return part;
}

}  // namespace whet
