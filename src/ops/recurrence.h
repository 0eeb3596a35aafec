// Operators of layers whose state is one for all positions: a short convolution over time, and a
// linear recurrence. They advance the states of the sequences token by token and leave copies
// where RecurrentState keeps some.
#pragma once

#include <cstdint>
#include <span>

#include "ops/attention.h"
#include "par/thread_pool.h"

namespace whet {

/// A convolution of each channel over time: the layer's state begins with its last width - 1 inputs
/// at `state_offset`, [width - 1][channels], oldest first.
struct ConvolutionForm {
  int64_t channels;
  int64_t width;
  const float* taps;  // [width][channels], that of the newest input last
  const float* bias;  // [channels], or null
  bool silu;          // of the results
  int64_t state_offset = 0;
};

/// x [T, channels] becomes its convolution; rows at x + t * stride.
/// Preconditions: KvSequence::begin_step() for every segment. Determinism: as attend().
void convolve(const ConvolutionForm& form, std::span<const AttentionSegment> segments,
              int64_t layer, float* x, int64_t stride, ThreadPool& pool);

/// Of kernels::RecurrenceArgs for every head; the state lies at `state_offset`,
/// [n_heads][key_dim][value_dim].
struct RecurrenceForm {
  int64_t n_heads;      // of values
  int64_t n_key_heads;  // of keys and queries; a divisor of n_heads
  bool tiled;           // head h has the keys of h % n_key_heads, else those of its own group
  int64_t key_dim;
  int64_t value_dim;
  bool corrects;
  int64_t state_offset;
};

/// Rows of all segments in order, f32.
struct RecurrenceRows {
  std::span<const AttentionSegment> segments;
  int64_t layer;
  const float* keys;     // head g of row t at keys + t * stride + g * key_dim
  const float* queries;  // likewise
  const float* values;   // head h of row t at values + t * stride + h * value_dim
  int64_t stride;
  const float* decays;  // [T, n_heads]
  const float* rates;   // [T, n_heads]
  float* out;           // [T, n_heads * value_dim]
};

/// Preconditions and determinism: as convolve().
void recur(const RecurrenceForm& form, const RecurrenceRows& rows, ThreadPool& pool);

}  // namespace whet
