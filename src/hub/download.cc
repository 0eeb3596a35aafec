#include "hub/download.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <optional>
#include <span>
#include <thread>

#include "base/clock.h"
#include "hub/part_map.h"
#include "sys/sha256_stream.h"

namespace whet::hub {
namespace {

constexpr int64_t kLongestWaitMs = 10'000, kLongestRetryAfterMs = 120'000;
constexpr size_t kReadBytes = size_t{1} << 20;

Error os_error(std::string_view what, const std::string& path) {
  const ErrorCode code =
      errno == ENOSPC || errno == EDQUOT ? ErrorCode::kResourceExhausted : ErrorCode::kIo;
  return Error(code, fmt::format("{} {}: {}", what, path, std::strerror(errno)));
}

/// "bytes 0-99/1234" or "bytes */1234".
struct ContentRange {
  uint64_t begin = 0, end = 0, total = 0;
};
std::optional<ContentRange> parse_content_range(std::string_view text) {
  ContentRange range;
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  const auto number = [&](uint64_t& value, char behind) {
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    text.remove_prefix(static_cast<size_t>(read.ptr - text.data()));
    const bool good =
        read.ec == std::errc() && (behind == '\0' ? text.empty() : text.starts_with(behind));
    if (good && behind != '\0') text.remove_prefix(1);
    return good;
  };
  if (!number(range.begin, '-') || !number(range.end, '/') || !number(range.total, '\0')) {
    return std::nullopt;
  }
  return range;
}

int64_t retry_after_ms(const http::Reply& reply) {
  const std::string_view text = reply.header("retry-after");
  int64_t seconds = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (read.ec != std::errc() || seconds < 0) return 0;
  return std::min(seconds, kLongestRetryAfterMs / 1000) * 1000;
}

bool is_passing(int status) {
  return status == 408 || status == 429 || status >= 500;
}

Error refusal(const http::Reply& reply, std::string_view url) {
  const int status = reply.status;
  if (status == 401 || status == 403) {
    return Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: access was refused ({}): a gated or private model needs HF_TOKEN, "
                    "and its licence accepted on its page",
                    url, status));
  }
  if (status == 404) return Error(ErrorCode::kNotFound, fmt::format("{}: not found (404)", url));
  return Error(ErrorCode::kIo,
               fmt::format("{}: expected status 206 or 200, found {}", url, status));
}

class File {
 public:
  static Result<File> open(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return os_error("cannot write", path);
    return File(fd, path);
  }
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
  File& operator=(File&&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  Status resize(uint64_t size) const {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return os_error("cannot write", path_);
    return ok_status();
  }
  Status write(uint64_t at, std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return os_error("cannot write", path_);
      bytes.remove_prefix(static_cast<size_t>(n));
      at += static_cast<uint64_t>(n);
    }
    return ok_status();
  }
  Status sync() const {
    if (::fdatasync(fd_) != 0) return os_error("cannot write to disk", path_);
    return ok_status();
  }
  /// Feeds bytes begin..end-1 to `hash`.
  Status hash(uint64_t begin, uint64_t end, Sha256Stream& hash) const {
    std::vector<std::byte> buffer(static_cast<size_t>(std::min<uint64_t>(kReadBytes, end - begin)));
    while (begin < end) {
      const size_t want = static_cast<size_t>(std::min<uint64_t>(buffer.size(), end - begin));
      const ssize_t n = ::pread(fd_, buffer.data(), want, static_cast<off_t>(begin));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return os_error("cannot read", path_);
      WHET_TRY_STATUS(hash.update({buffer.data(), static_cast<size_t>(n)}));
      begin += static_cast<uint64_t>(n);
    }
    return ok_status();
  }

 private:
  File(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  int fd_;
  std::string path_;
};

/// What a first look at the file says.
struct Probe {
  uint64_t size_bytes = 0;
  bool has_ranges = false;
  std::string tag;  // strong entity tag
};

class Job {
 public:
  Job(http::Client& client, const Source& source, const DownloadOptions& options,
      const OnProgress& on_progress, const http::Cancelled& cancelled)
      : client_(client),
        source_(source),
        options_(options),
        on_progress_(on_progress),
        cancelled_(cancelled) {}

