#include "model/forward.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/aligned_buffer.h"
#include "base/check.h"
#include "base/checked_math.h"
#include "kernels/interleave.h"
#include "kernels/kernels.h"
#include "ops/attention.h"
#include "ops/projection.h"

namespace whet {
namespace {

// Elementwise work on fewer tokens than this stays on the calling thread.
constexpr int64_t kTokensPerTask = 8;

template <typename Body>
void for_each_token(ThreadPool& pool, int64_t n_tokens, Body&& body) {
  pool.for_each(ceil_div(n_tokens, kTokensPerTask), [&](int64_t task) {
    int64_t end = std::min((task + 1) * kTokensPerTask, n_tokens);
    for (int64_t t = task * kTokensPerTask; t < end; ++t) body(t);
  });
}

}  // namespace

struct ForwardScratch::Buffers {
  std::vector<double> frequencies;  // radians per position of each rotated pair, [rope_dim/2]
  AlignedBuffer<float> x, normed, q, k, v, attended, delta, gate, up, cosines, sines, logits;
  ProjectionScratch projection;
  std::vector<AttentionSegment> attention_segments;
  AttentionScratch attention;
};

ForwardScratch::ForwardScratch(const ModelConfig& config, bool exact)
    : buffers_(std::make_unique<Buffers>()) {
  buffers_->projection.exact = exact;
  for (int64_t i = 0; i < config.rope_dim / 2; ++i) {
    double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(config.rope_dim);
    double factor = config.rope_factors.empty() ? 1.0 : config.rope_factors[static_cast<size_t>(i)];
    buffers_->frequencies.push_back(std::pow(config.rope_theta, exponent) / factor);
  }
}
ForwardScratch::~ForwardScratch() = default;
ForwardScratch::ForwardScratch(ForwardScratch&&) noexcept = default;
ForwardScratch& ForwardScratch::operator=(ForwardScratch&&) noexcept = default;

namespace {

/// One step: the rows of all segments, in order, with their place in their sequence.
class Step {
 public:
  Step(const Decoder& model, std::span<const StepSegment> segments,
       ForwardScratch::Buffers& buffers, ThreadPool& pool)
      : c_(model.config), w_(model.weights), segments_(segments), b_(buffers), pool_(pool) {
    b_.attention_segments.clear();
    for (const StepSegment& segment : segments) {
      const auto n = static_cast<int64_t>(segment.tokens.size());
      b_.attention_segments.push_back({segment.kv, n});
      n_tokens_ += n;
    }
    auto rows = static_cast<size_t>(n_tokens_);
    q_dim_ = c_.n_heads * c_.head_dim;
    kv_dim_ = c_.n_kv_heads * c_.head_dim;
    b_.x.reserve(rows * static_cast<size_t>(c_.d_model));
    b_.normed.reserve(rows * static_cast<size_t>(c_.d_model));
    b_.delta.reserve(rows * static_cast<size_t>(c_.d_model));
    b_.q.reserve(rows * static_cast<size_t>(q_dim_));
    b_.attended.reserve(rows * static_cast<size_t>(q_dim_));
    b_.k.reserve(rows * static_cast<size_t>(kv_dim_));
    b_.v.reserve(rows * static_cast<size_t>(kv_dim_));
    if (c_.form.ffn == DecoderForm::Ffn::kSwiGlu) {
      b_.gate.reserve(rows * static_cast<size_t>(c_.ffn_dim));
    }
    b_.up.reserve(rows * static_cast<size_t>(c_.ffn_dim));
    b_.cosines.reserve(rows * static_cast<size_t>(c_.rope_dim / 2));
    b_.sines.reserve(rows * static_cast<size_t>(c_.rope_dim / 2));
  }

  std::span<const float> run() {
    embed();
    compute_rotations();
    for (int64_t layer = 0; layer < c_.n_layers; ++layer) {
      const LayerWeights& w = w_.layers[static_cast<size_t>(layer)];
      normalise(w.attention_norm);
      attention_block(layer, w);
      if (!c_.form.parallel) normalise(w.ffn_norm);
      ffn_block(w);
    }
    for (const StepSegment& segment : segments_) {
      segment.kv->extend(static_cast<int64_t>(segment.tokens.size()));
    }
    return logits();
  }

 private:
  const kernels::KernelTable& kernel() const { return kernels::kernels(); }

  void embed() {
    float* x = b_.x.data();
    for (const StepSegment& segment : segments_) {
      for (int32_t token : segment.tokens) {
        kernels::dequantize_row(w_.embedding, token, x);
        x += c_.d_model;
      }
    }
  }

  void compute_rotations() {
    const size_t half = b_.frequencies.size();
    float* cosine = b_.cosines.data();
    float* sine = b_.sines.data();
    for (const StepSegment& segment : segments_) {
      for (size_t i = 0; i < segment.tokens.size(); ++i, cosine += half, sine += half) {
        auto position = static_cast<double>(segment.kv->size() + static_cast<int64_t>(i));
        for (size_t f = 0; f < half; ++f) {
          cosine[f] = static_cast<float>(std::cos(position * b_.frequencies[f]));
          sine[f] = static_cast<float>(std::sin(position * b_.frequencies[f]));
        }
      }
    }
  }

  void normalise(const NormWeights& w) {
    const bool rms = c_.form.norm == DecoderForm::Norm::kRms;
    const auto norm = rms ? kernel().rmsnorm : kernel().layernorm;
    for_each_token(pool_, n_tokens_, [&](int64_t t) {
      norm({.x = b_.x.data() + t * c_.d_model,
            .gain = w.gain.data(),
            .epsilon = c_.norm_eps,
            .n = static_cast<size_t>(c_.d_model),
            .out = b_.normed.data() + t * c_.d_model,
            .bias = w.bias.data()});
    });
  }

