// A regular file in memory, read-only and private. Never a device, pipe or directory.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"

namespace whet {

enum class FileAccess {
  kMap,   // pages of the page cache, read from disk when first touched
  kCopy,  // memory of this process, on huge pages where the system grants them
};

class MappedFile {
 public:
  /// Errors: missing path, not a regular file, empty file, mmap failure; of a copy also a read
  /// error and more bytes than this process can have. The message names the path.
  static Result<std::shared_ptr<const MappedFile>> open(const std::string& path,
                                                        FileAccess access = FileAccess::kMap);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  MappedFile(std::span<std::byte> mapping, std::span<const std::byte> bytes)
      : mapping_(mapping), bytes_(bytes) {}
  std::span<std::byte> mapping_;
  std::span<const std::byte> bytes_;
};

/// Reads a whole regular file of at most `limit_bytes`. Errors name the path.
Result<std::string> read_file(const std::string& path, uint64_t limit_bytes);
/// Writes a file so that a reader sees the old or the new content, never a part (write, fsync,
/// rename in the same directory).
Status write_file_atomically(const std::string& path, std::string_view content);

}  // namespace whet
