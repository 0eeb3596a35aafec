#include "ops/attention.h"

#include <algorithm>

#include "base/check.h"
#include "base/checked_math.h"
#include "kernels/kernels.h"

namespace whet {
namespace {

// Query tokens of one task in a prefill.
constexpr int64_t kQueriesPerTask = 16;
// Multiply-adds below which waking the team costs more than it saves.
constexpr int64_t kMacsWorthATeam = 64 * 1024;

void append(const AttentionForm& form, const AttentionRows& rows) {
  const int64_t kv_dim = form.n_kv_heads * form.head_dim;
  int64_t row = 0;
  for (const AttentionSegment& segment : rows.segments) {
    for (int64_t head = 0; head < form.n_kv_heads; ++head) {
      const int64_t offset = row * kv_dim + head * form.head_dim;
      kernels::kernels().append_kv({.type = segment.kv->shape().type,
                                    .k = rows.k + offset,
                                    .v = rows.v + offset,
                                    .stride = static_cast<size_t>(kv_dim),
                                    .n_tokens = static_cast<size_t>(segment.n_tokens),
                                    .head_dim = static_cast<size_t>(form.head_dim),
                                    .position = static_cast<size_t>(segment.kv->size()),
                                    .k_cache = segment.kv->keys(rows.layer, head),
                                    .v_cache = segment.kv->values(rows.layer, head)});
    }
    row += segment.n_tokens;
  }
}

/// Query heads of one task. Those that share a KV head read its keys once when they stay together;
/// they part where the team would otherwise have fewer tasks than members, as in the decoding of
/// one sequence with a single KV head.
int64_t heads_per_task(const AttentionForm& form, const AttentionRows& rows, int n_threads) {
  int64_t n_tasks = 0;
  for (const AttentionSegment& segment : rows.segments) {
    n_tasks += ceil_div(segment.n_tokens, kQueriesPerTask) * form.n_kv_heads;
  }
  const int64_t group = form.n_heads / form.n_kv_heads;
  return ceil_div(group, std::min(group, ceil_div(int64_t{n_threads}, n_tasks)));
}

/// Fills `tasks`; returns the multiply-adds of all.
int64_t plan(const AttentionForm& form, const AttentionRows& rows, int n_threads,
             std::vector<AttentionTask>& tasks) {
  const int64_t group = form.n_heads / form.n_kv_heads;
  const int64_t n_heads = heads_per_task(form, rows, n_threads);
  int64_t row = 0, macs = 0;
  tasks.clear();
  for (const AttentionSegment& segment : rows.segments) {
    const int64_t size = segment.kv->size(), n = segment.n_tokens;
    macs += 2 * form.n_heads * form.head_dim * n * (size + n);
    for (int64_t first = 0; first < n; first += kQueriesPerTask) {
      const int64_t n_queries = std::min(kQueriesPerTask, n - first);
      for (int64_t kv_head = 0; kv_head < form.n_kv_heads; ++kv_head) {
        for (int64_t head = 0; head < group; head += n_heads) {
          tasks.push_back({segment.kv, row + first, size + first, n_queries, kv_head * group + head,
                           std::min(n_heads, group - head)});
        }
      }
    }
    row += n;
  }
  return macs;
}

void attend(const AttentionForm& form, const AttentionRows& rows, const AttentionTask& task) {
  const int64_t q_dim = form.n_heads * form.head_dim;
  const int64_t offset = task.row * q_dim + task.head * form.head_dim;
  const int64_t kv_head = task.head / (form.n_heads / form.n_kv_heads);
  kernels::kernels().attention({.type = task.kv->shape().type,
                                .q = rows.q + offset,
                                .q_stride = static_cast<size_t>(q_dim),
                                .n_tokens = static_cast<size_t>(task.n_queries),
                                .n_heads = static_cast<size_t>(task.n_heads),
                                .head_dim = static_cast<size_t>(form.head_dim),
                                .first_position = static_cast<size_t>(task.position),
                                .window = static_cast<size_t>(form.window),
                                .scale = form.scale,
                                .k_cache = task.kv->keys(rows.layer, kv_head),
                                .v_cache = task.kv->values(rows.layer, kv_head),
                                .out = rows.out + offset,
                                .out_stride = static_cast<size_t>(q_dim)});
}

}  // namespace

void attend(const AttentionForm& form, const AttentionRows& rows, AttentionScratch& scratch,
            ThreadPool& pool) {
  WHET_CHECK(form.n_kv_heads > 0 && form.n_heads % form.n_kv_heads == 0 && form.window >= 0);
  for (const AttentionSegment& segment : rows.segments) {
    const KvShape& shape = segment.kv->shape();
    WHET_CHECK(shape.n_kv_heads == form.n_kv_heads && shape.head_dim == form.head_dim);
    WHET_CHECK(rows.layer < shape.n_layers && segment.n_tokens > 0);
    WHET_CHECK(segment.n_tokens <= shape.capacity - segment.kv->size());
  }
  append(form, rows);
  const int64_t macs = plan(form, rows, pool.size(), scratch.tasks);
  const std::vector<AttentionTask>& tasks = scratch.tasks;
  // Late queries see more keys than early ones. Long and short tasks alternate, so that the
  // members' ranges of tasks take equally long.
  pool.for_each(
      static_cast<int64_t>(tasks.size()),
      [&](int64_t i) {
        const size_t at = static_cast<size_t>(i) / 2;
        attend(form, rows, tasks[i % 2 == 0 ? tasks.size() - 1 - at : at]);
      },
      macs >= kMacsWorthATeam);
}

}  // namespace whet
