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
constexpr int64_t kScoresWorthATeam = 64 * 1024;

void append(const AttentionForm& form, const AttentionRows& rows) {
  const int64_t k_dim = form.n_kv_heads * form.key_dim, v_dim = form.n_kv_heads * form.value_dim;
  int64_t row = 0;
  for (const AttentionSegment& segment : rows.segments) {
    const KvLayer cache = segment.kv->layer(rows.layer);
    for (int64_t head = 0; head < form.n_kv_heads; ++head) {
      kernels::kernels().append_kv({.type = cache.type,
                                    .k = rows.k + row * k_dim + head * form.key_dim,
                                    .k_stride = static_cast<size_t>(k_dim),
                                    .v = rows.v + row * v_dim + head * form.value_dim,
                                    .v_stride = static_cast<size_t>(v_dim),
                                    .n_tokens = static_cast<size_t>(segment.n_tokens),
                                    .key_dim = static_cast<size_t>(form.key_dim),
                                    .value_dim = static_cast<size_t>(form.value_dim),
                                    .position = static_cast<size_t>(segment.kv->size()),
                                    .k_cache = cache.keys(head),
                                    .v_cache = cache.values(head),
                                    .block_stride = cache.block_stride});
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
    macs += form.n_heads * (form.key_dim + form.value_dim) * n * (size + n);
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
  const int64_t q_dim = form.n_heads * form.key_dim, out_dim = form.n_heads * form.value_dim;
  const int64_t kv_head = task.head / (form.n_heads / form.n_kv_heads);
  const KvLayer cache = task.kv->layer(rows.layer);
  const auto of_heads = [&](const float* values) {
    return values == nullptr ? nullptr : values + task.head;
  };
  kernels::kernels().attention({.type = cache.type,
                                .q = rows.q + task.row * q_dim + task.head * form.key_dim,
                                .q_stride = static_cast<size_t>(q_dim),
                                .n_tokens = static_cast<size_t>(task.n_queries),
                                .n_heads = static_cast<size_t>(task.n_heads),
                                .key_dim = static_cast<size_t>(form.key_dim),
                                .value_dim = static_cast<size_t>(form.value_dim),
                                .first_position = static_cast<size_t>(task.position),
                                .window = static_cast<size_t>(form.window),
                                .scale = form.scale,
                                .k_cache = cache.keys(kv_head),
                                .v_cache = cache.values(kv_head),
                                .block_stride = cache.block_stride,
                                .out = rows.out + task.row * out_dim + task.head * form.value_dim,
                                .out_stride = static_cast<size_t>(out_dim),
                                .softcap = form.softcap,
                                .slopes = of_heads(form.slopes),
                                .sinks = of_heads(form.sinks)});
}

}  // namespace

void attend(const AttentionForm& form, const AttentionRows& rows, AttentionScratch& scratch,
            ThreadPool& pool) {
  WHET_CHECK(form.n_kv_heads > 0 && form.n_heads % form.n_kv_heads == 0 && form.window >= 0);
  for (const AttentionSegment& segment : rows.segments) {
    const KvShape& shape = segment.kv->shape();
    WHET_CHECK(rows.layer < static_cast<int64_t>(shape.layers.size()) && segment.n_tokens > 0);
    const KvLayerShape& layer = shape.layers[static_cast<size_t>(rows.layer)];
    WHET_CHECK(layer.n_heads == form.n_kv_heads && layer.key_dim == form.key_dim &&
               layer.value_dim == form.value_dim);
    WHET_CHECK(segment.n_tokens <= segment.kv->prepared() - segment.kv->size());
  }
  if (rows.k != nullptr) append(form, rows);
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
      macs >= kScoresWorthATeam);
}

}  // namespace whet
