#include <cmath>
#include <span>

#include "base/check.h"
#include "quantize/importance_matrix.h"
#include "targets.h"

namespace whet::fuzz {

void read_importance_matrix(std::string_view input) {
  const auto matrix = parse_importance_matrix(std::as_bytes(std::span(input)), "fuzz");
  if (!matrix.ok()) return;
  for (const auto& [name, channels] : matrix->tensors) {
    const size_t n = channels.counts.size();
    WHET_CHECK(n > 0 && channels.sums.size() % n == 0);
    const auto weights = importance_of(channels, name, n, channels.sums.size() / n);
    WHET_CHECK(weights.ok());
    for (const float weight : *weights) WHET_CHECK(weight > 0 && std::isfinite(weight));
  }
}

}  // namespace whet::fuzz
