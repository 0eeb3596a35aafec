#include "adapt/rotations.h"

#include <fmt/format.h>

#include <optional>

namespace whet::adapt {

Result<Rotations> rotations_of(const Moments& moments, ThreadPool& pool) {
  const size_t n_heads = moments.heads.size();
  std::vector<std::optional<Result<PrincipalAxes>>> found(n_heads + 1);
  pool.for_each(static_cast<int64_t>(found.size()), [&](int64_t i) {
    const auto at = static_cast<size_t>(i);
    // The largest first: the others fill the time beside it.
    const SecondMoment& moment = at == 0 ? moments.residual : moments.heads[at - 1];
    found[at].emplace(principal_axes(moment.matrix(), moment.width()));
  });
  WHET_TRY(PrincipalAxes residual, std::move(*found[0]).with_context("the residual stream"));
  Rotations rotations{std::move(residual), {}};
  for (size_t i = 0; i < n_heads; ++i) {
    WHET_TRY(PrincipalAxes head,
             std::move(*found[i + 1]).with_context(fmt::format("KV head {} of the model", i)));
    rotations.heads.push_back(std::move(head));
  }
  return rotations;
}

}  // namespace whet::adapt
