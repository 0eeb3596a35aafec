// The keys and values of one sequence: a range of addresses for its longest context, of which as
// much is memory as has been prepared. KvArena opens sequences whose blocks may be shared.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "kv/kv_layout.h"
#include "kv/recurrent_state.h"
#include "sys/address_space.h"

namespace whet {

class KvArena;

class KvSequence {
 public:
  /// A sequence on memory of its own, in contiguous streams and prepared as a whole: for single
  /// passes, and to compare an arena with. Errors: as KvLayout, kResourceExhausted.
  static Result<KvSequence> create(const KvShape& shape);

  /// Gives an arena its blocks back. A sequence of an arena must not outlive it.
  ~KvSequence();
  KvSequence(KvSequence&& other) noexcept;
  KvSequence& operator=(KvSequence&& other) noexcept;

  const KvShape& shape() const { return layout_->shape(); }
  /// Positions that hold valid keys and values.
  int64_t size() const { return size_; }
  int64_t capacity() const { return layout_->shape().capacity; }
  /// Positions up to which keys and values may be written now.
  int64_t prepared() const { return prepared_; }
  KvLayer layer(int64_t layer) const { return layout_->layer(space_.data(), layer); }

  /// Bytes of the valid keys and values and of the state behind them.
  uint64_t used_bytes() const {
    return static_cast<uint64_t>(size_) * shape().bytes_per_position() + state_.bytes();
  }

  /// Puts memory of its own behind the next n positions; a block that others share is copied as far
  /// as it is valid. Nothing to do on memory of its own.
  /// Errors: kResourceExhausted where the arena's budget or the system's mappings do not suffice;
  /// the sequence is then as it was. Precondition: size() + n <= capacity().
  Status prepare(int64_t n);
  /// Lets the next n tokens be computed in state(); with `each`, rewind() can go back to any of
  /// them. Nothing to do where no layer has a state.
  void begin_step(int64_t n, bool each) { state_.begin(n, each); }
  /// Declares the next n prepared positions written (by the operators, in every layer).
  void extend(int64_t n);
  /// Forgets positions from n on; their memory stays. Precondition: can_rewind(n).
  void rewind(int64_t n);
  /// Where layers have a state, it must be known there: at the end, at the beginning, where a
  /// branch or prefix began, at the tokens of a step with `each`, at some blocks' ends.
  bool can_rewind(int64_t n) const { return n <= size_ && state_.knows(n); }
  RecurrentState& state() { return state_; }
  const RecurrentState& state() const { return state_; }

  /// Takes the first n positions of another sequence with the same layers, by copying.
  void copy_prefix(const KvSequence& source, int64_t n);

 private:
  friend class KvArena;
  struct Block {
    int64_t id;
    bool writable;  // mapped so
  };

  KvSequence(std::shared_ptr<const KvLayout> layout, AddressSpace space, KvArena* arena);

  std::shared_ptr<const KvLayout> layout_;
  AddressSpace space_;
  KvArena* arena_;             // nullptr: memory of its own
  std::vector<Block> blocks_;  // of the arena, from position 0
  int64_t size_ = 0;
  int64_t prepared_ = 0;
  RecurrentState state_;
};

}  // namespace whet
