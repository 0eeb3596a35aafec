#include "quantize/model_contents.h"

#include <cmath>

#include "base/check.h"
#include "kernels/interleave.h"
#include "kernels/kernels.h"
#include "load/model_config_reader.h"

namespace whet {

int64_t ContentMatrix::row_in_model(int64_t row) const {
  if (order == RowOrder::kSame) return row;
  const int64_t head_dim = matrix.rows / n_heads, half = head_dim / 2;
  const int64_t in_head = row % head_dim, first = row - in_head;
  if (order == RowOrder::kPairUp) return first + in_head / 2 + (in_head % 2) * half;
  return first + 2 * (in_head % half) + in_head / half;
}

void ContentMatrix::dequantize(int64_t row, float* out) const {
  if (experts.empty()) return kernels::dequantize_row(matrix, row_in_model(row), out);
  const Matrix& expert = experts[static_cast<size_t>(row / experts.front().rows)];
  kernels::dequantize_row(expert, row % expert.rows, out);
}

std::span<const std::byte> ContentMatrix::blocks(int64_t row) const {
  const bool whole = experts.empty();
  const Matrix& m = whole ? matrix : experts[static_cast<size_t>(row / experts.front().rows)];
  WHET_CHECK(m.interleave <= 1);
  const int64_t in_matrix = whole ? row_in_model(row) : row % m.rows;
  const uint64_t size = row_bytes(dtype_info(m.type), static_cast<uint64_t>(m.columns));
  return {m.data + static_cast<uint64_t>(in_matrix) * size, size};
}

std::vector<uint64_t> ContentMatrix::shape() const {
  const auto columns = static_cast<uint64_t>(matrix.columns);
  if (experts.empty()) return {static_cast<uint64_t>(matrix.rows), columns};
  return {experts.size(), static_cast<uint64_t>(experts.front().rows), columns};
}

namespace {

class ContentsCollector {
 public:
  ContentsCollector(const LoadedModel& model, ModelFile::Container target)
      : file_(model.file),
        config_(model.model.config),
        architecture_(architecture_of(config_)),
        source_(architecture_.dialect(model.file.container)),
        target_(architecture_.dialect(target)) {
    const Weights& w = model.model.weights;
    contents.matrices.push_back(
        {name(Slot::kEmbedding, 0), role_of(Slot::kEmbedding), 0, w.embedding});
    if (config_.n_positions > 0) add_rows(Slot::kPositions, 0, w.positions);
    add(Slot::kEmbeddingNorm, 0, w.embedding_norm);
    if (config_.layer_input_dim > 0) {
      contents.matrices.push_back(
          {name(Slot::kLayerEmbedding, 0), role_of(Slot::kLayerEmbedding), 0, w.layer_embedding});
      add(Slot::kLayerProjection, 0, w.layer_projection);
      add(Slot::kLayerProjectionNorm, 0, w.layer_projection_norm);
    }
    for (size_t i = 0; i < w.layers.size(); ++i) add_layer(i, w.layers[i]);
    add(Slot::kOutputNorm, 0, w.output_norm);
    if (w.head.matrix.data != w.embedding.data) {
      add(Slot::kHead, 0, w.head);
    }
    if (target == ModelFile::Container::kGguf) add_rope_factors();
  }

  ModelContents contents;

 private:
  std::string name(Slot slot, size_t layer) const {
    return tensor_name(pattern_of(target_.names, slot, config_.layers[layer]),
                       static_cast<int64_t>(layer));
  }

  void add_vector(std::string name, std::vector<float> values) {
    if (values.empty()) return;
    const uint64_t n = values.size();
    contents.vectors.push_back({std::move(name), std::move(values), {n}});
  }

  void add(Slot slot, size_t layer, const NormWeights& w) {
    if (w.gain.empty()) return;
    std::vector<float> gain = w.gain;
    for (float& g : gain) g -= target_.norm_gain_offset;
    add_vector(name(slot, layer), std::move(gain));
    if (config_.norm.bias) add_vector(bias_name(name(slot, layer)), w.bias);
  }

  void add(Slot slot, size_t layer, const std::vector<float>& values) {
    if (slot == Slot::kConvolution) return add_taps(layer, values);
    if (slot != Slot::kDecay || !target_.logarithmic_decay) {
      return add_vector(name(slot, layer), values);
    }
    std::vector<float> logarithms;
    for (const float decay : values) logarithms.push_back(std::log(-decay));
    add_vector(name(slot, layer), std::move(logarithms));
  }

  /// Files hold the taps of a channel beside each other, the model those of a time.
  void add_taps(size_t layer, const std::vector<float>& values) {
    const RecurrentForm& form = config_.layers[layer].recurrent;
    const auto channels = static_cast<size_t>(form.channels),
               width = static_cast<size_t>(form.width);
    if (values.empty()) return;
    std::vector<float> taps(values.size());
    for (size_t i = 0; i < width; ++i) {
      for (size_t c = 0; c < channels; ++c) taps[c * width + i] = values[i * channels + c];
    }
    contents.vectors.push_back(
        {name(Slot::kConvolution, layer), std::move(taps), {channels, width}});
  }

