#include "sys/pending_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

namespace whet {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kPermissions = 07777;
constexpr int kMaxLinks = 40;  // as many as the kernel follows

Error pending_error(std::string_view what, const std::string& path, int error) {
  ErrorCode code = error == ENOENT || error == ENOTDIR  ? ErrorCode::kNotFound
                   : error == ENOSPC || error == EDQUOT ? ErrorCode::kResourceExhausted
                                                        : ErrorCode::kIo;
  return Error(code, fmt::format("{} {}: {}", what, path, std::strerror(error)));
}

Error refused(const std::string& path, std::string_view found) {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("{}: expected the name of a file to write, found {}", path, found));
}

/// Where a link to nothing leads: the file that writing through it would create.
Result<std::string> end_of_links(const std::string& path) {
  fs::path at = path;
  for (int i = 0; i < kMaxLinks; ++i) {
    std::error_code error;
    if (!fs::is_symlink(fs::symlink_status(at, error))) return at.string();
    const fs::path to = fs::read_symlink(at, error);
    if (error) return pending_error("cannot follow", at.string(), error.value());
    at = at.parent_path() / to;  // `to` alone where it is absolute
  }
  return pending_error("cannot follow", path, ELOOP);
}

struct Target {
  std::string path;                 // no link
  std::optional<struct stat> file;  // of the regular file that stands there
  bool direct = false;              // a FIFO or a device
};

Result<Target> find_target(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    if (errno != ENOENT) return pending_error("cannot write", path, errno);
    WHET_TRY(std::string end, end_of_links(path));
    return Target{std::move(end), std::nullopt};
  }
  if (S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode)) return Target{path, std::nullopt, true};
  if (S_ISDIR(info.st_mode)) return refused(path, "a directory");
  if (S_ISBLK(info.st_mode)) return refused(path, "a block device");
  if (!S_ISREG(info.st_mode)) return refused(path, "a socket");
  // Replacing a file needs no right to write to it; who made it read-only meant something by it.
  if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0) {
    return pending_error("cannot write", path, errno);
  }
  char* real = ::realpath(path.c_str(), nullptr);
  if (real == nullptr) return pending_error("cannot follow", path, errno);
  Target target{real, info};
  std::free(real);
  return target;
}

struct Temporary {
  std::string path;
  int fd;
};

Result<Temporary> create_temporary(const Target& target) {
  // Not mkostemp, whose files have mode 0600: with open() the umask gives a new file its mode.
  // A file that takes another's place is private until it has that one's owner and mode.
  const mode_t mode = target.file ? 0600 : 0666;
  for (;;) {
    uint32_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != sizeof number) {
      return pending_error("cannot create", target.path, errno);
    }
    std::string path = fmt::format("{}.{:08x}", target.path, number);
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd >= 0) return Temporary{std::move(path), fd};
    if (errno != EEXIST && errno != EINTR)
      return pending_error("cannot create", target.path, errno);
  }
}

/// Owner first: a change of owner clears bits of the mode.
Status take_over(int fd, const struct stat& from, const std::string& path) {
  struct stat own {};
  if (::fstat(fd, &own) != 0) return pending_error("cannot inspect", path, errno);
  mode_t mode = from.st_mode & kPermissions;
  if (own.st_uid != from.st_uid || own.st_gid != from.st_gid) {
    const bool as_before = ::fchown(fd, from.st_uid, from.st_gid) == 0;
    // Somebody else's file in a directory of ours: the group's rights go with the group.
    if (!as_before && ::fchown(fd, static_cast<uid_t>(-1), from.st_gid) != 0) mode &= ~mode_t{070};
    if (!as_before) mode &= ~mode_t{S_ISUID | S_ISGID};
  }
  if (::fchmod(fd, mode) != 0) return pending_error("cannot set the mode of", path, errno);
  return ok_status();
}

}  // namespace

Result<PendingFile> PendingFile::create(const std::string& path) {
  WHET_TRY(Target target, find_target(path));
  if (target.direct) {
    const int fd = ::open(target.path.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return pending_error("cannot write", path, errno);
    return PendingFile(std::move(target.path), nullptr, fd);
  }
  WHET_TRY(Temporary temporary, create_temporary(target));
  PendingFile file(std::move(target.path),
                   std::make_unique<UnfinishedFile>(std::move(temporary.path)), temporary.fd);
  if (target.file) WHET_TRY_STATUS(take_over(file.fd_, *target.file, path));
  return file;
}

PendingFile::PendingFile(std::string target, std::unique_ptr<UnfinishedFile> temporary, int fd)
    : target_(std::move(target)), temporary_(std::move(temporary)), fd_(fd) {}

PendingFile::PendingFile(PendingFile&& other) noexcept
    : target_(std::move(other.target_)),
      temporary_(std::move(other.temporary_)),
      fd_(std::exchange(other.fd_, -1)),
      size_bytes_(other.size_bytes_) {}

PendingFile& PendingFile::operator=(PendingFile&& other) noexcept {
  if (this != &other) {
    discard();
    target_ = std::move(other.target_);
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
  if (temporary_) ::unlink(temporary_->path().c_str());
  temporary_.reset();
  fd_ = -1;
}

Status PendingFile::write(std::span<const std::byte> bytes) {
  WHET_CHECK(fd_ >= 0);
  while (!bytes.empty()) {
    ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return pending_error("cannot write", target_, errno);
    bytes = bytes.subspan(static_cast<size_t>(n));
    size_bytes_ += static_cast<uint64_t>(n);
  }
  return ok_status();
}

Status PendingFile::commit() {
  WHET_CHECK(fd_ >= 0);
  if (temporary_) {
    if (::fsync(fd_) != 0) return pending_error("cannot write", target_, errno);
    if (::rename(temporary_->path().c_str(), target_.c_str()) != 0) {
      return pending_error("cannot rename to", target_, errno);
    }
    temporary_.reset();
  }
  const int fd = std::exchange(fd_, -1);
  if (::close(fd) != 0 && errno != EINTR) return pending_error("cannot write", target_, errno);
  return ok_status();
}

Status write_file_atomically(const std::string& path, std::string_view content) {
  WHET_TRY(PendingFile file, PendingFile::create(path));
  WHET_TRY_STATUS(file.write(std::as_bytes(std::span(content))));
  return file.commit();
}

}  // namespace whet
