// PendingFile: an output being written piece by piece, the one way in which whet writes files.
// A file appears under its name, complete and on disk, only when commit() succeeds; until then, and
// after a failure, there is only a temporary beside it, which the destructor removes.
//
// What stands at the path decides what "writing" means:
//   nothing           a new file, its mode given by the umask
//   a regular file    replaced; its mode, and its owner where the system allows, are kept
//   a symbolic link   its target is written, also one that is missing yet; the link stays
//   a FIFO or a character device (/dev/null, /dev/stdout)   written to directly, piece by piece
//   a directory, a block device, a socket                   refused
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sys/unfinished_file.h"

namespace whet {

class PendingFile {
 public:
  /// Opening a FIFO waits for its reader. Errors: kNotFound for a missing directory,
  /// kInvalidArgument for what is refused, kIo otherwise; the message names the path.
  static Result<PendingFile> create(const std::string& path);
  PendingFile(PendingFile&& other) noexcept;
  PendingFile& operator=(PendingFile&& other) noexcept;
  ~PendingFile();

  /// Appends. After an error the file can only be thrown away.
  Status write(std::span<const std::byte> bytes);
  uint64_t size_bytes() const { return size_bytes_; }
  /// fsync and rename over the target.
  Status commit();

 private:
  PendingFile(std::string target, std::unique_ptr<UnfinishedFile> temporary, int fd);
  void discard();

  std::string target_;
  std::unique_ptr<UnfinishedFile> temporary_;  // null: the target itself is written
  int fd_ = -1;                                // -1: committed, discarded or moved from
  uint64_t size_bytes_ = 0;
};

/// Writes `content` as a whole: a reader sees the old or the new content, never a part. Errors as
/// those of PendingFile.
Status write_file_atomically(const std::string& path, std::string_view content);

}  // namespace whet
