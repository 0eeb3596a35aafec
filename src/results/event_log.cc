#include "results/event_log.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <tuple>

#include "results/archive.h"
#include "results/codec.h"
#include "sys/file_bytes.h"
#include "sys/gzip.h"
#include "sys/json_text.h"

namespace whet::results {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr const char* kSchema = "whet-events/1";
constexpr uint64_t kMaxLogBytes = uint64_t{8} << 30;

Error io_error(const char* what, const std::string& path) {
  return Error(ErrorCode::kIo, fmt::format("{} {}: {}", what, path, std::strerror(errno)));
}

std::string log_path(const std::string& directory) {
  return (fs::path(directory) / "events.jsonl").string();
}

Error invalid(const std::string& path, int64_t line, std::string_view problem) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("{}:{}: {}", path, line, problem));
}

/// Which lines have what may occur only once.
class SeenEvents {
 public:
  /// What is wrong with a further event, or "".
  std::string add(const Event& event, int64_t line) {
    const auto [number, is_new_number] = sequences_.try_emplace(event.sequence, line);
    if (!is_new_number) {
      return fmt::format(
          "sequence number {} stands on line {} already; two runs wrote to this "
          "record, or it was edited. Remove one of the lines",
          event.sequence, number->second);
    }
    if (event.warmup) return "";
    const auto [run, is_new_run] =
        runs_.try_emplace({event.strategy, event.task, event.seed}, line);
    if (is_new_run) return "";
    return fmt::format(
        "strategy {}, task {}, seed {} stands on line {} already; two runs wrote to "
        "this record, or it was edited. Remove one of the lines",
        event.strategy, event.task, event.seed, run->second);
  }

 private:
  std::map<int64_t, int64_t> sequences_;
  std::map<std::tuple<std::string, std::string, uint64_t>, int64_t> runs_;
};

/// The process that holds the lock on a file, as far as the kernel shows it to this one.
std::optional<int64_t> lock_holder(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return std::nullopt;
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    // "3: FLOCK  ADVISORY  WRITE 4711 fe:00:131075 0 EOF"
    std::istringstream words(line);
    std::string number, kind, mode, access, place;
    int64_t process = 0;
    words >> number >> kind >> mode >> access >> process >> place;
    if (kind == "FLOCK" && place.ends_with(fmt::format(":{}", info.st_ino)) && process > 0) {
      return process;
    }
  }
  return std::nullopt;
}

Status lock(int fd, const std::string& path) {
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return Error(ErrorCode::kIo,
                   fmt::format("cannot lock {} against a second run: {}; use a directory of a file "
                               "system that can",
                               path, std::strerror(errno)));
    }
    const auto holder = lock_holder(fd);
    return Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: another run is writing to it{}; wait for its end, stop it, or use "
                    "another directory",
                    path, holder ? fmt::format(" (process {})", *holder) : ""));
  }
  struct stat locked {
  }, named{};
  if (::fstat(fd, &locked) != 0 || ::stat(path.c_str(), &named) != 0 ||
      locked.st_dev != named.st_dev || locked.st_ino != named.st_ino) {
    return Error(ErrorCode::kIo, fmt::format("{}: it was replaced while it was opened", path));
  }
  return ok_status();
}

}  // namespace

template <typename A>
void describe(A& a, typename A::template Ref<EventHeader> h) {
  a.schema(kSchema);
  a.required("created", h.created);
  a.required("fingerprint", h.fingerprint);
  a.required("fingerprint_parts", h.parts);
  a.required("command", h.command);
}

namespace {

std::string header_text(const EventHeader& header) {
  Writer writer;
  describe(writer, header);
  return json_text(std::move(writer).result());
}

Result<EventHeader> header_from_json(const json& line, const std::string& path) {
  std::optional<Error> problem;
  Reader reader(line, "", problem);
  EventHeader header;
  describe(reader, header);
  if (problem) {
    return invalid(path, 1, fmt::format("expected a {} header: {}", kSchema, problem->message()));
  }
  return header;
}

}  // namespace

Status check_same_experiment(const EventHeader& found, const EventHeader& wanted,
                             const std::string& path) {
  if (found.fingerprint == wanted.fingerprint) return ok_status();
  std::vector<std::string> differences;
  for (const auto& [name, value] : wanted.parts) {
    const auto before = found.parts.find(name);
    if (before == found.parts.end() || before->second != value) {
      differences.push_back(fmt::format("{} was \"{}\", is \"{}\"", name,
                                        before == found.parts.end() ? "?" : before->second, value));
    }
  }
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("{} belongs to another experiment and cannot be resumed: {}", path,
                           differences.empty() ? "the fingerprint differs"
                                               : fmt::format("{}", fmt::join(differences, "; "))));
}

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

