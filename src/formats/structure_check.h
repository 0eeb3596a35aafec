// The part of `whet verify` that needs only the files: structure, texts, tokenizer, weights,
// hashes. Knows no architecture; the trial forward pass is the command's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "formats/check_finding.h"

namespace whet {

struct StructureCheckOptions {
  /// Blocks (elements of plain tensors) to read of each tensor; nothing reads all of them.
  std::optional<uint64_t> max_blocks_per_tensor = std::nullopt;
  bool hash_files = true;
  /// Called now and then with the file or tensor at hand and the bytes done; false cancels.
  std::function<bool(std::string_view item, uint64_t done_bytes)> progress = {};
};

/// One finding per check, failed ones included; a model that cannot be opened has a single, failed
/// finding "structure" with the reader's error. Each file's hash is in the detail of a "sha256".
/// Errors: only kCancelled, and kInternal where hashing itself fails.
Result<CheckFindings> check_structure(const std::string& path,
                                      const StructureCheckOptions& options = {});

}  // namespace whet
