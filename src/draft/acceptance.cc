#include "draft/acceptance.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"

namespace whet {
namespace {

// Where classes of match lengths begin, and how often such a proposal is right in mixed text.
struct MatchClass {
  int64_t from;
  double prior;
};
constexpr MatchClass kMatchClasses[] = {{1, 0.15}, {2, 0.25},  {3, 0.35},  {4, 0.45}, {5, 0.55},
                                        {7, 0.65}, {10, 0.75}, {16, 0.85}, {24, 0.9}, {40, 0.95}};
constexpr size_t kProbabilityClasses = 10;
static_assert(std::size(kMatchClasses) <= DraftClass::kPerSource &&
              kProbabilityClasses < DraftClass::kPerSource);

// A text changes its mind within a few dozen proposals; all texts together do not.
constexpr double kOwnMemory = 1 - 1.0 / 24, kSharedMemory = 1 - 1.0 / 400;
// Outcomes of its own that weigh as much as what is known of all texts, and the latter against
// the prior.
constexpr double kSharedWeight = 3, kPriorWeight = 4;

}  // namespace

DraftClass DraftClass::of_match(DraftSource source, int64_t length) {
  WHET_CHECK(length >= 1);
  const auto* next = std::ranges::upper_bound(kMatchClasses, length, {}, &MatchClass::from);
  const auto rank = static_cast<size_t>(next - std::begin(kMatchClasses)) - 1;
  return {source, rank, kMatchClasses[rank].prior};
}

DraftClass DraftClass::of_probability(double probability) {
  const auto rank = std::min(kProbabilityClasses - 1,
                             static_cast<size_t>(std::max(0.0, probability) * kProbabilityClasses));
  return {DraftSource::kModel, rank, 0.15 + 0.08 * static_cast<double>(rank)};
}

DraftClass DraftClass::of_model() {
  return {DraftSource::kModel, kProbabilityClasses, 0.6};
}

double Acceptance::expected(DraftClass draft_class) const {
  const Seen& seen = seen_[draft_class.index()];
  const double known = shared_ == nullptr ? draft_class.prior() : shared_->expected(draft_class);
  const double weight = shared_ == nullptr ? kPriorWeight : kSharedWeight;
  return (seen.n_accepted + weight * known) / (seen.n + weight);
}

void Acceptance::note(DraftClass draft_class, bool accepted) {
  Seen& seen = seen_[draft_class.index()];
  const double memory = shared_ == nullptr ? kSharedMemory : kOwnMemory;
  seen.n = memory * seen.n + 1;
  seen.n_accepted = memory * seen.n_accepted + (accepted ? 1 : 0);
}

}  // namespace whet
