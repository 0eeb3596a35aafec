// EventLog: events.jsonl, the record of a run. Append-only; every line is on disk before the next
// run starts, so a crash costs at most the run that was going on.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "experiment/event.h"
#include "experiment/plan.h"

namespace whet::experiment {

struct EventHeader {
  std::string created;  // UTC
  std::string fingerprint;
  FingerprintParts parts;
  std::vector<std::string> command;
};

class EventLog {
 public:
  /// A new log in `directory`, which is created. Errors: there is one already (names --resume).
  static Result<EventLog> create(const std::string& directory, const EventHeader& header);
  /// The log of an earlier run. A torn last line is cut off. Errors: no log; another fingerprint
  /// (says which parts differ); a malformed line that is not the last.
  static Result<EventLog> resume(const std::string& directory, const EventHeader& header);

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

}  // namespace whet::experiment
