// What recurrent layers know of a sequence: not something for each position, as keys and values,
// but one state behind the last. To go back, or to let another text go on from the middle, the
// state must have been kept there.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace whet {

/// The states of all layers behind one position. Null: behind none, all zeros.
using StateValues = std::shared_ptr<const std::vector<float>>;

class RecurrentState {
 public:
  /// Sizes in floats, by layer; none or only zeros for a model without recurrent layers.
  explicit RecurrentState(std::span<const int64_t> sizes);

  bool empty() const { return size_ == 0; }
  uint64_t bytes() const { return static_cast<uint64_t>(size_) * sizeof(float); }

  /// A step of n tokens begins: from now until end() the states may be written. Those behind
  /// multiples of a block of positions are kept, or with `each` those behind every token.
  void begin(int64_t n, bool each);
  /// The layer's state, to be advanced token by token. Precondition: begin().
  float* current(int64_t layer) { return current_->data() + offset(layer); }
  /// Where a copy of the layer's state behind `position` must go; null where none is kept.
  float* copy_at(int64_t layer, int64_t position);
  void end(int64_t n);

  /// Whether the states behind `position` are known.
  bool knows(int64_t position) const;
  /// Those positions but the beginning, in order.
  std::vector<int64_t> known() const;
  /// Precondition: knows().
  StateValues at(int64_t position) const;
  /// Forgets what follows. Precondition: knows().
  void go_back(int64_t position);
  /// Begins behind `position`, and keeps the states there.
  void start(int64_t position, StateValues values);

 private:
  struct Kept {
    int64_t position;
    std::shared_ptr<std::vector<float>> values;
  };
  int64_t offset(int64_t layer) const { return offsets_[static_cast<size_t>(layer)]; }

  std::vector<int64_t> offsets_;
  int64_t size_ = 0;
  int64_t position_ = 0;
  bool keeps_ = false;                           // in the step that runs
  std::shared_ptr<std::vector<float>> current_;  // shared: must be copied before it is written
  std::vector<Kept> kept_;                       // by position, at most position_ between steps
};

}  // namespace whet
