// PartMap: which parts of a download lie whole on disk, in a file that outlives the process. Only
// ever appended to: a kill leaves at most half a line, which is dropped.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace whet::hub {

/// What is downloaded; parts of another one are of no use.
struct PartPlan {
  uint64_t size_bytes = 0;
  uint64_t part_bytes = 0;  // > 0; the last part may be shorter
  std::string identity;     // hash or entity tag; one line

  size_t n_parts() const;
  uint64_t begin(size_t part) const { return part * part_bytes; }
  uint64_t end(size_t part) const;
};

class PartMap {
 public:
  /// Opens or makes the file and locks it. `is_new`: nothing that is on disk counts. Errors:
  /// kUnavailable: another process has it; kIo.
  static Result<PartMap> open(const std::string& path, const PartPlan& plan);
  PartMap(PartMap&& other) noexcept;
  PartMap& operator=(PartMap&&) = delete;
  ~PartMap();

  const PartPlan& plan() const { return plan_; }
  bool is_new() const { return is_new_; }
  bool has(size_t part) const { return !hashes_[part].empty(); }
  /// SHA-256 of a part as it came.
  const std::string& hash(size_t part) const { return hashes_[part]; }
  /// To disk, before anything relies on it. The part's bytes must be there already.
  Status add(size_t part, const std::string& sha256);
  Status forget(size_t part);

 private:
  PartMap(int fd, PartPlan plan);
  Status append(const std::string& line);
  Status read();

  int fd_;
  PartPlan plan_;
  bool is_new_ = false;
  std::vector<std::string> hashes_;  // empty = not there
};

}  // namespace whet::hub
