// Single-threaded numeric kernels behind one table of function pointers per instruction set.
// Kernels allocate nothing, do no I/O and cannot fail: shapes were checked by the caller.
// Numerical contract: every result element is a fixed sequence of operations that depends on
// neither the number of tokens in a call, nor tiling, row ranges, threads or the instruction set,
// so results are bit-identical across all of them. One exception: where the CPU multiplies pairs of
// BF16 (KernelTable::bf16_pairs), products of BF16 weights differ from those of other levels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kernels/channel_layout.h"
#include "kernels/isa.h"
#include "tensor/dtype.h"

namespace whet::kernels {

/// Types of weights whose activations have the same form can share one quantised buffer.
enum class ActivationForm {
  kFloat,      // F32, F16, BF16: f32
  kBlock32,    // Q8_0, Q4_0, ...: int8 with one scale per 32
  kBlock256,   // K-quants: int8 with one scale per 256
  kBf16Pairs,  // BF16 where the CPU multiplies it: rounded to BF16, two columns to a lane
};
inline constexpr size_t kActivationForms = 4;
/// True for the weight types that dequantize_row() knows.
bool weight_type_supported(DType type);
/// Those among them that linear() knows too. The others are slow: their rows have to be dequantised
/// and multiplied as floats.
bool has_linear(DType type);
/// True for types that linear() multiplies in groups of 32 columns and can skip (kept_groups).
bool skips_groups(DType type);
/// Which groups of 32 columns of one token, in kBlock32, are not all zero: ascending to
/// `kept` [n_cols / 32]; returns how many.
size_t find_kept_groups(const void* activations, size_t n_cols, uint32_t* kept);
/// Bytes of the prepared activations of n_tokens rows of n_cols values. Align the buffer to 64.
size_t activation_bytes(ActivationForm form, size_t n_tokens, size_t n_cols);

struct QuantizeArgs {
  ActivationForm form;
  const float* x;      // row of token 0; token t is at x + t * x_stride
  size_t x_stride;     // in floats
  size_t n_tokens;     // tokens in dst, all of them
  size_t token_begin;  // the tokens that this call converts, so that threads can share the work
  size_t token_end;
  size_t n_cols;
  void* dst;  // activation_bytes(form, n_tokens, n_cols), 64-byte aligned
};

/// Rows that an interleaved matrix of floats has in each panel.
inline constexpr size_t kInterleavedFloatRows = 4;

struct LinearArgs {
  DType type;
  ActivationForm form;  // of the activations: activation_form(), or kFloat for any float weights
  const void* weights;  // row 0 of W; any 2-byte alignment
  bool interleaved;     // panels of interleaved_rows() rows (interleave.h), else row-major
  size_t n_cols;        // a multiple of the type's block; any for float types
  size_t row_begin;     // rows of W in this call; row_begin a multiple of KernelTable::panel_rows
  size_t row_end;       // any; the last row of the matrix or a multiple of panel_rows
  const void* activations;  // all tokens, from quantize_activations
  size_t n_tokens;
  float* y;         // y of token t, row n goes to y[t * y_stride + n]
  size_t y_stride;  // in floats
  /// Of one token in kBlock32: the groups of 32 columns whose activations are not all zero,
  /// ascending. The weights of the others are not read, which changes no bit where their scales
  /// are finite. nullptr: all are read.
  const uint32_t* kept_groups = nullptr;
  size_t n_kept_groups = 0;
};

/// Which channels of one token are the `keep` largest by |x * score|; of equal ones the first.
struct ChooseChannelsArgs {
  const float* x;      // [n]
  const float* score;  // [n], finite and not negative; nullptr: all 1
  size_t n;
  size_t keep;        // at most n
  uint32_t* scratch;  // [n rounded up to 32]
  uint32_t* kept;     // [n / 32, rounded up]: bit i of word b is channel 32 b + i
};

struct QuantizeChannelsArgs {
  const float* x;           // [n]
  const uint32_t* kept;     // as in ChooseChannelsArgs
  size_t n;                 // a multiple of 32
  ChannelActivations* out;  // [n / 32]
};

/// A tile of a matrix that lies channel by channel (channel_layout.h).
struct ChannelArgs {
  DType type;                   // has_channel_layout()
  const std::byte* tile;        // 64-byte aligned
  size_t n_rows;                // of the tile, a multiple of kChannelRowsMultiple
  const ChannelActivations* x;  // of all blocks
  size_t block_begin;           // blocks of channels that this call adds up
  size_t block_end;
  float* y;  // [n_rows]
};

struct NormArgs {
  const float* x;
  const float* gain;
  float epsilon;
  size_t n;
  float* out;                   // may be x
  const float* bias = nullptr;  // [n] of layernorm; rmsnorm has none
};

enum class RopePairing {
  kInterleaved,  // rotates (2i, 2i+1): GGUF "NORM", Llama as converted by llama.cpp
  kHalfSplit,    // rotates (i, i + n_rotated/2): "NEOX", Llama as published by Hugging Face
};
struct RopeArgs {
  float* x;  // [n_heads][head_dim], rotated in place
  size_t n_heads;
  size_t head_dim;
  size_t n_rotated;  // even, at most head_dim; the rest of each head stays
  RopePairing pairing;
  const float* cosines;  // [n_rotated/2] of this position
  const float* sines;
};

/// Key and value caches lie in blocks of kKeyBlock positions, evenly spaced. Within a block and KV
/// head, K is stored as [position / 16][key_dim][16] so that vector lanes are keys, V as
/// [position][value_dim]; what lies in the unused positions of the last panel does not matter.
inline constexpr size_t kKeyPanel = 16;
/// Also the blocks of keys of the online softmax.
inline constexpr size_t kKeyBlock = 128;
/// Widest heads that attention() takes: its rows lie on the stack. Those of latent attention, where
/// one head of 512 latent and 64 rotated dimensions serves all queries.
inline constexpr size_t kMaxKeyDim = 576;
inline constexpr size_t kMaxValueDim = 512;

/// F16, BF16 and F32 for any head; Q8_0 (int8 with a scale per 32 dimensions) where 32 divides it.
constexpr bool kv_type_supported(DType type, size_t head_dim) {
  return type == DType::F16 || type == DType::BF16 || type == DType::F32 ||
         (type == DType::Q8_0 && head_dim % 32 == 0);
}
/// Bytes of the keys (or values) of one position and head.
inline size_t kv_row_bytes(DType type, size_t head_dim) {
  return row_bytes(dtype_info(type), head_dim);
}

struct AppendKvArgs {
  DType type;       // one that kv_type_supported() accepts
  const float* k;   // [n_tokens][key_dim], rows at k + t * k_stride
  size_t k_stride;  // in floats
  const float* v;   // [n_tokens][value_dim], rows at v + t * v_stride
  size_t v_stride;
  size_t n_tokens;
  size_t key_dim;
  size_t value_dim;
  size_t position;  // of the first token
  void* k_cache;    // of this KV head in block 0
  void* v_cache;
  size_t block_stride;  // bytes from a block to the next, of both caches
};

/// Consecutive query tokens of one sequence against one KV head, causal: token t sees the keys
/// [max(0, first_position + t + 1 - window), first_position + t].
struct AttentionArgs {
  DType type;       // of the cache
  const float* q;   // head h of token t is at q + t * q_stride + h * key_dim
  size_t q_stride;  // in floats
  size_t n_tokens;
  size_t n_heads;  // query heads that share this KV head
  size_t key_dim;
  size_t value_dim;
  size_t first_position;  // of token 0; its own key is already in the cache
  size_t window;          // 0: no sliding window
  float scale;            // usually 1/sqrt(key_dim)
  const void* k_cache;    // as in AppendKvArgs
  const void* v_cache;
  size_t block_stride;
  float* out;  // head h of token t goes to out + t * out_stride + h * value_dim
  size_t out_stride;
  float softcap = 0;              // c: scores become c * tanh(scores / c); 0: they stay
  const float* slopes = nullptr;  // [n_heads] ALiBi: scores grow by slope * (key - query position)
  const float* sinks = nullptr;   // [n_heads] a score more, of a value that is zero
};

/// One step of a linear recurrence, the state of one head of Mamba-2 or of a gated delta net:
///   change = rate * (value - (corrects ? decay * stateᵀ·key : 0))
///   state  = decay * state + key ⊗ change
///   out    = stateᵀ·query
struct RecurrenceArgs {
  float* state;        // [n_keys][n_values]
  const float* key;    // [n_keys]
  const float* query;  // [n_keys]
  const float* value;  // [n_values]
  float decay;
  float rate;
  bool corrects;
  size_t n_keys;
  size_t n_values;
  float* out;  // [n_values]; may be value
};

struct KernelTable {
  Isa isa;
  /// Rows per panel: row ranges of linear() start at multiples of it.
  size_t panel_rows;
  /// Rows that an interleaved quantised matrix has in each panel.
  size_t interleave;
  /// BF16 weights with an even number of columns are multiplied two columns at a time, by
  /// activations in BF16: sums in f32, rounded as the CPU does it, subnormals taken as zero.
  bool bf16_pairs;

