#include "experiment/event_log.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "sys/file_bytes.h"
#include "sys/json_text.h"

namespace whet::experiment {
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

json header_json(const EventHeader& header) {
  return {{"schema", kSchema},
          {"created", header.created},
          {"fingerprint", header.fingerprint},
          {"fingerprint_parts", header.parts},
          {"command", header.command}};
}

/// What differs between the header of a file and the one that this run would write.
Status check_header(const json& found, const EventHeader& wanted, const std::string& path) {
  if (!found.is_object() || found.value("schema", "") != kSchema) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}: expected a {} header on line 1", path, kSchema));
  }
  if (found.value("fingerprint", "") == wanted.fingerprint) return ok_status();
  std::vector<std::string> differences;
  const json parts = found.value("fingerprint_parts", json::object());
  for (const auto& [name, value] : wanted.parts) {
    const std::string before = parts.is_object() ? parts.value(name, "?") : "?";
    if (before != value) {
      differences.push_back(fmt::format("{} was \"{}\", is \"{}\"", name, before, value));
    }
  }
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("{} belongs to another experiment and cannot be resumed: {}", path,
                           differences.empty() ? "the fingerprint differs"
                                               : fmt::format("{}", fmt::join(differences, "; "))));
}

}  // namespace

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
    return Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{} exists; use --resume to go on with it, --overwrite to replace it, or another directory", path));
  }
  if (fd < 0) return io_error("cannot create", path);
  EventLog log(path, fd, header.created);
  WHET_TRY_STATUS(log.write_line(json_text(header_json(header))));
  return log;
}

Result<EventLog> EventLog::resume(const std::string& directory, const EventHeader& header) {
  const std::string path = log_path(directory);
  WHET_TRY(std::string content, read_file(path, kMaxLogBytes));
  size_t good_bytes = 0;
  int64_t line_number = 0;
  std::string created;
  std::vector<Event> events;
  while (good_bytes < content.size()) {
    const size_t end = content.find('\n', good_bytes);
    if (end == std::string::npos) break;  // torn: no newline
    ++line_number;
    const auto text = std::string_view(content).substr(good_bytes, end - good_bytes);
    const json line = json::parse(text, nullptr, /*allow_exceptions=*/false);
    const bool is_last = end + 1 == content.size();
    if (line.is_discarded() && is_last && line_number > 1) break;  // torn inside the line
    if (line_number == 1) {
      WHET_TRY_STATUS(check_header(line, header, path));
      created = line.value("created", header.created);
    } else {
      auto event = event_from_json(line).with_context(fmt::format("{}:{}", path, line_number));
      if (!event.ok()) return event.error();
      events.push_back(std::move(event).value());
    }
    good_bytes = end + 1;
  }
  if (line_number == 0) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}: expected a {} header on line 1", path, kSchema));
  }
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) return io_error("cannot open", path);
  EventLog log(path, fd, created);
  log.events_ = std::move(events);
  if (::ftruncate(fd, static_cast<off_t>(good_bytes)) != 0) return io_error("cannot cut", path);
  return log;
}

Status EventLog::append(const Event& event) {
  WHET_TRY_STATUS(write_line(json_text(to_json(event))));
  events_.push_back(event);
  return ok_status();
}

}  // namespace whet::experiment
