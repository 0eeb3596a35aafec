#include "synth/synthetic_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/rng.h"
#include "formats/gguf_writer.h"
#include "load/architecture.h"
#include "load/model_config_reader.h"
#include "model/slot.h"
#include "synth/random_weights.h"

namespace whet {
namespace {

constexpr uint64_t kPieceBytes = uint64_t{4} << 20;

struct Tensor {
  std::string name;
  DType type;
  std::vector<uint64_t> shape;
  bool is_gain = false;  // of a norm: all ones

  uint64_t n_weights() const {
    uint64_t n = 1;
    for (const uint64_t d : shape) n *= d;
    return n;
  }
  uint64_t n_bytes() const { return row_bytes(dtype_info(type), n_weights()); }
};

/// The tensors that a configuration asks for, under GGUF's names.
class TensorList {
 public:
  TensorList(const ModelShape& shape, const ModelConfig& config, const TypeMixture& mixture)
      : shape_(shape),
        config_(config),
        mixture_(mixture),
        names_(architecture_of(config).gguf.names) {}

  std::vector<Tensor> all() {
    add(Slot::kEmbedding, 0, shape_of(Slot::kEmbedding, config_));
    // Fused where the architecture's files have it so: phi2's as published.
    const bool fused = names_[Slot::kQ].empty() || config_.architecture == "phi2";
    for (size_t i = 0; i < config_.layers.size(); ++i) {
      LayerWeights none;
      for_each_slot(none, [&](Slot slot, const auto&) {
        const bool is_part = slot == Slot::kQ || slot == Slot::kK || slot == Slot::kV;
        if (fused && slot == Slot::kQ) slot = Slot::kQkv;
        if (pattern_of(names_, slot, config_.layers[i]).empty() ||
            (fused && is_part && slot != Slot::kQkv))
          return;
        add(slot, i, shape_of(slot, config_, config_.layers[i]));
      });
    }
    add(Slot::kOutputNorm, 0, shape_of(Slot::kOutputNorm, config_));
    if (!shape_.tied_head) add(Slot::kHead, 0, shape_of(Slot::kHead, config_));
    return std::move(tensors_);
  }

 private:
  void add(Slot slot, size_t layer, const SlotShape& shape) {
    if (shape.rows == 0) return;
    const std::string name =
        tensor_name(pattern_of(names_, slot, config_.layers[layer]), static_cast<int64_t>(layer));
    const auto rows = static_cast<uint64_t>(shape.rows);
    if (shape.columns == 0) {
      tensors_.push_back({name, DType::F32, {rows}, true});
    } else {
      const auto columns = static_cast<uint64_t>(shape.columns);
      const DType type =
          mixture_.type_of(role_of(slot), layer, config_.layers.size(), columns, shape_.tied_head);
      const bool is_router = slot == Slot::kRouter || slot == Slot::kSharedGate;
      std::vector<uint64_t> dimensions{rows, columns};
      if (shape.n_experts > 0) {
        dimensions.insert(dimensions.begin(), static_cast<uint64_t>(shape.n_experts));
      }
      tensors_.push_back({name, is_router ? DType::F32 : type, dimensions});
    }
    if (!shape.bias) return;
    std::vector<uint64_t> dimensions{rows};
    if (shape.n_experts > 0) {
      dimensions.insert(dimensions.begin(), static_cast<uint64_t>(shape.n_experts));
    }
    tensors_.push_back({bias_name(name), DType::F32, dimensions});
  }

  const ModelShape& shape_;
  const ModelConfig& config_;
  const TypeMixture& mixture_;
  const TensorNames& names_;
  std::vector<Tensor> tensors_;
};

/// The keys that say what the model is, and what a loader reads from them.
Metadata keys_of(const ModelShape& s) {
  Metadata m;
  const std::string p = s.architecture + ".";
  m["general.architecture"] = {s.architecture};
  m[p + "block_count"] = {s.n_layers};
  m[p + "context_length"] = {s.context_length};
  m[p + "embedding_length"] = {s.d_model};
  m[p + "feed_forward_length"] = {s.ffn_dim};
  m[p + "attention.head_count"] = {s.n_heads};
  m[p + "attention.head_count_kv"] = {s.n_kv_heads};
  m[p + "attention.key_length"] = {s.head_dim};
  m[p + "attention.value_length"] = {s.head_dim};
  const bool rms = s.architecture != "phi2";
  m[p + (rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon")] = {s.norm_eps};
  m[p + "rope.dimension_count"] = {s.rope_dim == 0 ? s.head_dim : s.rope_dim};
  m[p + "rope.freq_base"] = {s.rope_theta};
  m[p + "vocab_size"] = {s.vocab_size};
  return m;
}

Result<ModelConfig> config_of(const ModelShape& shape, const Metadata& keys) {
  ModelFile file{};
  file.container = ModelFile::Container::kGguf;
  file.metadata = keys;
  file.tensors.push_back(
      {"token_embd.weight", DType::F32, {shape.vocab_size, shape.d_model}, {}, 0, 0});
  return read_model_config(file);
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

Status add_metadata(GgufWriter& writer, const ModelShape& s, const Metadata& keys,
                    const TypeMixture& mixture, uint64_t seed) {
  for (const auto& [key, value] : keys) WHET_TRY_STATUS(writer.add_meta(key, value));
  WHET_TRY_STATUS(writer.add_string("general.name", "synthetic " + s.name));
  WHET_TRY_STATUS(writer.add_string(
      "general.description",
      fmt::format("Random weights for benchmarks, seed {}: speed and memory of the real model, "
                  "text without meaning.",
                  seed)));
  WHET_TRY_STATUS(writer.add_uint("general.file_type", mixture.file_type));
  return add_vocabulary(writer, s.vocab_size);
}

void fill(const Tensor& tensor, const CounterRng& rng, uint64_t first_block,
          std::span<std::byte> bytes) {
  if (!tensor.is_gain) return fill_random_weights(tensor.type, rng, first_block, bytes);
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
  const Metadata keys = keys_of(shape);
  WHET_TRY(const ModelConfig config, config_of(shape, keys));
  const std::vector<Tensor> tensors = TensorList(shape, config, mixture).all();
  WHET_TRY(GgufWriter writer, GgufWriter::create(path));
  WHET_TRY_STATUS(add_metadata(writer, shape, keys, mixture, seed));
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
