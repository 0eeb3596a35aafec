// The bytes of a regular file, never of a device, pipe or directory: mapped or copied.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "sys/mapping_fault.h"

namespace whet {

class FileBytes {
 public:
  /// Pages of the page cache, read from disk when first touched; read-only.
  /// Errors: missing path, not a regular file, empty file, mmap failure. The message names the
  /// path.
  static Result<std::shared_ptr<const FileBytes>> map(const std::string& path);
  /// Memory of this process, on huge pages where the system grants them; the caller may change it.
  /// Errors: also a read error and more bytes than this process can have.
  static Result<std::shared_ptr<FileBytes>> copy(const std::string& path);
  /// Such memory without a file, zeroed; for what is made of a file's bytes. `what`: for messages.
  static Result<std::shared_ptr<FileBytes>> allocate(uint64_t size, const std::string& what);
  ~FileBytes();
  FileBytes(const FileBytes&) = delete;
  FileBytes& operator=(const FileBytes&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }
  /// Of a copy that is not sealed.
  std::span<std::byte> writable_bytes() { return bytes_; }
  /// Makes a copy read-only, so that a stray write is caught.
  void seal();

 private:
  FileBytes(std::span<std::byte> mapping, std::span<std::byte> bytes)
      : mapping_(mapping), bytes_(bytes) {}
  FileBytes(std::span<std::byte> mapping, std::string path)
      : mapping_(mapping), bytes_(mapping), path_(std::move(path)), name_(bytes_, path_.c_str()) {}
  std::span<std::byte> mapping_;
  std::span<std::byte> bytes_;
  std::string path_;   // of a mapped file
  NamedMapping name_;  // of a mapped file, so that a fault can say which one it was
};

/// Reads a whole regular file of at most `limit_bytes`. Errors name the path.
Result<std::string> read_file(const std::string& path, uint64_t limit_bytes);

}  // namespace whet
