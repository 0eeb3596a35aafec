// Attention on the thread team: a step's keys and values go into the caches of their sequences,
// then every query attends to its own past.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kv/kv_sequence.h"
#include "par/thread_pool.h"

namespace whet {

struct AttentionForm {
  int64_t n_heads;     // of queries; a multiple of n_kv_heads
  int64_t n_kv_heads;  // as the caches have, likewise the widths
  int64_t key_dim;
  int64_t value_dim;
  int64_t window = 0;             // keys that a query sees, its own included; 0: all
  float scale;                    // of the scores, usually 1/sqrt(key_dim)
  float softcap = 0;              // c: scores become c * tanh(scores / c); 0: they stay
  const float* slopes = nullptr;  // [n_heads] ALiBi: scores grow by slope * (key - query position)
  const float* sinks = nullptr;   // [n_heads] a score more, of a value that is zero
};

/// Consecutive tokens of one sequence, at positions kv->size()... of it.
struct AttentionSegment {
  KvSequence* kv;
  int64_t n_tokens;
};

/// One block of consecutive queries of one segment, some of the heads that share a KV head.
struct AttentionTask {
  KvSequence* kv;
  int64_t row;       // of the first query, in the step
  int64_t position;  // of the first query, in its sequence
  int64_t n_queries;
  int64_t head;  // first query head
  int64_t n_heads;
};

/// Reused between calls, so that a step allocates nothing once it has seen its largest size.
struct AttentionScratch {
  std::vector<AttentionTask> tasks;
};

/// The rows of all segments, in order, f32: q [T, n_heads * key_dim], k [T, n_kv_heads * key_dim],
/// v [T, n_kv_heads * value_dim], out [T, n_heads * value_dim].
struct AttentionRows {
  std::span<const AttentionSegment> segments;
  int64_t layer;
  const float* q;
  const float* k;  // null, as v: the layer's cache holds those of this step already
  const float* v;
  float* out;
};

/// Writes k and v into the caches, which do not grow by it, and attends.
/// Preconditions, checked: every cache is prepared and has the heads of `form`; none appears twice.
/// Determinism: each row is bit-equal for any batch mates, chunking and thread count.
void attend(const AttentionForm& form, const AttentionRows& rows, AttentionScratch& scratch,
            ThreadPool& pool);

}  // namespace whet