  Result<std::string> run(const std::string& path) {
    WHET_TRY(const Probe probe, look());
    PartPlan plan{probe.size_bytes, std::max<uint64_t>(1, options_.part_bytes), source_.sha256};
    if (plan.identity.empty()) plan.identity = probe.tag.empty() ? source_.url : probe.tag;
    if (!probe.has_ranges) plan.part_bytes = std::max<uint64_t>(1, probe.size_bytes);
    tag_ = probe.tag;
    const std::string data_path = path + ".part", map_path = path + ".part.map";
    WHET_TRY(PartMap map, PartMap::open(map_path, plan));
    WHET_TRY(File file, File::open(data_path));
    if (map.is_new()) WHET_TRY_STATUS(file.resize(0));
    WHET_TRY_STATUS(check_disk(data_path, map));
    WHET_TRY_STATUS(file.resize(plan.size_bytes));
    has_ranges_ = probe.has_ranges;
    WHET_TRY(std::string hash, fetch_all(file, map));
    if (!source_.sha256.empty() && hash != source_.sha256) {
      WHET_TRY_STATUS(forget_bad_parts(file, map));
      WHET_TRY(hash, fetch_all(file, map));
    }
    if (!source_.sha256.empty() && hash != source_.sha256) {
      ::unlink(data_path.c_str());
      ::unlink(map_path.c_str());
      return Error(ErrorCode::kIo,
                   fmt::format("{}: expected SHA-256 {}, found {}, twice; what came was removed",
                               source_.url, source_.sha256, hash));
    }
    WHET_TRY_STATUS(file.sync());
    if (::rename(data_path.c_str(), path.c_str()) != 0) return os_error("cannot rename", data_path);
    WHET_TRY_STATUS(sync_directory(path));
    ::unlink(map_path.c_str());
    return hash;
  }

 private:
  http::Request request(uint64_t begin, uint64_t end, bool with_range) const {
    http::Request request{.url = source_.url,
                          .headers = source_.headers,
                          .secrets = source_.secrets,
                          .redirects = source_.redirects,
                          .stall_timeout_ms = options_.stall_timeout_ms};
    if (with_range) {
      request.headers.emplace_back("Range", fmt::format("bytes={}-{}", begin, end - 1));
    }
    if (with_range && !tag_.empty()) request.headers.emplace_back("If-Range", tag_);
    request.headers.emplace_back("Accept-Encoding", "identity");
    return request;
  }

