#include "bench/roofline.h"

#include <algorithm>

#include "base/checked_math.h"
#include "bench/read_bandwidth.h"
#include "kernels/kernels.h"
#include "model/slot.h"

namespace whet {
namespace {

/// What one pass over some matrices needs.
struct Work {
  double bytes = 0;       // once per pass
  double int8_macs = 0;   // per token
  double float_macs = 0;  // per token
  double bf16_macs = 0;   // per token

  void add(const Matrix& m) {
    bytes += static_cast<double>(matrix_bytes(m));
    double& macs = m.type == DType::BF16 ? bf16_macs : is_float(m.type) ? float_macs : int8_macs;
    macs += static_cast<double>(m.rows * m.columns);
  }
};

struct Pass {
  const Work& layers;
  const Work& head;
  double read_bytes_per_second;
  const ArithmeticPeak& peak;

  double seconds(double n_tokens, double n_logits, double kv_bytes) const {
    const double bytes = layers.bytes + (n_logits > 0 ? head.bytes : 0) + kv_bytes;
    const double arithmetic =
        (n_tokens * layers.int8_macs + n_logits * head.int8_macs) / peak.int8_macs_per_second +
        (n_tokens * layers.float_macs + n_logits * head.float_macs) / peak.float_macs_per_second +
        (n_tokens * layers.bf16_macs + n_logits * head.bf16_macs) / peak.bf16_macs_per_second;
    return std::max(bytes / read_bytes_per_second, arithmetic);
  }
};

}  // namespace

Ceilings measure_ceilings(ThreadPool& pool) {
  return {measure_read_bandwidth(pool), measure_arithmetic_peak(pool)};
}

std::optional<double> roofline_seconds(const Engine& engine, const SpeedCase& test,
                                       const Ceilings& ceilings) {
  if (!ceilings.read_bytes_per_second) return std::nullopt;
  const Weights& w = engine.loaded().model.weights;
  Work layers, head;
  const auto& forms = engine.loaded().model.config.layers;
  for (size_t i = 0; i < forms.size(); ++i) {
    for_each_matrix(
        w.layers[i], [&](const Matrix& m) { layers.add(m); }, forms[i].experts.n_used);
  }
  head.add(w.head.matrix);
  const Pass pass{layers, head, *ceilings.read_bytes_per_second, ceilings.arithmetic};
  const auto kv_bytes = static_cast<double>(engine.kv_shape().bytes_per_position());
  double seconds = 0;
  for (int64_t first = 0; first < test.n_prompt; first += engine.batch()) {
    const int64_t n = std::min(engine.batch(), test.n_prompt - first);
    const bool last = first + n == test.n_prompt;
    seconds += pass.seconds(static_cast<double>(n), last ? 1 : 0, 0);
  }
  const auto m = static_cast<double>(test.n_parallel);
  for (int64_t step = 0; step < test.n_gen; ++step) {
    const auto context = static_cast<double>(test.n_depth + test.n_prompt + step);
    seconds += pass.seconds(m, m, m * context * kv_bytes);
  }
  return seconds;
}

}  // namespace whet
