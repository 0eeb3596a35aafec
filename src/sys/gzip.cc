#include "sys/gzip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace whet {

Result<std::string> gunzip(std::string_view bytes, uint64_t max_bytes) {
  z_stream stream{};
  constexpr int kGzipWindow = 15 + 16;
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) {
    return Error(ErrorCode::kInternal, "zlib did not start");
  }
  std::string out;
  std::vector<char> chunk(1 << 16);
  int state = Z_OK;
  while (state == Z_OK && out.size() <= max_bytes) {
    if (stream.avail_in == 0) {  // zlib counts in 32 bits
      const size_t n = std::min<size_t>(bytes.size(), std::numeric_limits<uInt>::max());
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
      stream.avail_in = static_cast<uInt>(n);
      bytes.remove_prefix(n);
    }
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = static_cast<uInt>(chunk.size());
    state = inflate(&stream, Z_NO_FLUSH);
    out.append(chunk.data(), chunk.size() - stream.avail_out);
    if (state == Z_STREAM_END && (stream.avail_in > 0 || !bytes.empty())) {  // the next member
      if (inflateReset(&stream) != Z_OK) break;
      state = Z_OK;
    }
  }
  inflateEnd(&stream);
  if (out.size() > max_bytes) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("decompresses to over {} MiB", max_bytes >> 20));
  }
  if (state != Z_STREAM_END) {
    return Error(ErrorCode::kInvalidArgument, "expected gzip data, found a damaged or cut stream");
  }
  return out;
}

}  // namespace whet