  /// Waits; false when cancelled meanwhile.
  bool pause(int64_t ms) const {
    const int64_t end = monotonic_ns() + ms * 1'000'000;
    while (monotonic_ns() < end) {
      if (is_cancelled()) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return true;
  }
  bool is_cancelled() const { return failed_ || (cancelled_ && cancelled_()); }

  /// Counts failures without progress; false when it is time to give up.
  class Patience {
   public:
    Patience(const Job& job) : job_(job) {}
    void made_progress() { n_failures_ = 0; }
    bool wait(int64_t retry_after_ms) {
      if (++n_failures_ >= job_.options_.most_failures) return false;
      const int64_t ms =
          std::min(job_.options_.first_wait_ms << std::min(n_failures_ - 1, 10), kLongestWaitMs);
      return job_.pause(std::max(ms, retry_after_ms));
    }

   private:
    const Job& job_;
    int n_failures_ = 0;
  };

  Result<Probe> look() {
    Patience patience(*this);
    while (true) {
      const auto reply = client_.send(
          request(0, 1, true),
          [](const http::Reply& head, std::string_view) { return head.status == 206; }, cancelled_);
      int64_t retry_after = 0;
      Error problem(ErrorCode::kIo, "");
      if (!reply.ok()) {
        problem = reply.error();
        if (problem.code() == ErrorCode::kCancelled ||
            problem.code() == ErrorCode::kInvalidArgument) {
          return problem;
        }
      } else if (reply->status == 200 || reply->status == 206 || reply->status == 416) {
        return read_probe(*reply);
      } else {
        problem = refusal(*reply, source_.url);
        if (!is_passing(reply->status)) return problem;
        retry_after = retry_after_ms(*reply);
      }
      if (!patience.wait(retry_after)) return is_cancelled() ? cancelled_error() : problem;
    }
  }

  Result<Probe> read_probe(const http::Reply& reply) const {
    Probe probe;
    const std::string_view tag = reply.header("etag");
    if (!tag.starts_with("W/")) probe.tag = tag;
    const auto range = parse_content_range(reply.header("content-range"));
    probe.has_ranges = reply.status == 206 && range.has_value();
    std::optional<uint64_t> size;
    if (probe.has_ranges) {
      size = range->total;
    } else if (reply.status == 200) {
      const std::string_view length = reply.header("content-length");
      uint64_t value = 0;
      const auto read = std::from_chars(length.data(), length.data() + length.size(), value);
      if (!length.empty() && read.ec == std::errc()) size = value;
    } else if (source_.size_bytes == 0 || reply.header("content-range") == "bytes */0") {
      size = 0;
    }
    if (!size && source_.size_bytes >= 0) size = static_cast<uint64_t>(source_.size_bytes);
    if (!size) {
      return Error(ErrorCode::kIo, fmt::format("{}: expected the server to tell the file's size, "
                                               "found neither Content-Range nor Content-Length",
                                               source_.url));
    }
    if (source_.size_bytes >= 0 && *size != static_cast<uint64_t>(source_.size_bytes)) {
      return Error(ErrorCode::kIo, fmt::format("{}: expected {} bytes as the hub says, found {}",
                                               source_.url, source_.size_bytes, *size));
    }
    probe.size_bytes = *size;
    return probe;
  }

  Status check_disk(const std::string& path, const PartMap& map) const {
    uint64_t missing = 0;
    for (size_t i = 0; i < map.plan().n_parts(); ++i) {
      if (!map.has(i)) missing += map.plan().end(i) - map.plan().begin(i);
    }
    struct statvfs disk {};
    if (::statvfs(path.c_str(), &disk) != 0) return ok_status();  // writing will tell
    const uint64_t free_bytes = uint64_t{disk.f_bavail} * disk.f_frsize;
    if (missing <= free_bytes) return ok_status();
    return Error(
        ErrorCode::kResourceExhausted,
        fmt::format("{}: expected {} free bytes on its disk, found {}", path, missing, free_bytes));
  }

  static Status sync_directory(const std::string& path) {
    std::string directory = std::filesystem::path(path).parent_path().string();
    if (directory.empty()) directory = ".";
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return os_error("cannot open", directory);
    const bool good = ::fsync(fd) == 0;
    ::close(fd);
    if (!good) return os_error("cannot write to disk", directory);
    return ok_status();
  }

  static Error cancelled_error() {
    return Error(ErrorCode::kCancelled, "cancelled; what came is kept, and the next pull goes on");
  }

  /// Fetches what is missing and returns the hash of the whole, computed in order behind the parts.
  Result<std::string> fetch_all(const File& file, PartMap& map) {
    const PartPlan& plan = map.plan();
    failed_ = false;
    error_.reset();
    next_ = 0;
    done_bytes_ = 0;
    for (size_t i = 0; i < plan.n_parts(); ++i) {
      if (map.has(i)) done_bytes_ += plan.end(i) - plan.begin(i);
    }
    total_bytes_ = plan.size_bytes;
    std::vector<std::jthread> threads;
    const size_t n = std::min<size_t>(static_cast<size_t>(options_.n_connections), plan.n_parts());
    for (size_t i = 0; i < n; ++i) threads.emplace_back([&] { fetch_parts(file, map); });
    auto hash = hash_in_order(file, map);
    if (!hash.ok()) fail(hash.error());
    threads.clear();  // joins
    if (error_) return *error_;
    return hash;
  }

  Result<std::string> hash_in_order(const File& file, const PartMap& map) {
    WHET_TRY(Sha256Stream hash, Sha256Stream::create());
    for (size_t i = 0; i < map.plan().n_parts(); ++i) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return error_ || map.has(i); });
        if (error_) return *error_;
      }
      WHET_TRY_STATUS(file.hash(map.plan().begin(i), map.plan().end(i), hash));
    }
    return hash.finish();
  }

  void fail(const Error& error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = error;
    failed_ = true;
    changed_.notify_all();
  }

  void fetch_parts(const File& file, PartMap& map) {
    while (!failed_) {
      size_t part = 0;
      {
        const std::lock_guard lock(mutex_);
        while (next_ < map.plan().n_parts() && map.has(next_)) ++next_;
        if (next_ >= map.plan().n_parts()) return;
        part = next_++;
      }
      if (Status fetched = fetch_part(file, map, part); !fetched.ok()) return fail(fetched.error());
    }
  }

  void came(uint64_t n) {
    const std::lock_guard lock(mutex_);
    done_bytes_ += n;
    if (on_progress_) on_progress_(done_bytes_, total_bytes_);
  }

  Status fetch_part(const File& file, PartMap& map, size_t part) {
    const uint64_t begin = map.plan().begin(part), end = map.plan().end(part);
    std::optional<Sha256Stream> hash;
    const auto restart = [&]() -> Status {
      WHET_TRY(Sha256Stream fresh, Sha256Stream::create());
      hash.emplace(std::move(fresh));
      return ok_status();
    };
    WHET_TRY_STATUS(restart());
    Patience patience(*this);
    uint64_t at = begin;  // all before it has come
    while (at < end) {
      std::optional<Error> broken;  // for good
      bool too_much = false;
      const auto take = [&](std::string_view piece) {
        if (piece.size() > end - at) {
          too_much = true;
          return false;
        }
        const auto bytes = std::as_bytes(std::span(piece.data(), piece.size()));
        Status stored = file.write(at, piece);
        if (stored.ok()) stored = hash->update(bytes);
        if (!stored.ok()) {
          broken = stored.error();
          return false;
        }
        at += piece.size();
        patience.made_progress();
        came(piece.size());
        return true;
      };
      const uint64_t asked_from = at;
      const auto reply = client_.send(
          request(at, end, has_ranges_),
          [&](const http::Reply& head, std::string_view piece) {
            if (head.status != 200 && head.status != 206) return false;
            if (at == asked_from) broken = check_head(head, at, end);
            return !broken && take(piece);
          },
          [this] { return is_cancelled(); });
      if (broken) return *broken;
      if (at == end && !too_much) break;
      Error problem(ErrorCode::kIo, too_much
                                        ? fmt::format("{}: expected {} bytes of a part, more came",
                                                      source_.url, end - begin)
                                        : fmt::format("{}: the answer broke off", source_.url));
      int64_t retry_after = 0;
      if (!reply.ok() && !too_much) {
        problem = reply.error();
        if (problem.code() == ErrorCode::kInvalidArgument) return problem;
      } else if (reply.ok() && reply->status != 200 && reply->status != 206) {
        problem = refusal(*reply, source_.url);
        if (!is_passing(reply->status)) return problem;
        retry_after = retry_after_ms(*reply);
      }
      if (is_cancelled()) return cancelled_error();
      if (too_much) return problem;  // whoever counts so would do it again
      if (!has_ranges_) {            // nothing of it can be continued
        const std::lock_guard lock(mutex_);
        done_bytes_ -= at - begin;
        at = begin;
      }
      if (at == begin) WHET_TRY_STATUS(restart());
      if (!patience.wait(retry_after)) return is_cancelled() ? cancelled_error() : problem;
    }
    WHET_TRY_STATUS(file.sync());
    WHET_TRY(const std::string digest, hash->finish());
    const std::lock_guard lock(mutex_);
    WHET_TRY_STATUS(map.add(part, digest));
    changed_.notify_all();
    return ok_status();
  }

  std::optional<Error> check_head(const http::Reply& head, uint64_t at, uint64_t end) const {
    if (head.status == 200) {
      if (at == 0 && end == total_bytes_) return std::nullopt;
      return Error(ErrorCode::kIo,
                   fmt::format("{}: expected a part of the file (206), found all of it (200): it "
                               "changed meanwhile, or the server forgot ranges; pull again",
                               source_.url));
    }
    const auto range = parse_content_range(head.header("content-range"));
    if (range && range->begin == at && range->end == end - 1 && range->total == total_bytes_) {
      return std::nullopt;
    }
    return Error(ErrorCode::kIo,
                 fmt::format("{}: expected bytes {}-{}/{}, found \"{}\"", source_.url, at, end - 1,
                             total_bytes_, head.header("content-range")));
  }

  /// Parts whose bytes on disk are not those that came; all, where the disk is right.
  Status forget_bad_parts(const File& file, PartMap& map) {
    std::vector<size_t> bad;
    for (size_t i = 0; i < map.plan().n_parts(); ++i) {
      WHET_TRY(Sha256Stream hash, Sha256Stream::create());
      WHET_TRY_STATUS(file.hash(map.plan().begin(i), map.plan().end(i), hash));
      WHET_TRY(const std::string found, hash.finish());
      if (found != map.hash(i)) bad.push_back(i);
    }
    const bool all = bad.empty();
    for (size_t i = 0; i < map.plan().n_parts(); ++i) {
      if (!all && std::find(bad.begin(), bad.end(), i) == bad.end()) continue;
      WHET_TRY_STATUS(map.forget(i));
    }
    return ok_status();
  }

  http::Client& client_;
  const Source& source_;
  const DownloadOptions& options_;
  const OnProgress& on_progress_;
  const http::Cancelled& cancelled_;
  std::string tag_;
  bool has_ranges_ = false;
  std::atomic<bool> failed_{false};
  std::mutex mutex_;  // of what follows, and of the map
  std::condition_variable changed_;
  std::optional<Error> error_;
  size_t next_ = 0;
  uint64_t done_bytes_ = 0, total_bytes_ = 0;
};

}  // namespace

Result<std::string> download(http::Client& client, const Source& source, const std::string& path,
                             const DownloadOptions& options, const OnProgress& on_progress,
                             const http::Cancelled& cancelled) {
  WHET_CHECK(options.n_connections > 0);
  return Job(client, source, options, on_progress, cancelled).run(path);
}

}  // namespace whet::hub
