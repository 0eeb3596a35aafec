// Download: one file, in parts that come side by side, hashed while they come, whole on disk under
// its name or not at all. A process that is killed goes on where it was: parts that were whole are
// never fetched again.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/client.h"

namespace whet::hub {

struct Source {
  std::string url = {};
  std::vector<http::Header> headers = {};
  std::vector<http::Header> secrets = {};
  http::RedirectPolicy redirects = {};
  int64_t size_bytes = -1;  // -1: the server says
  std::string sha256 = {};  // lower-case hex; empty: not known, nothing is checked
};

struct DownloadOptions {
  uint64_t part_bytes = uint64_t{32} << 20;
  int n_connections = 4;
  int most_failures = 8;          // in a row, without a byte between
  int64_t first_wait_ms = 250;    // after a failure; doubles, up to 10 s
  int stall_timeout_ms = 30'000;  // in which some byte must come
};

/// Called now and then, by one thread at a time.
using OnProgress = std::function<void(uint64_t done_bytes, uint64_t total_bytes)>;

/// Into `path`, whose directory exists. Beside it lie `path`.part and `path`.part.map while it is
/// not whole. Returns its SHA-256. Errors: kNotFound, kInvalidArgument (refused: says what to do),
/// kUnavailable (another process downloads it), kResourceExhausted (disk), kCancelled (what came is
/// kept), kIo: size or hash is not what was promised, or the network failed for good.
Result<std::string> download(http::Client& client, const Source& source, const std::string& path,
                             const DownloadOptions& options, const OnProgress& on_progress,
                             const http::Cancelled& cancelled);

}  // namespace whet::hub
