#include "adapt/column_norms.h"

#include <cmath>

#include "kernels/interleave.h"

namespace whet::adapt {
namespace {

/// Of the columns of matrices that share an input.
std::vector<float> norms(std::initializer_list<const Matrix*> matrices) {
  const auto n = static_cast<size_t>((*matrices.begin())->columns);
  std::vector<double> sums(n, 0.0);
  std::vector<float> row(n);
  for (const Matrix* m : matrices) {
    for (int64_t r = 0; r < m->rows; ++r) {
      kernels::dequantize_row(*m, r, row.data());
      for (size_t c = 0; c < n; ++c) sums[c] += static_cast<double>(row[c]) * row[c];
    }
  }
  std::vector<float> roots;
  for (const double sum : sums) roots.push_back(static_cast<float>(std::sqrt(sum)));
  return roots;
}

}  // namespace

void score_by_column_norms(const Decoder& model, ThreadPool& pool, SparsityPlan& plan) {
  plan.method = "wina";
  plan.scores.resize(model.weights.layers.size());
  pool.for_each(static_cast<int64_t>(plan.scores.size()), [&](int64_t i) {
    const LayerWeights& w = model.weights.layers[static_cast<size_t>(i)];
    plan.scores[static_cast<size_t>(i)] = {
        norms({&w.q.matrix, &w.k.matrix, &w.v.matrix}), norms({&w.attention_output.matrix}),
        norms({&w.gate.matrix, &w.up.matrix}), norms({&w.down.matrix})};
  });
}

}  // namespace whet::adapt
