#include "load/weight_binder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <unordered_map>

#include "base/invalid_model.h"
#include "kernels/interleave.h"
#include "kernels/kernels.h"
#include "load/architecture.h"
#include "load/missing_tensors.h"
#include "load/weight_layout.h"
#include "model/slot.h"
#include "sys/file_bytes.h"

namespace whet {
namespace {

/// Derived tables: the configuration determines them, or its reader has read them.
bool is_derived(const TensorEntry& tensor) {
  const std::string_view name = tensor.name;
  if (name == "rope_freqs.weight" || name == "rope_factors_short.weight" ||
      name == "rope_factors_long.weight") {
    return true;
  }
  // Masks have the names of biases, but not their shape.
  return is_old_table(name) && (tensor.shape.size() != 1 || !name.ends_with(".bias"));
}

/// Finds tensors by name, checks type and shape, and remembers which were asked for.
class Catalogue {
 public:
  explicit Catalogue(const ModelFile& file) : file_(file) {
    for (const TensorEntry& tensor : file.tensors) by_name_.emplace(tensor.name, &tensor);
  }

  bool has(const std::string& name) const { return by_name_.contains(name); }

  /// What the file holds in `layout`, if it holds it otherwise than as rows: its tensor, to be made
  /// into rows; nullptr: it holds rows.
  Result<const TensorEntry*> to_be_made(const std::string& name, WeightLayout layout,
                                        const RowsShape& shape, bool stacked) {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) return nullptr;  // whoever asks for the rows will name it
    layout = layout_in_file(layout, found->second->type);
    if (layout == WeightLayout::kRows) return nullptr;
    return find(name, shape_in_file(layout, shape, stacked));
  }

  Result<Matrix> matrix(const std::string& name, int64_t rows, int64_t columns) {
    WHET_TRY(const TensorEntry* tensor,
             find(name, {static_cast<uint64_t>(rows), static_cast<uint64_t>(columns)}));
    return Matrix{tensor->type, tensor->bytes.data(), rows, columns};
  }

  Result<std::vector<float>> vector(const std::string& name, int64_t n) {
    WHET_TRY(const TensorEntry* tensor, find(name, {static_cast<uint64_t>(n)}));
    std::vector<float> values(static_cast<size_t>(n));
    kernels::dequantize_row(tensor->type, tensor->bytes.data(), values.data(), values.size());
    return values;
  }

  /// A vector, in whatever shape the file keeps its n elements.
  Result<std::vector<float>> elements(const std::string& name, int64_t n) {
    const auto found = by_name_.find(name);
    std::vector<uint64_t> shape{static_cast<uint64_t>(n)};
    if (found != by_name_.end()) {
      uint64_t count = 1;
      for (const uint64_t dim : found->second->shape) {
        if (count > static_cast<uint64_t>(n)) break;
        count *= dim;
      }
      if (count == static_cast<uint64_t>(n)) shape = found->second->shape;
    }
    return floats(name, shape, n);
  }

