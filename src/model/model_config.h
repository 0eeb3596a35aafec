// The form and sizes of a decoder: everything forward() must know besides the weights.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "ops/activation.h"

namespace whet {

enum class NormKind {
  kRms,    // x / rms(x), with gain
  kLayer,  // (x - mean) / deviation, with gain
};
struct NormForm {
  NormKind kind = NormKind::kRms;
  bool bias = false;
  float epsilon = 0;
};

/// How positions turn queries and keys.
struct RopeForm {
  kernels::RopePairing pairing = kernels::RopePairing::kHalfSplit;
  int64_t n_rotated = 0;  // elements per head, even, at most the width of a head
  float theta = 10000;
  /// Divisor of each pair's frequency, [n_rotated/2]; empty = all ones.
  std::vector<float> factors;
  /// LongRoPE: instead of `factors` in caches of more than `original_context` positions.
  std::vector<float> long_factors;
  /// Dynamic NTK: behind `original_context` positions the base grows with the position; 0 = off.
  float dynamic_factor = 0;
  int64_t original_context = 0;
  float magnitude = 1;  // of the cosines and sines
};

enum class QkNorm {
  kNone,
  kPerHead,  // of each head's K elements, before they are rotated
  kWhole,    // of all heads' elements at once
};

struct AttentionBlockForm {
  static constexpr int64_t kNoRope = -1;

  int64_t n_heads = 0;     // H
  int64_t n_kv_heads = 0;  // G
  int64_t head_dim = 0;    // K
  int64_t rope = 0;        // index in ModelConfig::ropes, or kNoRope
  int64_t window = 0;      // keys that a query sees, its own among them; 0 = all
  float scale = 0;         // of the scores
  float softcap = 0;       // c: scores become c * tanh(scores / c); 0 = none
  bool sinks = false;      // each head has one more score, which weighs nothing
  QkNorm qk_norm = QkNorm::kNone;
  bool qkv_bias = false;
  bool output_bias = false;
};

struct FfnForm {
  int64_t dim = 0;  // F
  Activation activation = Activation::kSilu;
  bool gated = true;  // down(activation(gate(x)) * up(x)), else down(activation(up(x)))
  bool bias = false;
};

/// Which experts of a layer a token uses, and how they weigh.
enum class Router {
  kSoftmaxThenTop,            // the best by softmax over all, with those weights
  kSoftmaxThenTopNormalised,  // divided by their sum
};
struct ExpertsForm {
  int64_t n_experts = 0;  // E; 0 = none
  int64_t n_used = 0;     // by each token
  Router router = Router::kSoftmaxThenTopNormalised;
  bool router_bias = false;
  FfnForm expert;
  bool shared_gate = false;  // LayerForm::ffn is weighed by the sigmoid of a product of its own
};

/// How a layer's two halves come together.
enum class Residual {
  kSequential,        // x grows by the attention, then by the FFN
  kParallelOneNorm,   // both read one norm of x
  kParallelTwoNorms,  // each reads a norm of x of its own
};

struct LayerForm {
  Residual residual = Residual::kSequential;
  bool norm_before = true;  // of what each half reads
  bool norm_after = false;  // of what each half adds to x
  AttentionBlockForm attention;
  FfnForm ffn;  // beside experts: the one that every token uses; dim 0 = none
  ExpertsForm experts;
};

struct ModelConfig {
  std::string architecture;    // GGUF's name, in every container
  std::string model_type;      // config.json's name; empty for GGUF
  int64_t d_model = 0;         // D
  int64_t vocab_size = 0;      // V
  int64_t context_length = 0;  // positions that the model was trained for
  NormForm norm;
  std::vector<RopeForm> ropes;
  std::vector<LayerForm> layers;
  float embedding_scale = 1;
  float residual_scale = 1;  // of what a half adds to x
  float logit_scale = 1;
  float logit_softcap = 0;  // c: logits become c * tanh(logits / c); 0 = none
  bool head_bias = false;

  int64_t n_layers() const { return static_cast<int64_t>(layers.size()); }
};

}  // namespace whet