  /// x += in · Wᵀ + bias
  void project_onto_residual(const float* in, const Matrix& w, const std::vector<float>& bias) {
    Projection projection{&w, b_.delta.data()};
    project(in, n_tokens_, {&projection, 1}, b_.projection, pool_);
    for_each_token(pool_, n_tokens_, [&](int64_t t) {
      float* x = b_.x.data() + t * c_.d_model;
      float* delta = b_.delta.data() + t * c_.d_model;
      add_bias(bias, delta);
      kernel().add(x, delta, static_cast<size_t>(c_.d_model), x);
    });
  }

  void attention_block(int64_t layer, const LayerWeights& w) {
    const Projection qkv[] = {{&w.q, b_.q.data()}, {&w.k, b_.k.data()}, {&w.v, b_.v.data()}};
    project(b_.normed.data(), n_tokens_, qkv, b_.projection, pool_);
    for_each_token(pool_, n_tokens_, [&](int64_t t) {
      add_bias(w.q_bias, b_.q.data() + t * q_dim_);
      add_bias(w.k_bias, b_.k.data() + t * kv_dim_);
      add_bias(w.v_bias, b_.v.data() + t * kv_dim_);
      rotate(b_.q.data() + t * q_dim_, c_.n_heads, t);
      rotate(b_.k.data() + t * kv_dim_, c_.n_kv_heads, t);
    });
    attend({.n_heads = c_.n_heads,
            .n_kv_heads = c_.n_kv_heads,
            .head_dim = c_.head_dim,
            .scale = 1.0f / std::sqrt(static_cast<float>(c_.head_dim))},
           {.segments = b_.attention_segments,
            .layer = layer,
            .q = b_.q.data(),
            .k = b_.k.data(),
            .v = b_.v.data(),
            .out = b_.attended.data()},
           b_.attention, pool_);
    project_onto_residual(b_.attended.data(), w.attention_output, w.attention_output_bias);
  }

  /// An empty bias adds nothing.
  void add_bias(const std::vector<float>& bias, float* x) const {
    kernel().add(x, bias.data(), bias.size(), x);
  }

  void rotate(float* heads, int64_t n_heads, int64_t t) {
    const int64_t half = c_.rope_dim / 2;
    kernel().rope({.x = heads,
                   .n_heads = static_cast<size_t>(n_heads),
                   .head_dim = static_cast<size_t>(c_.head_dim),
                   .n_rotated = static_cast<size_t>(c_.rope_dim),
                   .pairing = c_.rope_pairing,
                   .cosines = b_.cosines.data() + t * half,
                   .sines = b_.sines.data() + t * half});
  }

  void ffn_block(const LayerWeights& w) {
    const Projection gate_up[] = {{&w.gate, b_.gate.data()}, {&w.up, b_.up.data()}};
    const bool gated = c_.form.ffn == DecoderForm::Ffn::kSwiGlu;
    project(b_.normed.data(), n_tokens_, std::span(gate_up).last(gated ? 2 : 1), b_.projection,
            pool_);
    const auto n = static_cast<size_t>(c_.ffn_dim);
    for_each_token(pool_, n_tokens_, [&](int64_t t) {
      float* up = b_.up.data() + t * c_.ffn_dim;
      add_bias(w.up_bias, up);
      if (gated) {
        kernel().silu_mul(b_.gate.data() + t * c_.ffn_dim, up, n, up);
      } else {
        kernel().gelu(up, n, up);
      }
    });
    project_onto_residual(b_.up.data(), w.down, w.down_bias);
  }

  std::span<const float> logits() {
    // The wanted rows move to the front of x, in order; a row never moves backwards.
    int64_t row = 0, wanted = 0;
    for (const StepSegment& segment : segments_) {
      const auto n = static_cast<int64_t>(segment.tokens.size());
      int64_t keep = segment.logits == StepSegment::Logits::kAll    ? n
                     : segment.logits == StepSegment::Logits::kLast ? 1
                                                                    : 0;
      std::memmove(b_.x.data() + wanted * c_.d_model, b_.x.data() + (row + n - keep) * c_.d_model,
                   static_cast<size_t>(keep * c_.d_model) * sizeof(float));
      wanted += keep;
      row += n;
    }
    n_tokens_ = wanted;
    normalise(w_.output_norm);
    size_t count = static_cast<size_t>(wanted * c_.vocab_size);
    Projection projection{&w_.head, b_.logits.reserve(count)};
    project(b_.normed.data(), wanted, {&projection, 1}, b_.projection, pool_);
    if (!w_.head_bias.empty()) {
      for_each_token(pool_, wanted, [&](int64_t t) {
        add_bias(w_.head_bias, b_.logits.data() + t * c_.vocab_size);
      });
    }
    return {b_.logits.data(), count};
  }

  const ModelConfig& c_;
  const Weights& w_;
  std::span<const StepSegment> segments_;
  ForwardScratch::Buffers& b_;
  ThreadPool& pool_;
  int64_t n_tokens_ = 0;
  int64_t q_dim_ = 0;
  int64_t kv_dim_ = 0;
};

}  // namespace

std::span<const float> forward(const Decoder& model, std::span<const StepSegment> segments,
                               ForwardScratch& scratch, ThreadPool& pool) {
  for (const StepSegment& segment : segments) {
    WHET_CHECK(!segment.tokens.empty());
    WHET_CHECK(segment.kv->size() + static_cast<int64_t>(segment.tokens.size()) <=
               segment.kv->shape().capacity);
  }
  return Step(model, segments, scratch.buffers(), pool).run();
}

}  // namespace whet