  /// The taps of a convolution, stored as [channels, width] or [channels, 1, width], as
  /// [width][channels].
  Result<std::vector<float>> taps(const std::string& name, int64_t channels, int64_t width) {
    WHET_TRY(const std::vector<float> stored, elements(name, channels * width));
    std::vector<float> values(stored.size());
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t i = 0; i < width; ++i) {
        values[static_cast<size_t>(i * channels + c)] = stored[static_cast<size_t>(c * width + i)];
      }
    }
    return values;
  }

  /// One matrix for each expert, from one tensor [n, rows, columns].
  Result<std::vector<Matrix>> stack(const std::string& name, int64_t n, int64_t rows,
                                    int64_t columns) {
    WHET_TRY(const TensorEntry* tensor,
             find(name, {static_cast<uint64_t>(n), static_cast<uint64_t>(rows),
                         static_cast<uint64_t>(columns)}));
    const Matrix all{tensor->type, tensor->bytes.data(), n * rows, columns};
    std::vector<Matrix> matrices;
    for (int64_t i = 0; i < n; ++i) {
      matrices.push_back({tensor->type, all.row(i * rows), rows, columns});
    }
    return matrices;
  }

  /// [n, columns] as one vector.
  Result<std::vector<float>> rows(const std::string& name, int64_t n, int64_t columns) {
    WHET_TRY(const TensorEntry* tensor,
             find(name, {static_cast<uint64_t>(n), static_cast<uint64_t>(columns)}));
    std::vector<float> values(static_cast<size_t>(n * columns));
    kernels::dequantize_row(tensor->type, tensor->bytes.data(), values.data(), values.size());
    return values;
  }

  Status check_all_used(std::string_view architecture,
                        const std::vector<std::string>& unused) const {
    for (const TensorEntry& tensor : file_.tensors) {
      const bool belongs_elsewhere =
          std::any_of(unused.begin(), unused.end(),
                      [&](const std::string& prefix) { return tensor.name.starts_with(prefix); });
      if (!used_.contains(tensor.name) && !is_derived(tensor) && !belongs_elsewhere) {
        return invalid_model(
            fmt::format("tensor {}: the {} architecture as whet runs it has no such weight",
                        tensor.name, architecture));
      }
    }
    return ok_status();
  }

 private:
  Result<std::vector<float>> floats(const std::string& name, const std::vector<uint64_t>& shape,
                                    int64_t n) {
    WHET_TRY(const TensorEntry* tensor, find(name, shape));
    std::vector<float> values(static_cast<size_t>(n));
    kernels::dequantize_row(tensor->type, tensor->bytes.data(), values.data(), values.size());
    return values;
  }

  Result<const TensorEntry*> find(const std::string& name, const std::vector<uint64_t>& shape) {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) {
      return invalid_model(fmt::format("tensor {}: expected {}, found none", name, shape));
    }
    const TensorEntry* tensor = found->second;
    if (tensor->shape != shape) {
      return invalid_model(
          fmt::format("tensor {}: expected shape {}, found {}", name, shape, tensor->shape));
    }
    const uint64_t block = dtype_info(tensor->type).block_elements;
    if (!kernels::weight_type_supported(tensor->type) || shape.back() % block != 0) {
      return invalid_model(fmt::format("tensor {}: no kernel for type {} with rows of {} weights",
                                       name, dtype_info(tensor->type).name, shape.back()));
    }
    used_.insert(tensor->name);
    return tensor;
  }

  const ModelFile& file_;
  std::unordered_map<std::string_view, const TensorEntry*> by_name_;
  std::set<std::string, std::less<>> used_;
};

/// The next rows of a fused tensor. Moves `first` behind them.
LinearWeights rows_of(const LinearWeights& w, int64_t& first, int64_t n) {
  LinearWeights part{{w.matrix.type, w.matrix.row(first), n, w.matrix.columns}, {}};
  if (!w.bias.empty()) part.bias.assign(w.bias.begin() + first, w.bias.begin() + first + n);
  first += n;
  return part;
}

/// One row of n elements becomes column c of a matrix of `columns`.
template <typename Element>
void transpose_row(const std::byte* row, int64_t n, int64_t c, int64_t columns, std::byte* matrix) {
  for (int64_t i = 0; i < n; ++i) {
    std::memcpy(matrix + static_cast<size_t>(i * columns + c) * sizeof(Element),
                row + static_cast<size_t>(i) * sizeof(Element), sizeof(Element));
  }
}

/// Binds the parts of one model.
class ModelBinder {
 public:
  ModelBinder(const ModelFile& file, const ModelConfig& config)
      : file_(file),
        catalogue_(file),
        c_(config),
        dialect_(architecture_of(config).dialect(file.container)) {}

  Result<Weights> all() {
    Weights w;
    const SlotShape embedding = shape_of(Slot::kEmbedding, c_);
    WHET_TRY(w.embedding,
             catalogue_.matrix(name(Slot::kEmbedding, 0), embedding.rows, embedding.columns));
    if (c_.n_positions > 0) {
      WHET_TRY(w.positions,
               catalogue_.matrix(name(Slot::kPositions, 0), c_.n_positions, c_.d_model));
    }
    WHET_TRY_STATUS(
        bind(Slot::kEmbeddingNorm, 0, shape_of(Slot::kEmbeddingNorm, c_), w.embedding_norm));
    for (int64_t i = 0; i < c_.n_layers(); ++i) {
      WHET_TRY(LayerWeights bound, layer(i));
      w.layers.push_back(std::move(bound));
    }
    w.made = std::move(made_);
    WHET_TRY_STATUS(bind(Slot::kOutputNorm, 0, shape_of(Slot::kOutputNorm, c_), w.output_norm));
    if (c_.layer_input_dim > 0) WHET_TRY_STATUS(bind_layer_inputs(w));
    // A head with a bias is a matrix of its own: never the embedding.
    if (c_.head_bias || catalogue_.has(name(Slot::kHead, 0))) {
      WHET_TRY_STATUS(bind(Slot::kHead, 0, shape_of(Slot::kHead, c_), w.head));
    } else {
      WHET_TRY(const bool untied, says_untied(file_));
      if (untied) {
        return invalid_model(fmt::format(
            "expected a tensor {}, since config.json says \"tie_word_embeddings\": false, found "
            "none; is the download complete?",
            name(Slot::kHead, 0)));
      }
      w.head.matrix = w.embedding;
    }
    std::vector<std::string> unused(dialect_.unused.begin(), dialect_.unused.end());
    const std::string_view pattern = dialect_.names[Slot::kAttentionNorm];
    const std::string_view of_layer = pattern.substr(0, pattern.find('}') + 2);  // "blk.{}."
    for (int64_t i = 0; i < c_.n_unused_layers; ++i) {
      unused.push_back(rooted(tensor_name(of_layer, c_.n_layers() + i)));
    }
    WHET_TRY_STATUS(catalogue_.check_all_used(c_.architecture, unused));
    return w;
  }

