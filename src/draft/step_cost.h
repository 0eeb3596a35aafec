// StepCost: what a step of m rows costs over a step of one, of this model on this machine, learnt
// from the steps that happen.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace whet {

class StepCost {
 public:
  /// Steps of more rows are not told apart.
  static constexpr int64_t kMostRows = 64;

  /// A decoding step of `rows` >= 1 took so long.
  void note(int64_t rows, double seconds);

  /// Time of a step of `rows` >= 1 over that of one: measured, as far as it was, between what was
  /// measured, and a cautious guess elsewhere. 1 for one row.
  double over_one(int64_t rows) const;
  /// Of one row; none before one was measured.
  std::optional<double> seconds_of_one() const { return median(1); }
  /// Steps since one of a single row was measured: the scale of all others may have moved.
  int64_t n_since_one() const { return n_since_one_; }

 private:
  // Few enough to follow the machine, enough that one disturbed step says nothing.
  static constexpr size_t kKept = 9;
  struct Ring {
    std::array<double, kKept> seconds{};
    size_t n = 0;  // ever noted
  };
  std::optional<double> median(int64_t rows) const;
  /// ln of what was measured over what was guessed.
  std::optional<double> correction(int64_t rows) const;
  double correction_between(int64_t rows) const;

  std::array<Ring, kMostRows + 1> rings_{};
  int64_t n_since_one_ = 0;
};

}  // namespace whet
