// One line of what `whet verify` found.
#pragma once

#include <string>
#include <vector>

namespace whet {

struct CheckFinding {
  std::string check;  // stable name, e.g. "weights"
  bool ok;
  std::string detail;  // what was looked at, or the first thing that is wrong and how many more
};

using CheckFindings = std::vector<CheckFinding>;

}  // namespace whet
