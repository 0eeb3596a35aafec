// EventLog: events.jsonl, the record of a run. Append-only; every line is on disk before the next
// run starts, so a crash costs at most the run that was going on.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "results/document.h"
#include "results/event.h"

namespace whet::results {

/// What must be equal for events to be comparable, part by part.
using FingerprintParts = std::map<std::string, std::string>;

struct EventHeader {
  std::string created;  // UTC
  std::string fingerprint;
  FingerprintParts parts;
  std::vector<std::string> command;
};

/// What a record holds.
struct EventRecord {
  EventHeader header;
  std::vector<Event> events;  // that of line n is events[n - 2]
  size_t n_bytes = 0;         // of the whole lines; what follows is torn
};

/// Errors (kInvalidArgument), with `path` and line: no header; a line, not the last, that is no
/// event; a second event of the same strategy, task and seed, or with the same sequence number.
Result<EventRecord> parse_events(std::string_view content, const std::string& path);
/// The text of a record, which may be kept compressed at `path` + ".gz" instead. Errors: kNotFound,
/// kIo, kInvalidArgument where it is no whole gzip file.
Result<std::string> read_record(const std::string& path);
/// Error where the headers are of different experiments; says which parts differ.
Status check_same_experiment(const EventHeader& found, const EventHeader& wanted,
                             const std::string& path);

/// While it lives no other EventLog, of whatever process, can be had on the same file.
class EventLog {
 public:
  /// A new log in `directory`, which is created. Errors: there is one already (names --resume).
  static Result<EventLog> create(const std::string& directory, const EventHeader& header);
  /// The log of an earlier run. A torn last line is cut off. Errors: no log; another process is
  /// writing to it (says which); those of parse_events;
  /// a record of another experiment.
  static Result<EventLog> resume(const std::string& directory, const EventHeader& header);
  /// Removes the log of an earlier run, and the results made from it, if they are there. Errors:
  /// another process is writing to it.
  static Status remove(const std::string& directory);

  EventLog(EventLog&& other) noexcept;
  EventLog& operator=(EventLog&&) = delete;
  ~EventLog();

  /// Errors: kIo; the message names the file.
  Status append(const Event& event);
  const std::vector<Event>& events() const { return events_; }
  const std::string& path() const { return path_; }
  const std::string& created() const { return created_; }

 private:
  EventLog(std::string path, int fd, std::string created)
      : path_(std::move(path)), fd_(fd), created_(std::move(created)) {}
  Status write_line(const std::string& line);

  std::string path_;
  int fd_;
  std::string created_;
  std::vector<Event> events_;
};

/// "2026-01-31T12:00:00Z".
std::string utc_now();

}  // namespace whet::results