 private:
  std::string name(Slot slot, int64_t layer) const {
    const std::string_view pattern =
        pattern_of(dialect_.names, slot, c_.layers[static_cast<size_t>(layer)]);
    return rooted(tensor_name(pattern, layer));
  }

  std::string rooted(std::string name) const {
    constexpr std::string_view kRoot = "model.";
    if (std::string bare(name_without_head(name)); bare != name && catalogue_.has(bare))
      return bare;
    if (dialect_.root.empty() || !name.starts_with(kRoot)) return name;
    return std::string(dialect_.root) + name.substr(kRoot.size());
  }

  Status bind_layer_inputs(Weights& w) {
    const SlotShape embedding = shape_of(Slot::kLayerEmbedding, c_);
    WHET_TRY(w.layer_embedding,
             catalogue_.matrix(name(Slot::kLayerEmbedding, 0), embedding.rows, embedding.columns));
    WHET_TRY_STATUS(
        bind(Slot::kLayerProjection, 0, shape_of(Slot::kLayerProjection, c_), w.layer_projection));
    return bind(Slot::kLayerProjectionNorm, 0, shape_of(Slot::kLayerProjectionNorm, c_),
                w.layer_projection_norm);
  }

  Status bind(Slot slot, int64_t layer, const SlotShape& shape, LinearWeights& w) {
    if (shape.rows == 0) return ok_status();
    const std::string weight = name(slot, layer);
    const WeightLayout layout = dialect_.layout_of(slot);
    WHET_TRY(const RowsShape rows, rows_shape(slot, layer, shape));
    WHET_TRY(const TensorEntry* stored, catalogue_.to_be_made(weight, layout, rows, false));
    if (stored == nullptr) {
      WHET_TRY(w.matrix, catalogue_.matrix(weight, shape.rows, shape.columns));
    } else {
      WHET_TRY(std::vector<Matrix> made, make(*stored, layout, rows));
      w.matrix = made[0];
    }
    if (shape.bias) {
      WHET_TRY(const std::vector<float> bias, catalogue_.vector(bias_name(weight), shape.rows));
      w.bias = biases_of_rows(bias, layout, rows);
    }
    return ok_status();
  }

  /// Errors: heads that share keys, which no file mixes head by head.
  Result<RowsShape> rows_shape(Slot slot, int64_t layer, const SlotShape& shape) const {
    const AttentionBlockForm& a = c_.layers[static_cast<size_t>(layer)].attention;
    if (dialect_.layout_of(slot) == WeightLayout::kHeadByHead && a.n_kv_heads != a.n_heads) {
      return invalid_model("tensor {}: expected as many heads of keys as of queries, {}, found {}",
                           name(slot, layer), a.n_heads, a.n_kv_heads);
    }
    return RowsShape{std::max<int64_t>(shape.n_experts, 1), shape.rows, shape.columns, a.head_dim};
  }

  /// Matrices of rows in memory of their own.
  Result<std::vector<Matrix>> make(const TensorEntry& stored, WeightLayout layout,
                                   const RowsShape& shape) {
    WHET_TRY(const std::shared_ptr<FileBytes> rows, make_rows(stored, layout, shape));
    made_.push_back(rows);
    const Matrix all{stored.type, rows->bytes().data(), shape.n * shape.rows, shape.columns};
    std::vector<Matrix> matrices;
    for (int64_t i = 0; i < shape.n; ++i) {
      matrices.push_back({stored.type, all.row(i * shape.rows), shape.rows, shape.columns});
    }
    return matrices;
  }