  /// x to the form that the weights want. Threads: safe for disjoint token ranges.
  void (*quantize_activations)(const QuantizeArgs&);
  /// y = x · Wᵀ for a range of rows of W. With more than a few tokens a call should get at least
  /// 64 rows, so that it can reuse the activations from its cache; with one, tens of KB of W.
  /// Threads: safe for disjoint row ranges.
  void (*linear)(const LinearArgs&);

  void (*choose_channels)(const ChooseChannelsArgs&);
  /// The kept channels to codes of int8 with a scale per 32 channels: those that
  /// quantize_activations() gives the same x with zeros for the others.
  void (*quantize_channels)(const QuantizeChannelsArgs&);
  /// y = x · Wᵀ over the kept channels of some blocks. With all blocks it has the bits that
  /// linear() has for the same x with zeros for the others. Threads: safe for disjoint y.
  void (*linear_channels)(const ChannelArgs&);

  /// out = x / sqrt(mean(x²) + epsilon) * gain
  void (*rmsnorm)(const NormArgs&);
  /// out = (x - mean(x)) / sqrt(variance(x) + epsilon) * gain + bias; the variance is that of all
  /// n.
  void (*layernorm)(const NormArgs&);
  void (*rope)(const RopeArgs&);
  /// out = gate / (1 + exp(-gate)) * up; out may be gate or up.
  void (*silu_mul)(const float* gate, const float* up, size_t n, float* out);
  /// out = gelu(gate) * up with the tanh approximation; out may be gate or up.
  void (*gelu_mul)(const float* gate, const float* up, size_t n, float* out);
  /// out = gelu(x) with the tanh approximation; out may be x.
  void (*gelu)(const float* x, size_t n, float* out);
  /// out = x / (1 + exp(-x)); out may be x.
  void (*silu)(const float* x, size_t n, float* out);
  /// out = x / (1 + exp(-gate)); out may be gate or x.
  void (*sigmoid_mul)(const float* gate, const float* x, size_t n, float* out);
  /// out = a + b; out may be either.
  void (*add)(const float* a, const float* b, size_t n, float* out);
  /// out += a * b, element by element.
  void (*mul_add)(const float* a, const float* b, size_t n, float* out);
  float (*max)(const float* x, size_t n);
  /// out = exp(x - offset), returns the sum; out may be x.
  float (*exp_sum)(const float* x, size_t n, float offset, float* out);
  /// x *= factor
  void (*scale)(float* x, size_t n, float factor);