  /// A matrix that stays floats.
  void add_rows(Slot slot, size_t layer, const Matrix& matrix) {
    std::vector<float> values(static_cast<size_t>(matrix.rows * matrix.columns));
    for (int64_t row = 0; row < matrix.rows; ++row) {
      kernels::dequantize_row(matrix, row, values.data() + row * matrix.columns);
    }
    contents.vectors.push_back(
        {name(slot, layer),
         std::move(values),
         {static_cast<uint64_t>(matrix.rows), static_cast<uint64_t>(matrix.columns)}});
  }

  void add(Slot slot, size_t layer, const ExpertWeights& w) {
    if (w.matrices.empty()) return;
    Matrix all = w.matrices.front();
    const auto n_experts = w.matrices.size();
    all.rows *= static_cast<int64_t>(n_experts);
    all.data = nullptr;
    contents.matrices.push_back(
        {name(slot, layer), role_of(slot), layer, all, RowOrder::kSame, 0, w.matrices});
    if (w.bias.empty()) return;
    contents.vectors.push_back(
        {bias_name(name(slot, layer)), w.bias, {n_experts, w.bias.size() / n_experts}});
  }

  void add(Slot slot, size_t layer, const LinearWeights& w) {
    if (w.matrix.rows == 0) return;
    if (slot == Slot::kRouter || slot == Slot::kSharedGate) {
      add_rows(slot, layer, w.matrix);
      add_vector(bias_name(name(slot, layer)), w.bias);
      return;
    }
    ContentMatrix matrix{name(slot, layer), role_of(slot), layer, w.matrix};
    set_order(slot, matrix);
    contents.matrices.push_back(matrix);
    if (w.bias.empty()) return;
    std::vector<float> bias(w.bias.size());
    for (size_t i = 0; i < bias.size(); ++i) {
      bias[i] = w.bias[static_cast<size_t>(matrix.row_in_model(static_cast<int64_t>(i)))];
    }
    add_vector(bias_name(matrix.name), std::move(bias));
  }

  /// Parts that are views of one tensor of the source stay one.
  bool add_fused(Slot fused, size_t layer, std::initializer_list<const LinearWeights*> parts) {
    if (source_.names[fused].empty() || target_.names[fused].empty()) return false;
    const std::string in_source = tensor_name(source_.names[fused], static_cast<int64_t>(layer));
    if (file_.find_tensor(in_source) == nullptr &&
        file_.find_tensor(name_without_head(in_source)) == nullptr) {
      return false;
    }
    LinearWeights whole = **parts.begin();
    for (const LinearWeights* part : std::span(parts.begin(), parts.size()).subspan(1)) {
      whole.matrix.rows += part->matrix.rows;
      whole.bias.insert(whole.bias.end(), part->bias.begin(), part->bias.end());
    }
    add(fused, layer, whole);
    return true;
  }

  void add_layer(size_t i, const LayerWeights& w) {
    const bool qkv = add_fused(Slot::kQkv, i, {&w.q, &w.k, &w.v});
    const bool gate_up = add_fused(Slot::kGateUp, i, {&w.gate, &w.up});
    for_each_slot(w, [&](Slot slot, const auto& weights) {
      if (qkv && (slot == Slot::kQ || slot == Slot::kK || slot == Slot::kV)) return;
      if (gate_up && (slot == Slot::kGate || slot == Slot::kUp)) return;
      add(slot, i, weights);
    });
  }

  /// Queries and keys of dialects that pair other elements of a head.
  void set_order(Slot slot, ContentMatrix& matrix) const {
    if (source_.pairing == target_.pairing) return;
    const AttentionBlockForm& a = config_.layers[matrix.layer].attention;
    matrix.n_heads = slot == Slot::kQ ? a.n_heads : slot == Slot::kK ? a.n_kv_heads : 0;
    if (matrix.n_heads == 0) return;
    matrix.order = target_.pairing == kernels::RopePairing::kInterleaved ? RowOrder::kPairUp
                                                                         : RowOrder::kHalve;
  }

  /// A GGUF file may have its factors in its keys, which are copied, and so does what
  /// describe_config() says of linear scaling and YaRN: twice would be wrong.
  void add_rope_factors() {
    const auto copy = [&](const char* tensor, const std::vector<float>& factors) {
      if (file_.find_tensor(tensor) != nullptr) add_vector(tensor, factors);
    };
    if (config_.ropes.empty()) return;
    const RopeForm& rope = config_.ropes.front();
    if (file_.container == ModelFile::Container::kGguf) {
      copy("rope_freqs.weight", rope.factors);
      copy("rope_factors_short.weight", rope.factors);
      copy("rope_factors_long.weight", rope.long_factors);
    } else if (!rope.long_factors.empty()) {
      add_vector("rope_factors_short.weight", rope.factors);
      add_vector("rope_factors_long.weight", rope.long_factors);
    } else if (!rope.factors.empty() && !factors_are_in_keys()) {
      add_vector("rope_freqs.weight", rope.factors);
    }
  }

  bool factors_are_in_keys() const {
    const auto said = describe_config(file_);
    return said.ok() && said->contains(config_.architecture + ".rope.scaling.type");
  }

  const ModelFile& file_;
  const ModelConfig& config_;
  const Architecture& architecture_;
  const Dialect& source_;
  const Dialect& target_;
};

}  // namespace

ModelContents contents_of(const LoadedModel& model, ModelFile::Container target) {
  return std::move(ContentsCollector(model, target).contents);
}

}  // namespace whet
