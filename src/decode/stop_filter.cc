#include "decode/stop_filter.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace whet {

StopFilter::StopFilter(std::vector<std::string> stops) : stops_(std::move(stops)) {
  for (const std::string& stop : stops_) WHET_CHECK(!stop.empty());
}

std::string StopFilter::push(std::string_view text) {
  if (stopped_) return "";
  pending_ += text;

  size_t first = std::string::npos;
  for (const std::string& stop : stops_) {
    const size_t found = pending_.find(stop);
    if (found >= first) continue;
    first = found;
    stop_ = stop;
  }
  if (first != std::string::npos) {
    stopped_ = true;
    std::string final_text = pending_.substr(0, first);
    pending_.clear();
    return final_text;
  }

  size_t held = 0;  // longest suffix that begins a stop string
  for (const std::string& stop : stops_) {
    for (size_t n = std::min(stop.size() - 1, pending_.size()); n > held; --n) {
      if (pending_.compare(pending_.size() - n, n, stop, 0, n) == 0) held = n;
    }
  }
  std::string final_text = pending_.substr(0, pending_.size() - held);
  pending_.erase(0, pending_.size() - held);
  return final_text;
}

std::string StopFilter::flush() {
  return stopped_ ? "" : std::exchange(pending_, "");
}

}  // namespace whet
