// Withholds text that may turn out to be the start of a stop string, so that no part of one is ever
// shown, and reports when a whole one has appeared.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace whet {

class StopFilter {
 public:
  /// Stop strings must not be empty.
  explicit StopFilter(std::vector<std::string> stops);

  /// Adds text and returns what is final. After a stop string was found nothing more is returned.
  std::string push(std::string_view text);
  /// End of the sequence: returns what was withheld (nothing after a stop).
  std::string flush();
  bool stopped() const { return stopped_; }
  /// The string that was found; empty before.
  const std::string& stop() const { return stop_; }

 private:
  std::vector<std::string> stops_;
  std::string pending_;
  std::string stop_;
  bool stopped_ = false;
};

}  // namespace whet
