// Progress of a long run, on stderr: one line that redraws itself on a terminal, one line per 10 %
// anywhere else. Not thread-safe; one owner calls it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace whet::report {

struct ProgressOptions {
  bool terminal = false;  // redraw one line
  bool colour = false;
  int width = 80;           // columns of the terminal
  int64_t done_before = 0;  // of the total, done by an earlier run: not part of the estimate
  std::function<void(std::string_view)> write;
  std::function<int64_t()> now_ns = monotonic_ns;
};

/// What stderr is: terminal or not, its width, NO_COLOR and TERM=dumb honoured.
ProgressOptions stderr_progress();

class Progress {
 public:
  /// `total` <= 0: not known; then only the count is shown.
  Progress(std::string label, int64_t total, ProgressOptions options = stderr_progress());
  /// Leaves the last state on its own line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `detail`: what is being done now; shown on a terminal where there is room.
  void update(int64_t done, std::string_view detail = "");
  /// Clears the line so that other text can be written; the next update draws it again.
  void hide();
  void finish();

 private:
  void draw(bool last);
  std::string remaining_text() const;

  std::string label_;
  int64_t total_;
  ProgressOptions options_;
  int64_t start_ns_;
  int64_t drawn_ns_ = INT64_MIN;
  int64_t done_;
  int64_t tenths_reported_;
  std::string detail_;
  bool visible_ = false;
  bool finished_ = false;
};

}  // namespace whet::report
