// Moments on disk, so that a calibration that was broken off goes on, and another type or sparsity
// of the same model needs none.
#pragma once

#include <optional>
#include <string>

#include "adapt/calibration.h"
#include "base/result.h"
#include "formats/model_file.h"

namespace whet::adapt {

/// 64 hex digits of what moments depend on: the bytes of the model and the windows.
/// `on_bytes(done)` as of sha256_hex().
Result<std::string> moments_key(const ModelFile& file, const Windows& windows);

/// Errors: what the operating system refused.
Status write_moments(const std::string& path, const std::string& key, const Moments& moments);

/// Fills `moments` with what `path` holds. False, and `moments` as it was: there is no such file,
/// or it belongs to another key or another form of model. Errors: a file that is damaged or holds
/// numbers that are not finite; what the operating system refused.
Result<bool> read_moments(const std::string& path, const std::string& key, Moments& moments);

}  // namespace whet::adapt
