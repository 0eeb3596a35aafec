// SHA-256 of bytes in memory, a mapped file for example.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "base/result.h"

namespace whet {

/// Called with the bytes hashed so far, every few megabytes and at the end; false cancels.
using HashProgress = std::function<bool(uint64_t done_bytes)>;

/// 64 lower-case hex digits. Errors: kCancelled; kInternal where the crypto library fails.
Result<std::string> sha256_hex(std::span<const std::byte> bytes, const HashProgress& progress = {});

}  // namespace whet
