#include "sys/file_bytes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sys/machine.h"

namespace whet {
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Error os_error(std::string_view what, const std::string& path, int error) {
  ErrorCode code = error == ENOENT || error == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kIo;
  return Error(code, fmt::format("{} {}: {}", what, path, std::strerror(error)));
}

struct OpenFile {
  int fd;
  uint64_t size;
};

// O_NONBLOCK: opening a FIFO must not hang before fstat can refuse it.
Result<OpenFile> open_regular(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return os_error("cannot open", path, errno);
  struct stat info {};
  if (::fstat(fd, &info) != 0) {
    int error = errno;
    ::close(fd);
    return os_error("cannot inspect", path, error);
  }
  if (!S_ISREG(info.st_mode)) {
    ::close(fd);
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}: expected a regular file, found {}", path,
                             S_ISDIR(info.st_mode) ? "a directory" : "a device, pipe or socket"));
  }
  return OpenFile{fd, static_cast<uint64_t>(info.st_size)};
}

Result<OpenFile> open_with_content(const std::string& path) {
  WHET_TRY(const OpenFile file, open_regular(path));
  if (file.size > 0) return file;
  ::close(file.fd);
  return Error(ErrorCode::kInvalidModel, fmt::format("{}: the file is empty", path));
}

constexpr uint64_t kHugePage = 2 << 20;

Status read_into(const FileDescriptor& fd, const std::string& path, std::span<std::byte> out) {
  size_t done = 0;
  while (done < out.size()) {
    ssize_t n = ::read(fd.get(), out.data() + done, out.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_error("cannot read", path, errno);
    if (n == 0) {
      return Error(ErrorCode::kIo, fmt::format("{}: expected {} bytes, found only {}: the file "
                                               "changed while it was read",
                                               path, out.size(), done));
    }
    done += static_cast<size_t>(n);
  }
  return ok_status();
}

}  // namespace

Result<std::shared_ptr<const FileBytes>> FileBytes::map(const std::string& path) {
  WHET_TRY(const OpenFile file, open_with_content(path));
  const FileDescriptor fd(file.fd);
  void* address = ::mmap(nullptr, file.size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (address == MAP_FAILED) return os_error("cannot map", path, errno);
  const std::span bytes{static_cast<std::byte*>(address), file.size};
  return std::shared_ptr<const FileBytes>(new FileBytes(bytes, path));
}

Result<std::shared_ptr<FileBytes>> FileBytes::allocate(uint64_t size, const std::string& what) {
  const auto available = available_memory_bytes();
  if (available && size > *available) {
    return Error(ErrorCode::kResourceExhausted,
                 fmt::format("{}: {} bytes, more than the {} bytes of memory that this process "
                             "can still have; a mapped file needs none of its own",
                             what, size, *available));
  }
  const uint64_t reserved = size + kHugePage;
  void* address =
      ::mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) {
    return Error(ErrorCode::kResourceExhausted,
                 fmt::format("{}: no memory for {} bytes: {}", what, size, std::strerror(errno)));
  }
  const std::span mapping{static_cast<std::byte*>(address), reserved};
  const uint64_t past = reinterpret_cast<uintptr_t>(address) % kHugePage;
  const std::span bytes = mapping.subspan((kHugePage - past) % kHugePage, size);
  ::madvise(bytes.data(), bytes.size(), MADV_HUGEPAGE);  // a wish: small pages hold the same bytes
  return std::shared_ptr<FileBytes>(new FileBytes(mapping, bytes));
}

Result<std::shared_ptr<FileBytes>> FileBytes::copy(const std::string& path) {
  WHET_TRY(const OpenFile file, open_with_content(path));
  const FileDescriptor fd(file.fd);
  WHET_TRY(std::shared_ptr<FileBytes> copied, allocate(file.size, path));
  WHET_TRY_STATUS(read_into(fd, path, copied->bytes_));
  return copied;
}

void FileBytes::seal() {
  ::mprotect(bytes_.data(), bytes_.size(), PROT_READ);
}

FileBytes::~FileBytes() {
  ::munmap(mapping_.data(), mapping_.size());
}

Result<std::string> read_file(const std::string& path, uint64_t limit_bytes) {
  WHET_TRY(OpenFile file, open_regular(path));
  FileDescriptor fd(file.fd);
  if (file.size > limit_bytes) {
    return Error(ErrorCode::kResourceExhausted,
                 fmt::format("{}: {} bytes, more than the limit of {} bytes for this kind of file",
                             path, file.size, limit_bytes));
  }
  std::string content(file.size, '\0');
  size_t done = 0;
  while (done < content.size()) {
    ssize_t n = ::read(fd.get(), content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_error("cannot read", path, errno);
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  content.resize(done);
  return content;
}

}  // namespace whet