  Status bind(Slot slot, int64_t layer, const SlotShape& shape, std::vector<float>& values) {
    if (shape.rows == 0) return ok_status();
    if (slot == Slot::kConvolution) {
      WHET_TRY(values, catalogue_.taps(name(slot, layer), shape.rows, shape.columns));
      return ok_status();
    }
    WHET_TRY(values, catalogue_.elements(name(slot, layer), shape.rows));
    if (slot == Slot::kDecay && dialect_.logarithmic_decay) {
      for (float& value : values) value = -std::exp(value);
    }
    return ok_status();
  }

  Status bind(Slot slot, int64_t layer, const SlotShape& shape, ExpertWeights& w) {
    if (shape.rows == 0) return ok_status();
    const std::string_view pattern = dialect_.names[slot];
    const std::string stacked = rooted(tensor_name(stacked_pattern(pattern), layer));
    if (has_tensor_per_expert(pattern) && catalogue_.has(stacked)) {
      WHET_TRY(w.matrices, catalogue_.stack(stacked, shape.n_experts, shape.rows, shape.columns));
      return ok_status();
    }
    if (has_tensor_per_expert(pattern)) {
      for (int64_t e = 0; e < shape.n_experts; ++e) {
        WHET_TRY(const Matrix one, catalogue_.matrix(rooted(tensor_name(pattern, layer, e)),
                                                     shape.rows, shape.columns));
        w.matrices.push_back(one);
      }
      return ok_status();
    }
    const std::string weight = name(slot, layer);
    const WeightLayout layout = dialect_.layout_of(slot);
    WHET_TRY(const RowsShape rows, rows_shape(slot, layer, shape));
    WHET_TRY(const TensorEntry* stored, catalogue_.to_be_made(weight, layout, rows, true));
    if (stored == nullptr) {
      WHET_TRY(w.matrices, catalogue_.stack(weight, shape.n_experts, shape.rows, shape.columns));
    } else {
      WHET_TRY(w.matrices, make(*stored, layout, rows));
    }
    if (shape.bias) {
      WHET_TRY(const std::vector<float> biases,
               catalogue_.rows(bias_name(weight), shape.n_experts, shape.rows));
      w.bias = biases_of_rows(biases, layout, rows);
    }
    return ok_status();
  }

  /// Gate and up of each expert in one tensor, where the file has that tensor.
  Result<bool> bind_fused_experts(int64_t i, LayerWeights& w) {
    const LayerForm& form = c_.layers[static_cast<size_t>(i)];
    const Slot fused = Slot::kExpertGateUp;
    if (dialect_.names[fused].empty() || !catalogue_.has(name(fused, i))) return false;
    ExpertWeights whole;
    WHET_TRY_STATUS(bind(fused, i, shape_of(fused, c_, form), whole));
    const int64_t f = form.experts.expert.dim;
    for (const Matrix& m : whole.matrices) {
      w.expert_gate.matrices.push_back({m.type, m.row(0), f, m.columns});
      w.expert_up.matrices.push_back({m.type, m.row(f), f, m.columns});
    }
    for (auto bias = whole.bias.begin(); bias != whole.bias.end(); bias += 2 * f) {
      w.expert_gate.bias.insert(w.expert_gate.bias.end(), bias, bias + f);
      w.expert_up.bias.insert(w.expert_up.bias.end(), bias + f, bias + 2 * f);
    }
    return true;
  }

  Status bind(Slot slot, int64_t layer, const SlotShape& shape, NormWeights& w) {
    if (shape.rows == 0) return ok_status();
    const std::string weight = name(slot, layer);
    WHET_TRY(w.gain, catalogue_.vector(weight, shape.rows));
    for (float& gain : w.gain) gain += dialect_.norm_gain_offset;
    if (shape.bias) {
      WHET_TRY(w.bias, catalogue_.vector(bias_name(weight), shape.rows));
    } else if (c_.norm.kind == NormKind::kLayer) {
      w.bias.assign(w.gain.size(), 0.0f);
    }
    return ok_status();
  }

