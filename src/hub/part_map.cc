#include "hub/part_map.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "hub/reference.h"

namespace whet::hub {
namespace {

constexpr std::string_view kSchema = "whet-parts/1";
constexpr std::string_view kForgotten = "-";

Error map_error(std::string_view what) {
  const ErrorCode code =
      errno == ENOSPC || errno == EDQUOT ? ErrorCode::kResourceExhausted : ErrorCode::kIo;
  return Error(code, fmt::format("{}: {}", what, std::strerror(errno)));
}

std::string first_line(const PartPlan& plan) {
  return fmt::format("{} {} {} {}\n", kSchema, plan.size_bytes, plan.part_bytes, plan.identity);
}

}  // namespace

size_t PartPlan::n_parts() const {
  return static_cast<size_t>((size_bytes + part_bytes - 1) / part_bytes);
}
uint64_t PartPlan::end(size_t part) const {
  return std::min(begin(part) + part_bytes, size_bytes);
}

PartMap::PartMap(int fd, PartPlan plan)
    : fd_(fd), plan_(std::move(plan)), hashes_(plan_.n_parts()) {}
PartMap::PartMap(PartMap&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      plan_(std::move(other.plan_)),
      is_new_(other.is_new_),
      hashes_(std::move(other.hashes_)) {}
PartMap::~PartMap() {
  if (fd_ >= 0) ::close(fd_);
}

Result<PartMap> PartMap::open(const std::string& path, const PartPlan& plan) {
  while (true) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) return map_error("cannot write " + path);
    PartMap map(fd, plan);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return map_error("cannot lock " + path);
      return Error(ErrorCode::kUnavailable,
                   fmt::format("{}: another process downloads this file; wait for it", path));
    }
    // Whoever had the lock before us may have finished and removed the file.
    struct stat ours {
    }, theirs{};
    if (::fstat(fd, &ours) != 0) return map_error("cannot read " + path);
    if (::stat(path.c_str(), &theirs) != 0 || ours.st_ino != theirs.st_ino) continue;
    WHET_TRY_STATUS(map.read().with_context(path));
    return map;
  }
}

Status PartMap::read() {
  std::string text;
  char buffer[65536];
  for (uint64_t at = 0;;) {
    const ssize_t n = ::pread(fd_, buffer, sizeof buffer, static_cast<off_t>(at));
    if (n < 0) return map_error("cannot read");
    if (n == 0) break;
    text.append(buffer, static_cast<size_t>(n));
    at += static_cast<uint64_t>(n);
  }
  const std::string begin = first_line(plan_);
  is_new_ = !text.starts_with(begin);
  if (is_new_) {
    if (::ftruncate(fd_, 0) != 0) return map_error("cannot write");
    return append(begin);
  }
  size_t at = begin.size();
  for (size_t end; (end = text.find('\n', at)) != text.npos; at = end + 1) {
    const std::string_view line(text.data() + at, end - at);
    size_t part = 0;
    const auto number = std::from_chars(line.data(), line.data() + line.size(), part);
    const size_t n_digits = static_cast<size_t>(number.ptr - line.data());
    const std::string_view hash = line.substr(std::min(n_digits + 1, line.size()));
    const bool good = number.ec == std::errc() && part < hashes_.size() &&
                      (is_sha256(hash) || hash == kForgotten);
    if (!good) break;  // not written by us: what stands behind it counts for nothing
    hashes_[part] = hash == kForgotten ? "" : std::string(hash);
  }
  if (at < text.size() && ::ftruncate(fd_, static_cast<off_t>(at)) != 0) {
    return map_error("cannot write");
  }
  return ok_status();
}

Status PartMap::append(const std::string& line) {
  // Short and in one piece, so that O_APPEND keeps lines whole.
  if (::write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    return map_error("cannot write the record of parts");
  }
  if (::fdatasync(fd_) != 0) return map_error("cannot write the record of parts to disk");
  return ok_status();
}

Status PartMap::add(size_t part, const std::string& sha256) {
  WHET_TRY_STATUS(append(fmt::format("{} {}\n", part, sha256)));
  hashes_[part] = sha256;
  return ok_status();
}

Status PartMap::forget(size_t part) {
  WHET_TRY_STATUS(append(fmt::format("{} {}\n", part, kForgotten)));
  hashes_[part].clear();
  return ok_status();
}

}  // namespace whet::hub
