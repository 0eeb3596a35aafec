#include "report/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "report/text.h"

namespace whet::report {
namespace {

constexpr int64_t kRedrawNs = 100'000'000;
constexpr int64_t kPlainLineNs = 5'000'000'000;  // between lines where there is no terminal
constexpr int kBarColumns = 24;

std::string bar(double share, bool colour) {
  const int full = static_cast<int>(share * kBarColumns + 0.5);
  std::string filled, empty;
  for (int i = 0; i < kBarColumns; ++i) (i < full ? filled : empty) += "\u2501";
  if (colour) return "\x1b[36m" + filled + "\x1b[0;2m" + empty + "\x1b[0m";
  std::string dots;
  for (int i = full; i < kBarColumns; ++i) dots += "\u2500";
  return filled + dots;
}

std::string whole_seconds(double seconds) {
  if (seconds >= 119.5) return format_duration_s(seconds);
  return fmt::format("{:.0f} s", std::max(0.0, seconds));
}

}  // namespace

ProgressOptions stderr_progress() {
  ProgressOptions options;
  const char* term = std::getenv("TERM");
  const char* no_colour = std::getenv("NO_COLOR");
  options.terminal = isatty(STDERR_FILENO) && !(term && std::string_view(term) == "dumb");
  options.colour = options.terminal && !(no_colour && *no_colour);
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) options.width = size.ws_col;
  options.write = [](std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
      if (n <= 0) return;
      text.remove_prefix(static_cast<size_t>(n));
    }
  };
  return options;
}

Progress::Progress(std::string label, int64_t total, ProgressOptions options)
    : label_(one_line(label)),
      total_(total),
      options_(std::move(options)),
      start_ns_(options_.now_ns()),
      done_(options_.done_before),
      tenths_reported_(total > 0 ? options_.done_before * 10 / total : 0) {
  if (options_.terminal) {
    draw(true);
  } else {
    drawn_ns_ = start_ns_;
  }
}

Progress::~Progress() {
  finish();
}

void Progress::update(int64_t done, std::string_view detail) {
  if (finished_) return;
  done_ = done;
  detail_ = one_line(detail);
  draw(total_ > 0 && done_ >= total_);
}

void Progress::hide() {
  if (!visible_) return;
  options_.write("\r\x1b[K");
  visible_ = false;
  drawn_ns_ = INT64_MIN;
}

void Progress::finish() {
  if (finished_) return;
  if (options_.terminal) {
    detail_.clear();
    draw(true);
    options_.write("\n");
  }
  finished_ = true;
}

std::string Progress::remaining_text() const {
  const int64_t done_here = done_ - options_.done_before;
  if (total_ <= 0 || done_here <= 0 || done_ >= total_) return "";
  const double elapsed = static_cast<double>(options_.now_ns() - start_ns_) * 1e-9;
  const double left =
      elapsed / static_cast<double>(done_here) * static_cast<double>(total_ - done_);
  return "about " + whole_seconds(left) + " left";
}

void Progress::draw(bool last) {
  const int64_t now = options_.now_ns();
  const std::string elapsed = whole_seconds(static_cast<double>(now - start_ns_) * 1e-9);
  const std::string remaining = remaining_text();
  const std::string count =
      total_ > 0 ? fmt::format("{}/{}", done_, total_) : fmt::format("{}", done_);
  const double share =
      total_ > 0 ? std::clamp(static_cast<double>(done_) / static_cast<double>(total_), 0.0, 1.0)
                 : 0;
  if (!options_.terminal) {
    const int64_t tenths = total_ > 0 ? done_ * 10 / total_ : 0;
    const bool is_end = total_ > 0 && done_ >= total_;
    // A line every tenth, but none within five seconds of the last: short work is one line.
    if (tenths <= tenths_reported_ || (!is_end && now - drawn_ns_ < kPlainLineNs)) return;
    tenths_reported_ = tenths;
    drawn_ns_ = now;
    options_.write(fmt::format("{}: {} % ({}), {}{}\n", label_, tenths * 10, count, elapsed,
                               remaining.empty() ? "" : ", " + remaining));
    return;
  }
  if (!last && now - drawn_ns_ < kRedrawNs && drawn_ns_ != INT64_MIN) return;
  drawn_ns_ = now;
  visible_ = true;

  const int width = std::max(options_.width - 1, 20);  // the last column may wrap
  std::string facts = count + "  " + elapsed;
  if (!remaining.empty()) facts += ", " + remaining;
  const std::string label = truncate(label_, std::max(4, width / 3));
  int used = display_width(label) + 2 + display_width(facts);
  std::string line = label + "  ";
  if (total_ > 0 && used + kBarColumns + 2 <= width) {
    line += bar(share, options_.colour) + "  ";
    used += kBarColumns + 2;
  }
  line += truncate(facts, std::max(0, width - display_width(label) - 2));
  if (!detail_.empty() && used + 8 <= width) line += "  " + truncate(detail_, width - used - 2);
  options_.write("\r" + line + "\x1b[K");
}

}  // namespace whet::report
