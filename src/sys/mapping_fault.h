// What happens when a mapped file can no longer be read: it was made shorter, or its disk failed.
// The kernel then sends SIGBUS to whoever touches the page, wherever that is.
#pragma once

#include <cstddef>
#include <span>

namespace whet {

/// From now on such a fault in a file of FileBytes prints a line that names the file and ends the
/// process with `exit_status`. Other faults keep their meaning. Called once, by a program; a
/// library leaves signals to its user.
void exit_on_mapping_fault(int exit_status);

/// Makes a mapping known by name for as long as this lives. At most 4096 at a time have a name.
class NamedMapping {
 public:
  NamedMapping() = default;
  /// `path` must outlive this.
  NamedMapping(std::span<const std::byte> bytes, const char* path);
  ~NamedMapping();
  NamedMapping(const NamedMapping&) = delete;
  NamedMapping& operator=(const NamedMapping&) = delete;

 private:
  size_t slot_ = kNone;
  static constexpr size_t kNone = ~size_t{0};
};

}  // namespace whet
