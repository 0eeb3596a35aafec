#include "sys/sha256.h"

#include <algorithm>

#include "sys/sha256_stream.h"

namespace whet {
namespace {

constexpr size_t kChunkBytes = size_t{8} << 20;  // some 10 ms of hashing between progress calls

}  // namespace

Result<std::string> sha256_hex(std::span<const std::byte> bytes, const HashProgress& progress) {
  WHET_TRY(Sha256Stream stream, Sha256Stream::create());
  for (size_t done = 0; done < bytes.size();) {
    auto chunk = bytes.subspan(done, std::min(kChunkBytes, bytes.size() - done));
    WHET_TRY_STATUS(stream.update(chunk));
    done += chunk.size();
    if (progress && !progress(done)) return Error(ErrorCode::kCancelled, "hashing was cancelled");
  }
  return stream.finish();
}

}  // namespace whet
