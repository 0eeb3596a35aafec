#include "ops/recurrence.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"
#include "base/checked_math.h"
#include "kernels/kernels.h"

namespace whet {
namespace {

// Channels of one task.
constexpr int64_t kChannels = 256;
constexpr int64_t kMostTaps = 8;

/// Channels [first, first + n) of one segment's rows.
void convolve_channels(const ConvolutionForm& form, const AttentionSegment& segment, int64_t layer,
                       int64_t first, int64_t n, float* x, int64_t stride) {
  const auto& table = kernels::kernels();
  const auto size = static_cast<size_t>(n);
  const size_t bytes = size * sizeof(float);
  RecurrentState& states = segment.kv->state();
  float* state = states.current(layer) + form.state_offset + first;
  std::array<float, kChannels> sum;
  for (int64_t t = 0; t < segment.n_tokens; ++t, x += stride) {
    if (form.bias != nullptr) {
      std::memcpy(sum.data(), form.bias + first, bytes);
    } else {
      sum.fill(0.0f);
    }
    for (int64_t i = 0; i + 1 < form.width; ++i) {
      table.mul_add(form.taps + i * form.channels + first, state + i * form.channels, size,
                    sum.data());
    }
    table.mul_add(form.taps + (form.width - 1) * form.channels + first, x, size, sum.data());
    for (int64_t i = 0; i + 2 < form.width; ++i) {
      std::memcpy(state + i * form.channels, state + (i + 1) * form.channels, bytes);
    }
    if (form.width > 1) std::memcpy(state + (form.width - 2) * form.channels, x, bytes);
    if (float* copy = states.copy_at(layer, segment.kv->size() + t + 1)) {
      for (int64_t i = 0; i + 1 < form.width; ++i) {
        std::memcpy(copy + form.state_offset + first + i * form.channels, state + i * form.channels,
                    bytes);
      }
    }
    if (form.silu) {
      table.silu(sum.data(), size, x);
    } else {
      std::memcpy(x, sum.data(), bytes);
    }
  }
}

void recur_head(const RecurrenceForm& form, const RecurrenceRows& rows,
                const AttentionSegment& segment, int64_t row, int64_t head) {
  const int64_t group =
      form.tiled ? head % form.n_key_heads : head / (form.n_heads / form.n_key_heads);
  const int64_t size = form.key_dim * form.value_dim;
  const int64_t offset = form.state_offset + head * size;
  RecurrentState& states = segment.kv->state();
  float* state = states.current(rows.layer) + offset;
  for (int64_t t = row; t < row + segment.n_tokens; ++t) {
    const int64_t at = t * rows.stride;
    kernels::kernels().recurrence({.state = state,
                                   .key = rows.keys + at + group * form.key_dim,
                                   .query = rows.queries + at + group * form.key_dim,
                                   .value = rows.values + at + head * form.value_dim,
                                   .decay = rows.decays[t * form.n_heads + head],
                                   .rate = rows.rates[t * form.n_heads + head],
                                   .corrects = form.corrects,
                                   .n_keys = static_cast<size_t>(form.key_dim),
                                   .n_values = static_cast<size_t>(form.value_dim),
                                   .out = rows.out + (t * form.n_heads + head) * form.value_dim});
    if (float* copy = states.copy_at(rows.layer, segment.kv->size() + t - row + 1)) {
      std::memcpy(copy + offset, state, static_cast<size_t>(size) * sizeof(float));
    }
  }
}

/// First rows of the segments.
int64_t first_row(std::span<const AttentionSegment> segments, int64_t segment) {
  int64_t row = 0;
  for (int64_t i = 0; i < segment; ++i) row += segments[static_cast<size_t>(i)].n_tokens;
  return row;
}

}  // namespace

void convolve(const ConvolutionForm& form, std::span<const AttentionSegment> segments,
              int64_t layer, float* x, int64_t stride, ThreadPool& pool) {
  WHET_CHECK(form.width >= 1 && form.width <= kMostTaps && form.channels <= stride);
  const int64_t n_chunks = ceil_div(form.channels, kChannels);
  pool.for_each(static_cast<int64_t>(segments.size()) * n_chunks, [&](int64_t task) {
    const int64_t segment = task / n_chunks, first = task % n_chunks * kChannels;
    convolve_channels(form, segments[static_cast<size_t>(segment)], layer, first,
                      std::min(kChannels, form.channels - first),
                      x + first_row(segments, segment) * stride + first, stride);
  });
}

void recur(const RecurrenceForm& form, const RecurrenceRows& rows, ThreadPool& pool) {
  WHET_CHECK(form.n_key_heads > 0 && form.n_heads % form.n_key_heads == 0);
  const auto n_segments = static_cast<int64_t>(rows.segments.size());
  pool.for_each(n_segments * form.n_heads, [&](int64_t task) {
    const int64_t segment = task / form.n_heads;
    recur_head(form, rows, rows.segments[static_cast<size_t>(segment)],
               first_row(rows.segments, segment), task % form.n_heads);
  });
}

}  // namespace whet