  /// The parts that lie in one tensor `fused`, where the file has that tensor.
  Result<bool> bind_fused(Slot fused, int64_t i, std::initializer_list<LinearWeights*> parts,
                          std::initializer_list<Slot> slots) {
    const LayerForm& form = c_.layers[static_cast<size_t>(i)];
    if (dialect_.names[fused].empty() || !catalogue_.has(name(fused, i))) return false;
    LinearWeights whole;
    WHET_TRY_STATUS(bind(fused, i, shape_of(fused, c_, form), whole));
    int64_t first = 0;
    auto slot = slots.begin();
    for (LinearWeights* part : parts) {
      *part = rows_of(whole, first, shape_of(*slot++, c_, form).rows);
    }
    return true;
  }

  /// What makes keys and values of latents in one matrix, where the file has that: of each head C
  /// rows for the key, which are transposed, then those for the value.
  Result<bool> bind_fused_latents(int64_t i, LayerWeights& w) {
    const LayerForm& form = c_.layers[static_cast<size_t>(i)];
    const Slot fused = Slot::kLatentUp;
    if (dialect_.names[fused].empty() || !catalogue_.has(name(fused, i))) return false;
    const LatentAttentionForm& a = form.latent;
    LinearWeights whole;
    WHET_TRY_STATUS(bind(fused, i, shape_of(fused, c_, form), whole));
    const Matrix& m = whole.matrix;
    const bool plain = m.type == DType::F16 || m.type == DType::BF16;
    const DType type = plain ? m.type : DType::F32;
    const uint64_t key_bytes = static_cast<uint64_t>(a.rank) *
                               row_bytes(dtype_info(type), static_cast<uint64_t>(a.content_dim));
    WHET_TRY(const std::shared_ptr<FileBytes> made,
             FileBytes::allocate(static_cast<uint64_t>(a.n_heads) * key_bytes, name(fused, i)));
    std::vector<float> row(static_cast<size_t>(a.rank));
    for (int64_t h = 0; h < a.n_heads; ++h) {
      std::byte* keys = made->writable_bytes().data() + static_cast<uint64_t>(h) * key_bytes;
      const int64_t first = h * (a.content_dim + a.value_dim);
      for (int64_t c = 0; c < a.content_dim; ++c) {
        if (plain) {
          transpose_row<uint16_t>(m.row(first + c), a.rank, c, a.content_dim, keys);
        } else {
          kernels::dequantize_row(m, first + c, row.data());
          transpose_row<float>(reinterpret_cast<const std::byte*>(row.data()), a.rank, c,
                               a.content_dim, keys);
        }
      }
      w.key_up.matrices.push_back({type, keys, a.rank, a.content_dim});
      w.value_up.matrices.push_back({m.type, m.row(first + a.content_dim), a.value_dim, a.rank});
    }
    made_.push_back(made);
    return true;
  }

  Result<LayerWeights> layer(int64_t i) {
    const LayerForm& form = c_.layers[static_cast<size_t>(i)];
    LayerWeights w;
    WHET_TRY(const bool fused_latents, bind_fused_latents(i, w));
    WHET_TRY(const bool fused_qkv,
             bind_fused(Slot::kQkv, i, {&w.q, &w.k, &w.v}, {Slot::kQ, Slot::kK, Slot::kV}));
    WHET_TRY(const bool fused_gate_up,
             bind_fused(Slot::kGateUp, i, {&w.gate, &w.up}, {Slot::kGate, Slot::kUp}));
    WHET_TRY(const bool fused_experts, bind_fused_experts(i, w));
    Status status = ok_status();
    for_each_slot(w, [&](Slot slot, auto& weights) {
      const bool is_bound = fused_qkv && (slot == Slot::kQ || slot == Slot::kK || slot == Slot::kV);
      const bool is_ffn_bound = fused_gate_up && (slot == Slot::kGate || slot == Slot::kUp);
      const bool is_expert_bound =
          fused_experts && (slot == Slot::kExpertGate || slot == Slot::kExpertUp);
      const bool is_latent_bound =
          fused_latents && (slot == Slot::kKeyUp || slot == Slot::kValueUp);
      const bool done = is_bound || is_ffn_bound || is_expert_bound || is_latent_bound;
      if (done || !status.ok()) return;
      status = bind(slot, i, shape_of(slot, c_, form), weights);
    });
    if (!status.ok()) return status.error();
    return w;
  }

  const ModelFile& file_;
  Catalogue catalogue_;
  std::vector<std::shared_ptr<FileBytes>> made_;
  const ModelConfig& c_;
  const Dialect& dialect_;
};

}  // namespace

Result<Weights> bind_weights(const ModelFile& file, const ModelConfig& config) {
  return ModelBinder(file, config).all();
}

}  // namespace whet
