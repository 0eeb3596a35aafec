#include "sys/pending_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace whet {
namespace {

Error os_error(std::string_view what, const std::string& path, int error) {
  ErrorCode code = error == ENOENT || error == ENOTDIR  ? ErrorCode::kNotFound
                   : error == ENOSPC || error == EDQUOT ? ErrorCode::kResourceExhausted
                                                        : ErrorCode::kIo;
  return Error(code, fmt::format("{} {}: {}", what, path, std::strerror(error)));
}

}  // namespace

Result<PendingFile> PendingFile::create(const std::string& path) {
  std::string temporary = path + ".XXXXXX";
  int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return os_error("cannot create", path, errno);
  return PendingFile(path, std::move(temporary), fd);
}

PendingFile::PendingFile(std::string path, std::string temporary, int fd)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {}

PendingFile::PendingFile(PendingFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      fd_(std::exchange(other.fd_, -1)),
      size_bytes_(other.size_bytes_) {}

PendingFile& PendingFile::operator=(PendingFile&& other) noexcept {
  if (this != &other) {
    discard();
    path_ = std::move(other.path_);
    temporary_ = std::move(other.temporary_);
    fd_ = std::exchange(other.fd_, -1);
    size_bytes_ = other.size_bytes_;
  }
  return *this;
}

PendingFile::~PendingFile() {
  discard();
}

void PendingFile::discard() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
  fd_ = -1;
}

Status PendingFile::write(std::span<const std::byte> bytes) {
  WHET_CHECK(fd_ >= 0);
  while (!bytes.empty()) {
    ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_error("cannot write", path_, errno);
    bytes = bytes.subspan(static_cast<size_t>(n));
    size_bytes_ += static_cast<uint64_t>(n);
  }
  return ok_status();
}

Status PendingFile::commit() {
  WHET_CHECK(fd_ >= 0);
  if (::fchmod(fd_, 0644) != 0 || ::fsync(fd_) != 0) {
    return os_error("cannot write", path_, errno);
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return os_error("cannot rename to", path_, errno);
  }
  ::close(fd_);
  fd_ = -1;
  return ok_status();
}

}  // namespace whet
