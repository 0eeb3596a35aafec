// Acceptance: how often a proposal of some kind is what the model draws, learnt while it happens.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "generator/speculation_counts.h"

namespace whet {

/// Proposals of one source that are alike: by the length of the match that they follow, or by the
/// probability that a draft model gives them.
class DraftClass {
 public:
  static constexpr size_t kPerSource = 12;

  /// `length` >= 1: tokens that agree before the proposed one.
  static DraftClass of_match(DraftSource source, int64_t length);
  /// `probability` in [0, 1].
  static DraftClass of_probability(double probability);
  /// Any proposal of a draft model: what is known before it is made.
  static DraftClass of_model();

  size_t index() const { return index_; }
  /// What is expected of it before anything was seen.
  double prior() const { return prior_; }

 private:
  DraftClass(DraftSource source, size_t rank, double prior)
      : index_(static_cast<size_t>(source) * kPerSource + rank), prior_(prior) {}

  size_t index_;
  double prior_;
};

/// Recent outcomes count more. A text's own outcomes refine those of all texts.
class Acceptance {
 public:
  /// `shared`: of all texts, which must outlive this; null for that one itself.
  explicit Acceptance(const Acceptance* shared = nullptr) : shared_(shared) {}

  /// In (0, 1).
  double expected(DraftClass draft_class) const;
  void note(DraftClass draft_class, bool accepted);

 private:
  struct Seen {
    double n = 0, n_accepted = 0;
  };
  const Acceptance* shared_;
  std::array<Seen, kDraftSources * DraftClass::kPerSource> seen_{};
};

}  // namespace whet
