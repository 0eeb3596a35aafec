// The JSON header of a .safetensors file, parsed by events: no recursion, and no memory beyond the
// entries. Invariant: the tensors of a SafeTensorsHeader tile the data section without gap or
// overlap, and each is as long as its type and shape say. Source: SafeTensors format description.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "tensor/dtype.h"

namespace whet {

inline constexpr uint64_t kSafeTensorsMaxHeaderBytes = 100'000'000;
inline constexpr size_t kSafeTensorsMaxDims = 8;
/// Some writers pad the end of the file; more than this is data that no tensor owns.
inline constexpr uint64_t kSafeTensorsMaxTrailingBytes = 63;

struct SafeTensorsEntry {
  std::string name;
  DType type;
  std::vector<uint64_t> shape;  // outermost first; empty for a scalar
  uint64_t file_offset;         // from the start of the file
  uint64_t n_bytes;
};

struct SafeTensorsHeader {
  std::map<std::string, std::string, std::less<>> metadata;  // "__metadata__"
  std::vector<SafeTensorsEntry> tensors;                     // by file_offset
};

/// Errors: kInvalidModel, naming the byte or tensor, what was expected and what was found.
Result<SafeTensorsHeader> parse_safetensors_header(std::span<const std::byte> bytes);

/// A plausible header length and the brace that follows it.
bool looks_like_safetensors(std::span<const std::byte> bytes);

}  // namespace whet