  /// Multiply-adds on registers, n_rounds times a few; returns how many. `sink` takes 64 bytes.
  uint64_t (*int8_macs)(uint64_t n_rounds, void* sink);
  uint64_t (*float_macs)(uint64_t n_rounds, void* sink);
  uint64_t (*bf16_macs)(uint64_t n_rounds, void* sink);  // float_macs without bf16_pairs

  void (*append_kv)(const AppendKvArgs&);
  void (*attention)(const AttentionArgs&);
  void (*recurrence)(const RecurrenceArgs&);

  void (*f16_from_f32)(const float* x, size_t n, uint16_t* out);  // round to nearest even
  void (*f32_from_f16)(const uint16_t* x, size_t n, float* out);
};

/// The table of the configured level (WHET_ISA, or the best one). A configuration error falls
/// back to the best level here; configured_isa() reports it.
const KernelTable& kernels();
/// The table of one level, or nullptr where isa_supported() is false.
const KernelTable* kernel_table(Isa isa);

/// The form in which linear() of this level wants the activations of such weights.
ActivationForm activation_form(const KernelTable& table, DType weight_type, size_t n_cols);

/// n weights of one row to f32, exact by the format's definition. n: a multiple of the block.
void dequantize_row(DType type, const void* src, float* dst, size_t n);

}  // namespace whet::kernels
