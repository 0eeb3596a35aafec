// The name of a file that is worth nothing before it is complete, known to signal handlers: what
// ends the process at once, a fault in a mapped file or a second Ctrl-C, takes such files with it.
#pragma once

#include <cstddef>
#include <string>

namespace whet {

/// Knows `path` for as long as this lives; the destructor forgets the name and leaves the file. At
/// most 64 at a time are known.
class UnfinishedFile {
 public:
  explicit UnfinishedFile(std::string path);
  ~UnfinishedFile();
  UnfinishedFile(const UnfinishedFile&) = delete;
  UnfinishedFile& operator=(const UnfinishedFile&) = delete;

  const std::string& path() const { return path_; }

 private:
  const std::string path_;
  size_t slot_ = kNone;
  static constexpr size_t kNone = ~size_t{0};
};

/// Removes all of them. For a signal handler that ends the process: an UnfinishedFile that is
/// destroyed by another thread afterwards waits for that end.
void remove_unfinished_files();

}  // namespace whet