EventLog::EventLog(EventLog&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      created_(std::move(other.created_)),
      events_(std::move(other.events_)) {}

EventLog::~EventLog() {
  if (fd_ >= 0) ::close(fd_);
}

Status EventLog::write_line(const std::string& line) {
  const std::string whole = line + "\n";
  for (size_t done = 0; done < whole.size();) {
    const ssize_t n = ::write(fd_, whole.data() + done, whole.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error("cannot write", path_);
    done += static_cast<size_t>(n);
  }
  if (::fsync(fd_) != 0) return io_error("cannot flush", path_);
  return ok_status();
}

Result<EventLog> EventLog::create(const std::string& directory, const EventHeader& header) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) {
    return Error(ErrorCode::kIo, fmt::format("cannot create {}: {}", directory, error.message()));
  }
  const std::string path = log_path(directory);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0 && errno == EEXIST) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{} exists; use --resume to go on with it, --overwrite to replace it, "
                             "or another directory",
                             path));
  }
  if (fd < 0) return io_error("cannot create", path);
  EventLog log(path, fd, header.created);
  WHET_TRY_STATUS(lock(fd, path));
  WHET_TRY_STATUS(log.write_line(header_text(header)));
  return log;
}

Result<EventRecord> parse_events(std::string_view content, const std::string& path) {
  EventRecord record;
  SeenEvents seen;
  for (int64_t line_number = 1; record.n_bytes < content.size(); ++line_number) {
    const size_t end = content.find('\n', record.n_bytes);
    if (end == std::string_view::npos) break;  // torn: no newline
    const auto text = content.substr(record.n_bytes, end - record.n_bytes);
    const json line = json::parse(text, nullptr, /*allow_exceptions=*/false);
    const bool is_last = end + 1 == content.size();
    if (line.is_discarded()) {
      if (is_last && line_number > 1) break;  // torn inside the line
      return invalid(path, line_number, "expected a JSON object, found something else");
    }
    if (line_number == 1) {
      WHET_TRY(record.header, header_from_json(line, path));
    } else {
      WHET_TRY(Event event,
               event_from_json(line).with_context(fmt::format("{}:{}", path, line_number)));
      if (const std::string problem = seen.add(event, line_number); !problem.empty()) {
        return invalid(path, line_number, problem);
      }
      record.events.push_back(std::move(event));
    }
    record.n_bytes = end + 1;
  }
  if (record.n_bytes == 0) return invalid(path, 1, fmt::format("expected a {} header", kSchema));
  return record;
}

Result<std::string> read_record(const std::string& path) {
  std::error_code code;
  const std::string compressed = path + ".gz";
  if (fs::exists(path, code) || !fs::exists(compressed, code)) {
    return read_file(path, kMaxLogBytes);
  }
  WHET_TRY(const std::string content, read_file(compressed, kMaxLogBytes));
  return gunzip(content, kMaxLogBytes).with_context(compressed);
}

Result<EventLog> EventLog::resume(const std::string& directory, const EventHeader& header) {
  const std::string path = log_path(directory);
  const int fd = ::open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 && errno == ENOENT) {
    return Error(ErrorCode::kNotFound,
                 fmt::format("{}: there is no record to go on with; leave --resume away", path));
  }
  if (fd < 0) return io_error("cannot open", path);
  EventLog log(path, fd, "");
  WHET_TRY_STATUS(lock(fd, path));  // before reading: what is read must be all there is
  WHET_TRY(const std::string content, read_file(path, kMaxLogBytes));
  WHET_TRY(EventRecord record, parse_events(content, path));
  WHET_TRY_STATUS(check_same_experiment(record.header, header, path));
  if (::ftruncate(fd, static_cast<off_t>(record.n_bytes)) != 0) return io_error("cannot cut", path);
  log.created_ = std::move(record.header.created);
  log.events_ = std::move(record.events);
  return log;
}

Status EventLog::remove(const std::string& directory) {
  const std::string path = log_path(directory);
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 && errno != ENOENT) return io_error("cannot open", path);
  const EventLog log(path, fd, "");
  if (fd >= 0) {
    WHET_TRY_STATUS(lock(fd, path));
    if (::unlink(path.c_str()) != 0) return io_error("cannot remove", path);
  }
  const std::string results = (fs::path(directory) / "results.json").string();
  if (::unlink(results.c_str()) != 0 && errno != ENOENT) return io_error("cannot remove", results);
  return ok_status();
}

Status EventLog::append(const Event& event) {
  WHET_TRY_STATUS(write_line(json_text(to_json(event))));
  events_.push_back(event);
  return ok_status();
}

}  // namespace whet::results
