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
  /// Queries grow by 1 + query_growth * log(1 + floor(position / original_context)); 0 = they do
  /// not.
  float query_growth = 0;
  float score_scale = 1;  // of the scores beside their usual one (DeepSeek's YaRN)
};

enum class QkNorm {
  kNone,
  kPerHead,  // of each head's K elements, before they are rotated
  kWhole,    // of all heads' elements at once
};

struct AttentionBlockForm {
  static constexpr int64_t kNoRope = -1;
  static constexpr int64_t kOwnKeys = -1;

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
  bool output_gate =
      false;  // what attends is weighed by a sigmoid: each head's K rows of q, K more
  bool values_normed = false;       // each head of values, without gain
  bool key_is_value = false;        // values are what keys are before norm and rotation
  int64_t shared_layer = kOwnKeys;  // whose keys and values it reads, instead of its own
  float clamp = 0;                  // of queries, keys and values before rotation; 0 = none
  bool alibi = false;               // scores fall with the distance, instead of rotation
  float output_factor = 1;          // of what the block adds
};

/// Multi-head latent attention: what is cached of a position is one low-rank latent, from which
/// each head's key and value follow, and one rotated key that all heads share. A head's key matrix
/// goes to its query and its value matrix to its output, so that heads read latents themselves.
struct LatentAttentionForm {
  int64_t n_heads = 0;      // H
  int64_t query_rank = 0;   // of what queries come from; 0 = from the layer's input
  int64_t rank = 0;         // R, of the latent
  int64_t content_dim = 0;  // C, of a head's query and key without positions
  int64_t rotated_dim = 0;  // P, of its part with positions
  int64_t value_dim = 0;    // U
  int64_t rope = 0;         // index in ModelConfig::ropes
  float scale = 0;          // of the scores
  float epsilon = 0;        // of the norms of latents
  bool bias = false;        // of what makes the latents, and of the output

  int64_t query_dim() const { return content_dim + rotated_dim; }
  int64_t cached_dim() const { return rank + rotated_dim; }
};

/// Mixers whose state is one for all positions: a convolution over time and, but for
/// Mixer::kShortConvolution, a linear recurrence of each head.
struct RecurrentForm {
  int64_t width = 0;        // taps of the convolution
  int64_t channels = 0;     // that it runs over
  int64_t n_heads = 0;      // H, of values
  int64_t n_key_heads = 0;  // G, of keys and queries; a divisor of n_heads
  int64_t key_dim = 0;      // N
  int64_t value_dim = 0;    // P
  bool tiled = false;       // head h has the keys of h % G, else those of its group of H / G
  bool convolution_bias = false;
  bool projection_bias = false;
  bool norm = true;  // of what Mamba-2 adds, by groups of H * P / G
  /// Of what comes in to Mamba-2: gate, values, keys, queries and steps; none: all 1.
  std::vector<float> input_factors;
  float output_factor = 1;  // of what the block adds

  int64_t inner_dim() const { return n_heads * value_dim; }
  int64_t keys_dim() const { return n_key_heads * key_dim; }
  int64_t convolution_state() const { return (width - 1) * channels; }
  /// Floats of the state.
  int64_t state_size() const { return convolution_state() + n_heads * key_dim * value_dim; }
};

struct FfnForm {
  int64_t dim = 0;  // F
  Activation activation = Activation::kSilu;
  bool gated = true;  // down(activation(gate(x)) * up(x)), else down(activation(up(x)))
  bool bias = false;
  float gate_factor = 1;    // of gate(x)
  float output_factor = 1;  // of down's
};

/// Which experts of a layer a token uses, and how they weigh.
enum class Router {
  kSoftmaxThenTop,            // the best by softmax over all, with those weights
  kSoftmaxThenTopNormalised,  // divided by their sum
  kSigmoidThenTop,            // of each score on its own
  kSigmoidThenTopNormalised,
};
struct ExpertsForm {
  int64_t n_experts = 0;  // E; 0 = none
  int64_t n_used = 0;     // by each token
  Router router = Router::kSoftmaxThenTopNormalised;
  bool router_bias = false;
  bool selection_bias = false;  // added for the choice, not to the weights
  float weight_scale = 1;
  /// Experts in a row form groups; a token chooses among those of its best groups, which count by
  /// the sum of their two best experts (sigmoid) or by their best (softmax).
  int64_t n_groups = 1;
  int64_t n_used_groups = 1;
  FfnForm expert;
  bool shared_gate = false;  // LayerForm::ffn is weighed by the sigmoid of a product of its own
};

/// How a layer's two halves come together.
enum class Residual {
  kSequential,        // x grows by the attention, then by the FFN
  kParallelOneNorm,   // both read one norm of x
  kParallelTwoNorms,  // each reads a norm of x of its own
};

/// What a layer does between tokens.
enum class Mixer {
  kAttention,
  kShortConvolution,  // LFM2: C * convolution(B * x)
  kDeltaNet,          // Qwen3.5: gated delta rule
  kMamba2,
  kAttentionAndMamba2,  // Falcon-H1: the sum of both
  kLatentAttention,     // DeepSeek
  kNone,
};

struct LayerForm {
  Residual residual = Residual::kSequential;
  bool norm_before = true;  // of what each half reads
  bool norm_after = false;  // of what each half adds to x
  Mixer mixer = Mixer::kAttention;
  AttentionBlockForm attention;
  LatentAttentionForm latent;
  RecurrentForm recurrent;  // of the other mixers
  FfnForm ffn;              // beside experts: the one that every token uses; dim 0 = none
  ExpertsForm experts;
  bool output_scale = false;  // of x behind the layer, by a number of its own

  bool has_attention() const {
    return mixer == Mixer::kAttention || mixer == Mixer::kAttentionAndMamba2;
  }
  bool has_state() const {
    return mixer != Mixer::kAttention && mixer != Mixer::kLatentAttention && mixer != Mixer::kNone;
  }
  /// Some layers are a mixer alone.
  bool has_ffn() const { return ffn.dim > 0 || experts.n_experts > 0; }
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
  int64_t n_positions = 0;  // that have an embedding of their own, added to the token's; 0 = none
  bool embedding_norm = false;  // of what is embedded
  /// P: each layer adds something of so many numbers that belong to the token and the layer; 0: no.
  int64_t layer_input_dim = 0;
  Activation layer_input_activation = Activation::kGeluTanh;

  int64_t n_unused_layers = 0;  // behind the others in a file: heads that predict further tokens

  int64_t n_layers() const { return static_cast<int64_t>(layers.size()); }
};

}  // namespace whet
