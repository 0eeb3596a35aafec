// Mixture of experts: each token goes through the few FFNs that its router chose, and only their
// weights are read.
#include <algorithm>
#include <cmath>

#include "model/step.h"

namespace whet {
namespace {

bool is_sigmoid(const ExpertsForm& form) {
  return form.router == Router::kSigmoidThenTop || form.router == Router::kSigmoidThenTopNormalised;
}

/// Scores to what experts are worth: softmax over all, or the sigmoid of each.
void weigh(const ExpertsForm& form, float* scores) {
  const auto n = static_cast<size_t>(form.n_experts);
  if (is_sigmoid(form)) {
    for (size_t i = 0; i < n; ++i) scores[i] = 1.0f / (1.0f + std::exp(-scores[i]));
    return;
  }
  const float largest = *std::max_element(scores, scores + n);
  float total = 0;
  for (size_t i = 0; i < n; ++i) total += scores[i] = std::exp(scores[i] - largest);
  for (size_t i = 0; i < n; ++i) scores[i] /= total;
}

/// What a group of experts is worth by the ranks of its experts.
float worth_of_group(const ExpertsForm& form, std::span<const float> ranks) {
  float best = -INFINITY, second = -INFINITY;
  for (const float rank : ranks) {
    second = std::max(second, std::min(rank, best));
    best = std::max(best, rank);
  }
  return is_sigmoid(form) && ranks.size() > 1 ? best + second : best;
}

/// Leaves only the experts of the best groups eligible.
void rule_out_groups(const ExpertsForm& form, float* ranks) {
  if (form.n_used_groups == form.n_groups) return;
  const auto size = static_cast<size_t>(form.n_experts / form.n_groups);
  const auto group = [&](int64_t g) {
    return std::span<float>(ranks + static_cast<size_t>(g) * size, size);
  };
  for (int64_t n_out = form.n_groups - form.n_used_groups; n_out > 0; --n_out) {
    int64_t worst = 0;
    float least = INFINITY;
    for (int64_t g = 0; g < form.n_groups; ++g) {
      if (group(g)[0] == -INFINITY) continue;  // is out
      const float worth = worth_of_group(form, group(g));
      if (worth > least) continue;
      worst = g;
      least = worth;
    }
    std::ranges::fill(group(worst), -INFINITY);
  }
}

/// The best `n_used` of the scores of one token, best first, and their weights. A bias counts in
/// the choice alone. `ranks`: room for n_experts.
void choose(const ExpertsForm& form, const std::vector<float>& bias, float* scores, float* ranks,
            int32_t* ids, float* weights) {
  const auto n = static_cast<size_t>(form.n_experts), used = static_cast<size_t>(form.n_used);
  weigh(form, scores);
  for (size_t e = 0; e < n; ++e) ranks[e] = bias.empty() ? scores[e] : scores[e] + bias[e];
  rule_out_groups(form, ranks);
  const auto before = [&](size_t a, size_t b) {
    return ranks[a] != ranks[b] ? ranks[a] > ranks[b] : a < b;
  };
  for (size_t i = 0; i < used; ++i) {
    const auto eligible = [&](size_t e) {
      return i == 0 || before(static_cast<size_t>(ids[i - 1]), e);
    };
    size_t best = 0;
    while (best + 1 < n && !eligible(best)) ++best;  // NaN follows nothing
    for (size_t e = best + 1; e < n; ++e) {
      if (eligible(e) && before(e, best)) best = e;
    }
    ids[i] = static_cast<int32_t>(best);
  }
  float total = 1;
  if (form.router != Router::kSoftmaxThenTop && form.router != Router::kSigmoidThenTop) {
    total = 0;
    for (size_t i = 0; i < used; ++i) total += scores[ids[i]];
  }
  for (size_t i = 0; i < used; ++i) weights[i] = scores[ids[i]] / total * form.weight_scale;
}

void route(Step& step, const ExpertsForm& form, const LayerWeights& w, const float* in) {
  ForwardScratch::Buffers& b = step.buffers;
  float* scores = step.reserve(b.router, form.n_experts);
  float* ranks = step.reserve(b.ranks, form.n_experts);
  const Projection router{&w.router.matrix, scores};
  project(in, step.n_tokens, {&router, 1}, b.projection, step.pool);
  add_bias(step, w.router.bias, scores);
  b.expert_ids.resize(static_cast<size_t>(step.n_tokens * form.n_used));
  b.expert_weights.resize(b.expert_ids.size());
  step.for_each_token([&](int64_t t) {
    choose(form, w.selection_bias, scores + t * form.n_experts, ranks + t * form.n_experts,
           b.expert_ids.data() + t * form.n_used, b.expert_weights.data() + t * form.n_used);
  });
}

/// Indices of `ids` in the order of their experts, and where each expert's end.
void group_by_expert(const std::vector<int32_t>& ids, int64_t n_experts, std::vector<int64_t>& uses,
                     std::vector<size_t>& ends) {
  ends.assign(static_cast<size_t>(n_experts) + 1, 0);
  for (int32_t id : ids) ++ends[static_cast<size_t>(id) + 1];
  for (size_t e = 1; e < ends.size(); ++e) ends[e] += ends[e - 1];
  uses.resize(ids.size());
  // ends[e] is where expert e begins, and moves to its end.
  for (size_t i = 0; i < ids.size(); ++i) {
    uses[ends[static_cast<size_t>(ids[i])]++] = static_cast<int64_t>(i);
  }
  ends.pop_back();
}

/// The uses of some experts, which stand one behind the other in b.expert_uses.
struct ExpertRange {
  int64_t begin, end;          // experts
  int64_t use_begin, use_end;  // their uses
};

/// The experts of a range over the rows of `in` that use them, in two regions for all: of a token
/// that decodes, each expert alone is a few hundred microseconds of memory. Rows stand by expert;
/// what comes out goes to used_out [T, n_used, D].
void run_experts(Step& step, const ExpertsForm& form, const LayerWeights& w, ExpertRange range,
                 const float* in, float* used_out) {
  ForwardScratch::Buffers& b = step.buffers;
  const int64_t d = step.config.d_model, f = form.expert.dim;
  const int64_t n = range.use_end - range.use_begin;
  const bool gathers = step.n_tokens > 1;  // one row is every expert's
  float* rows = gathers ? b.gathered.reserve(static_cast<size_t>(n * d)) : nullptr;
  float* gate = b.gate.reserve(static_cast<size_t>(n * f));
  float* up = b.up.reserve(static_cast<size_t>(n * f));
  float* out = b.expert_out.reserve(static_cast<size_t>(n * d));
  b.products.clear();
  b.downs.clear();
  int64_t first = 0;
  for (int64_t e = range.begin; e < range.end; ++e) {
    const auto at = static_cast<size_t>(e);
    const int64_t n_rows = static_cast<int64_t>(b.expert_ends[at]) - range.use_begin - first;
    if (n_rows == 0) continue;
    const float* x = gathers ? rows + first * d : in;
    b.products.push_back({&w.expert_gate.matrices[at], x, n_rows, gate + first * f});
    b.products.push_back({&w.expert_up.matrices[at], x, n_rows, up + first * f});
    b.downs.push_back({&w.expert_down.matrices[at], up + first * f, n_rows, out + first * d});
    first += n_rows;
  }
  const auto for_each_use = [&](auto body) {
    constexpr int64_t kUsesPerTask = 8;
    step.pool.for_each(ceil_div(n, kUsesPerTask), [&](int64_t task) {
      const int64_t end = std::min((task + 1) * kUsesPerTask, n);
      for (int64_t i = task * kUsesPerTask; i < end; ++i) {
        body(i, b.expert_uses[static_cast<size_t>(range.use_begin + i)]);
      }
    });
  };
  if (gathers) {
    for_each_use(
        [&](int64_t i, int64_t use) { std::copy_n(in + use / form.n_used * d, d, rows + i * d); });
  }
  multiply(b.products, b.projection, step.pool);
  const auto add_bias_of = [&](const ExpertWeights& weights, int64_t use, int64_t length,
                               float* row) {
    if (weights.bias.empty()) return;
    const auto expert = static_cast<size_t>(b.expert_ids[static_cast<size_t>(use)]);
    const auto size = static_cast<size_t>(length);
    kernels::kernels().add(row, weights.bias.data() + expert * size, size, row);
  };
  for_each_use([&](int64_t i, int64_t use) {
    add_bias_of(w.expert_gate, use, f, gate + i * f);
    add_bias_of(w.expert_up, use, f, up + i * f);
    activate_gated(form.expert.activation, gate + i * f, up + i * f, f, up + i * f);
  });
  multiply(b.downs, b.projection, step.pool);
  for_each_use([&](int64_t i, int64_t use) {
    add_bias_of(w.expert_down, use, d, out + i * d);
    std::copy_n(out + i * d, d, used_out + use * d);
  });
}

/// Experts together until they have a panel of rows: more would only take memory.
void run_all_experts(Step& step, const ExpertsForm& form, const LayerWeights& w, const float* in,
                     float* used_out) {
  constexpr int64_t kRowsTogether = 64;
  const std::vector<size_t>& ends = step.buffers.expert_ends;
  ExpertRange range{};
  while (range.end < form.n_experts) {
    range.use_end = static_cast<int64_t>(ends[static_cast<size_t>(range.end++)]);
    const int64_t n = range.use_end - range.use_begin;
    if (n == 0 || (n < kRowsTogether && range.end < form.n_experts)) continue;
    run_experts(step, form, w, range, in, used_out);
    range.begin = range.end;
    range.use_begin = range.use_end;
  }
}

/// out *= sigmoid(shared_gate · in), row by row.
void weigh_shared(Step& step, const LayerWeights& w, const float* in, float* out) {
  const int64_t d = step.config.d_model;
  float* gate = step.reserve(step.buffers.gate, 1);
  const Projection projection{&w.shared_gate.matrix, gate};
  project(in, step.n_tokens, {&projection, 1}, step.buffers.projection, step.pool);
  step.for_each_token([&](int64_t t) {
    const float weight = 1.0f / (1.0f + std::exp(-gate[t]));
    kernels::kernels().scale(out + t * d, static_cast<size_t>(d), weight);
  });
}

}  // namespace

void experts_block(Step& step, const LayerForm& form, const LayerWeights& w, const float* in,
                   float* out) {
  const ExpertsForm& experts = form.experts;
  ForwardScratch::Buffers& b = step.buffers;
  const int64_t d = step.config.d_model;
  if (experts.shared_gate) weigh_shared(step, w, in, out);
  route(step, experts, w, in);
  float* used_out = step.reserve(b.used_out, experts.n_used * d);
  group_by_expert(b.expert_ids, experts.n_experts, b.expert_uses, b.expert_ends);
  run_all_experts(step, experts, w, in, used_out);
  // In the order of the router, so that a row does not depend on its batch mates.
  step.for_each_token([&](int64_t t) {
    float* row = out + t * d;
    if (form.ffn.dim == 0) std::fill_n(row, d, 0.0f);
    for (int64_t i = 0; i < experts.n_used; ++i) {
      float* part = used_out + (t * experts.n_used + i) * d;
      kernels::kernels().scale(part, static_cast<size_t>(d),
                               b.expert_weights[static_cast<size_t>(t * experts.n_used + i)]);
      kernels::kernels().add(row, part, static_cast<size_t>(d), row);
    }
  });
}

}  // namespace whet
