#include "synth/synthetic_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/rng.h"
#include "formats/gguf_writer.h"
#include "synth/random_weights.h"

namespace whet {
namespace {

constexpr uint64_t kPieceBytes = uint64_t{4} << 20;

struct Tensor {
  std::string name;
  DType type;
  std::vector<uint64_t> shape;
  bool is_norm = false;  // all ones

  uint64_t n_weights() const { return shape.size() == 1 ? shape[0] : shape[0] * shape[1]; }
  uint64_t n_bytes() const { return row_bytes(dtype_info(type), n_weights()); }
};

std::vector<Tensor> tensors_of(const ModelShape& s, const TypeMixture& mixture) {
  std::vector<Tensor> tensors;
  const auto matrix = [&](std::string name, MatrixRole role, uint64_t layer, uint64_t rows,
                          uint64_t cols) {
    const DType type = mixture.type_of(role, layer, s.n_layers, cols, s.tied_head);
    tensors.push_back({std::move(name), type, {rows, cols}});
  };
  const auto bias = [&](std::string name, uint64_t n) {
    tensors.push_back({std::move(name), DType::F32, {n}});
  };
  const bool phi2 = s.architecture == "phi2";
  const auto phi2_bias = [&](std::string name, uint64_t n) {
    if (phi2) bias(std::move(name), n);
  };
  const auto norm = [&](const std::string& name) {
    tensors.push_back({name + ".weight", DType::F32, {s.d_model}, true});
    phi2_bias(name + ".bias", s.d_model);
  };
  matrix("token_embd.weight", MatrixRole::kEmbedding, 0, s.vocab_size, s.d_model);
  for (uint64_t i = 0; i < s.n_layers; ++i) {
    const std::string p = fmt::format("blk.{}.", i);
    const uint64_t q_dim = s.n_heads * s.head_dim, kv_dim = s.n_kv_heads * s.head_dim;
    norm(p + "attn_norm");
    if (phi2) {  // fused, as in the published files
      matrix(p + "attn_qkv.weight", MatrixRole::kAttentionV, i, q_dim + 2 * kv_dim, s.d_model);
      bias(p + "attn_qkv.bias", q_dim + 2 * kv_dim);
    } else {
      matrix(p + "attn_q.weight", MatrixRole::kOther, i, q_dim, s.d_model);
      matrix(p + "attn_k.weight", MatrixRole::kOther, i, kv_dim, s.d_model);
      matrix(p + "attn_v.weight", MatrixRole::kAttentionV, i, kv_dim, s.d_model);
    }
    if (s.architecture == "qwen2") {
      bias(p + "attn_q.bias", q_dim);
      bias(p + "attn_k.bias", kv_dim);
      bias(p + "attn_v.bias", kv_dim);
    }
    matrix(p + "attn_output.weight", MatrixRole::kOther, i, s.d_model, q_dim);
    phi2_bias(p + "attn_output.bias", s.d_model);
    if (!phi2) {
      norm(p + "ffn_norm");
      matrix(p + "ffn_gate.weight", MatrixRole::kOther, i, s.ffn_dim, s.d_model);
    }
    matrix(p + "ffn_up.weight", MatrixRole::kOther, i, s.ffn_dim, s.d_model);
    phi2_bias(p + "ffn_up.bias", s.ffn_dim);
    matrix(p + "ffn_down.weight", MatrixRole::kFfnDown, i, s.d_model, s.ffn_dim);
    phi2_bias(p + "ffn_down.bias", s.d_model);
  }
  norm("output_norm");
  if (!s.tied_head) matrix("output.weight", MatrixRole::kHead, 0, s.vocab_size, s.d_model);
  phi2_bias("output.bias", s.vocab_size);
  return tensors;
}

/// Three specials, the 256 bytes, then words over a to z by length, with and without a leading
/// space (U+2581): any text can be encoded, and every score is different.
Status add_vocabulary(GgufWriter& writer, uint64_t size) {
  enum : int64_t { kNormal = 1, kUnknown = 2, kControl = 3, kByte = 6 };
  std::vector<std::string> tokens{"<unk>", "<s>", "</s>"};
  std::vector<int64_t> types{kUnknown, kControl, kControl};
  for (int byte = 0; byte < 256; ++byte) {
    tokens.push_back(fmt::format("<0x{:02X}>", byte));
    types.push_back(kByte);
  }
  tokens.emplace_back("\u2581");
  for (uint64_t n = 0; tokens.size() < size; ++n) {
    std::string word;  // n in the bijective base 26
    for (uint64_t rest = n + 1; rest > 0; rest = (rest - 1) / 26) {
      word.insert(word.begin(), static_cast<char>('a' + (rest - 1) % 26));
    }
    tokens.push_back(word);
    tokens.push_back("\u2581" + word);
  }
  tokens.resize(size);
  types.resize(size, kNormal);
  std::vector<double> scores(size, 0.0);
  for (size_t i = 259; i < size; ++i) scores[i] = -static_cast<double>(i - 259);
  WHET_TRY_STATUS(writer.add_string("tokenizer.ggml.model", "llama"));
  WHET_TRY_STATUS(writer.add_array("tokenizer.ggml.tokens", std::move(tokens)));
  WHET_TRY_STATUS(writer.add_array("tokenizer.ggml.scores", std::move(scores)));
  WHET_TRY_STATUS(writer.add_array("tokenizer.ggml.token_type", std::move(types)));
  WHET_TRY_STATUS(writer.add_uint("tokenizer.ggml.unknown_token_id", 0));
  WHET_TRY_STATUS(writer.add_uint("tokenizer.ggml.bos_token_id", 1));
  return writer.add_uint("tokenizer.ggml.eos_token_id", 2);
}

Status add_metadata(GgufWriter& writer, const ModelShape& s, const TypeMixture& mixture,
                    uint64_t seed) {
  WHET_TRY_STATUS(writer.add_string("general.architecture", s.architecture));
  WHET_TRY_STATUS(writer.add_string("general.name", "synthetic " + s.name));
  WHET_TRY_STATUS(writer.add_string(
      "general.description",
      fmt::format("Random weights for benchmarks, seed {}: speed and memory of the real model, "
                  "text without meaning.",
                  seed)));
  WHET_TRY_STATUS(writer.add_uint("general.file_type", mixture.file_type));
  const std::string p = s.architecture + ".";
  WHET_TRY_STATUS(writer.add_uint(p + "block_count", s.n_layers));
  WHET_TRY_STATUS(writer.add_uint(p + "context_length", s.context_length));
  WHET_TRY_STATUS(writer.add_uint(p + "embedding_length", s.d_model));
  WHET_TRY_STATUS(writer.add_uint(p + "feed_forward_length", s.ffn_dim));
  WHET_TRY_STATUS(writer.add_uint(p + "attention.head_count", s.n_heads));
  WHET_TRY_STATUS(writer.add_uint(p + "attention.head_count_kv", s.n_kv_heads));
  WHET_TRY_STATUS(writer.add_uint(p + "attention.key_length", s.head_dim));
  WHET_TRY_STATUS(writer.add_uint(p + "attention.value_length", s.head_dim));
  const bool rms = s.architecture != "phi2";
  WHET_TRY_STATUS(writer.add_float(
      p + (rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon"), s.norm_eps));
  WHET_TRY_STATUS(
      writer.add_uint(p + "rope.dimension_count", s.rope_dim == 0 ? s.head_dim : s.rope_dim));
  WHET_TRY_STATUS(writer.add_float(p + "rope.freq_base", s.rope_theta));
  WHET_TRY_STATUS(writer.add_uint(p + "vocab_size", s.vocab_size));
  return add_vocabulary(writer, s.vocab_size);
}

void fill(const Tensor& tensor, const CounterRng& rng, uint64_t first_block,
          std::span<std::byte> bytes) {
  if (!tensor.is_norm) return fill_random_weights(tensor.type, rng, first_block, bytes);
  const float one = 1.0f;
  for (size_t i = 0; i < bytes.size(); i += sizeof(one)) {
    std::memcpy(bytes.data() + i, &one, sizeof(one));
  }
}

}  // namespace

Status write_synthetic_model(const std::string& path, const ModelShape& shape,
                             const TypeMixture& mixture, uint64_t seed,
                             const std::function<void(uint64_t done, uint64_t total)>& on_bytes,
                             const CancelFlag* cancel) {
  WHET_TRY_STATUS(validate(shape));
  const std::vector<Tensor> tensors = tensors_of(shape, mixture);
  WHET_TRY(GgufWriter writer, GgufWriter::create(path));
  WHET_TRY_STATUS(add_metadata(writer, shape, mixture, seed));
  uint64_t total = 0, done = 0;
  for (const Tensor& tensor : tensors) {
    WHET_TRY_STATUS(writer.add_tensor_info(tensor.name, tensor.type, tensor.shape));
    total += tensor.n_bytes();
  }
  WHET_TRY_STATUS(writer.write_header());
  std::vector<std::byte> piece;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const uint64_t block = dtype_info(tensors[i].type).block_bytes;
    const uint64_t piece_bytes = kPieceBytes / block * block, n_bytes = tensors[i].n_bytes();
    for (uint64_t at = 0; at < n_bytes; at += piece.size()) {
      if (cancel != nullptr && cancel->cancelled()) {
        return Error(ErrorCode::kCancelled, "cancelled");
      }
      piece.resize(std::min(piece_bytes, n_bytes - at));
      fill(tensors[i], CounterRng(seed, i), at / block, piece);
      WHET_TRY_STATUS(writer.write_tensor_data(piece));
      done += piece.size();
      on_bytes(done, total);
    }
  }
  return writer.finish();
}

}  // namespace whet
