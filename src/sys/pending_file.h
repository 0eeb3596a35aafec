// PendingFile: a file being written piece by piece. It appears under its name, complete and on
// disk, only when commit() succeeds; until then, and after a failure, there is only a temporary
// beside it, which the destructor removes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace whet {

class PendingFile {
 public:
  /// Errors: kNotFound for a missing directory, kIo otherwise; the message names the path.
  static Result<PendingFile> create(const std::string& path);
  PendingFile(PendingFile&& other) noexcept;
  PendingFile& operator=(PendingFile&& other) noexcept;
  ~PendingFile();

  /// Appends. After an error the file can only be thrown away.
  Status write(std::span<const std::byte> bytes);
  uint64_t size_bytes() const { return size_bytes_; }
  /// fsync and rename over `path`.
  Status commit();

 private:
  PendingFile(std::string path, std::string temporary, int fd);
  void discard();

  std::string path_, temporary_;
  int fd_ = -1;  // -1: committed, discarded or moved from
  uint64_t size_bytes_ = 0;
};

}  // namespace whet
