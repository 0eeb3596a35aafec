// One GGUF file taken apart: metadata and tensor catalogue. Reads only bytes it was given, so tests
// and fuzzers need no file. Invariant: every tensor of a GgufPart lies inside those bytes, aligned,
// and shares no byte with another; nothing was allocated that the file's size did not pay for.
// Source: GGUF specification, versions 2 and 3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/model_file.h"
#include "tensor/dtype.h"

namespace whet {

inline constexpr std::string_view kGgufMagic = "GGUF";
inline constexpr std::string_view kGgufAlignmentKey = "general.alignment";
inline constexpr uint64_t kGgufDefaultAlignment = 32;
inline constexpr uint64_t kGgufMinAlignment = 8;
inline constexpr uint64_t kGgufMaxAlignment = uint64_t{1} << 20;
inline constexpr uint64_t kGgufMaxKeyBytes = 65535;
inline constexpr uint32_t kGgufMaxDims = 4;
/// What the metadata and the catalogue of one file may occupy once decoded. The largest real
/// vocabularies (262 k tokens, 514 k merges) need under 60 MB.
inline constexpr uint64_t kGgufDecodedLimitBytes = uint64_t{512} << 20;

/// A power of two in kGgufMinAlignment..kGgufMaxAlignment.
bool is_valid_gguf_alignment(uint64_t alignment);

struct GgufTensorInfo {
  std::string name;
  DType type;
  std::vector<uint64_t> shape;  // outermost first
  uint64_t file_offset;         // from the start of the file
  uint64_t n_bytes;
};

struct GgufPart {
  uint32_t version;
  uint64_t alignment;
  std::map<std::string, MetaValue, std::less<>> metadata;
  std::vector<GgufTensorInfo> tensors;  // in the file's order
};

/// Errors: kInvalidModel, saying what was expected, what was found and at which byte, key or
/// tensor.
Result<GgufPart> parse_gguf(std::span<const std::byte> bytes);

/// Bytes of a tensor of this type and shape (outermost first). Errors: no or too many dimensions, a
/// zero, a product beyond 64 bits, rows that are not whole blocks.
Result<uint64_t> tensor_bytes(DType type, std::span<const uint64_t> shape);

}  // namespace whet
