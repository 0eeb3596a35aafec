#include "strategy/strategy.h"

#include <algorithm>

#include "base/check.h"

namespace whet::strategy {

const Candidate* Outcome::chosen() const {
  const auto found = std::find_if(candidates.begin(), candidates.end(),
                                  [](const Candidate& candidate) { return candidate.chosen; });
  return found == candidates.end() ? nullptr : &*found;
}

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::kBaseline:
      return "baseline";
    case Kind::kStrategy:
      return "strategy";
    case Kind::kControl:
      return "control";
  }
  WHET_UNREACHABLE();
}

}  // namespace whet::strategy
