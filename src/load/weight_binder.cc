#include "load/weight_binder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <set>

#include "kernels/kernels.h"
#include "load/architecture.h"

namespace whet {
namespace {

Error invalid(std::string message) {
  return Error(ErrorCode::kInvalidModel, std::move(message));
}

/// Derived tables that old exporters stored; the config determines them.
bool is_derived(std::string_view name) {
  return name == "rope_freqs.weight" || name.ends_with(".rotary_emb.inv_freq");
}

/// Finds tensors by name, checks type and shape, and remembers which were asked for.
class Binder {
 public:
  explicit Binder(const ModelFile& file) : file_(file) {}

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

  Status check_all_used(std::string_view architecture) const {
    for (const TensorEntry& tensor : file_.tensors) {
      if (!used_.contains(tensor.name) && !is_derived(tensor.name)) {
        return invalid(
            fmt::format("tensor {}: the {} architecture as whet runs it has no such weight",
                        tensor.name, architecture));
      }
    }
    return ok_status();
  }

 private:
  Result<const TensorEntry*> find(const std::string& name, const std::vector<uint64_t>& shape) {
    const TensorEntry* tensor = file_.find_tensor(name);
    if (tensor == nullptr)
      return invalid(fmt::format("tensor {}: expected {}, found none", name, shape));
    if (tensor->shape != shape) {
      return invalid(
          fmt::format("tensor {}: expected shape {}, found {}", name, shape, tensor->shape));
    }
    const uint64_t block = dtype_info(tensor->type).block_elements;
    if (!kernels::weight_type_supported(tensor->type) || shape.back() % block != 0) {
      return invalid(fmt::format("tensor {}: no kernel for type {} with rows of {} weights", name,
                                 dtype_info(tensor->type).name, shape.back()));
    }
    used_.insert(tensor->name);
    return tensor;
  }

  const ModelFile& file_;
  std::set<std::string, std::less<>> used_;
};

std::string of_layer(const char* pattern, int64_t layer) {
  return fmt::format(fmt::runtime(pattern), layer);
}

Matrix rows_of(const Matrix& m, int64_t first, int64_t n) {
  return {m.type, m.row(first), n, m.columns};
}

/// Binds the parts of one model; every method names tensors by their stem.
class ModelBinder {
 public:
  ModelBinder(const ModelFile& file, const ModelConfig& config)
      : binder_(file),
        file_(file),
        c_(config),
        names_(architecture_of(config).names(file.container)) {}

  Result<Weights> all() {
    Weights w;
    WHET_TRY(w.embedding, matrix(names_.embedding, c_.vocab_size, c_.d_model));
    for (int64_t i = 0; i < c_.n_layers; ++i) {
      WHET_TRY(LayerWeights bound, layer(i));
      w.layers.push_back(std::move(bound));
    }
    WHET_TRY(w.output_norm, norm(names_.output_norm));
    // A head with a bias is a matrix of its own: never the embedding.
    if (c_.form.other_biases || file_.find_tensor(weight_of(names_.head)) != nullptr) {
      WHET_TRY(w.head, matrix(names_.head, c_.vocab_size, c_.d_model));
    } else {
      w.head = w.embedding;
    }
    WHET_TRY(w.head_bias, other_bias(names_.head, c_.vocab_size));
    WHET_TRY_STATUS(binder_.check_all_used(c_.architecture));
    return w;
  }

 private:
  static std::string weight_of(const std::string& stem) { return stem + ".weight"; }
  static std::string bias_of(const std::string& stem) { return stem + ".bias"; }

  Result<Matrix> matrix(const std::string& stem, int64_t rows, int64_t columns) {
    return binder_.matrix(weight_of(stem), rows, columns);
  }
  Result<std::vector<float>> other_bias(const std::string& stem, int64_t n) {
    if (!c_.form.other_biases) return std::vector<float>();
    return binder_.vector(bias_of(stem), n);
  }
  Result<NormWeights> norm(const std::string& stem) {
    NormWeights w;
    WHET_TRY(w.gain, binder_.vector(weight_of(stem), c_.d_model));
    if (c_.form.norm == DecoderForm::Norm::kLayer) {
      WHET_TRY(w.bias, binder_.vector(bias_of(stem), c_.d_model));
    }
    return w;
  }

  Status bind_qkv(int64_t i, LayerWeights& w) {
    const auto name = [&](const char* pattern) { return of_layer(pattern, i); };
    const std::string fused = names_.qkv == nullptr ? "" : name(names_.qkv);
    const auto has_fused = [&](const std::string& full) {
      return names_.qkv != nullptr && file_.find_tensor(full) != nullptr;
    };
    const int64_t q_dim = c_.n_heads * c_.head_dim, kv_dim = c_.n_kv_heads * c_.head_dim;
    if (has_fused(weight_of(fused))) {
      WHET_TRY(const Matrix qkv, matrix(fused, q_dim + 2 * kv_dim, c_.d_model));
      w.q = rows_of(qkv, 0, q_dim);
      w.k = rows_of(qkv, q_dim, kv_dim);
      w.v = rows_of(qkv, q_dim + kv_dim, kv_dim);
    } else {
      WHET_TRY(w.q, matrix(name(names_.q), q_dim, c_.d_model));
      WHET_TRY(w.k, matrix(name(names_.k), kv_dim, c_.d_model));
      WHET_TRY(w.v, matrix(name(names_.v), kv_dim, c_.d_model));
    }
    if (!c_.form.qkv_bias) return ok_status();
    if (has_fused(bias_of(fused))) {
      WHET_TRY(const std::vector<float> qkv, binder_.vector(bias_of(fused), q_dim + 2 * kv_dim));
      w.q_bias.assign(qkv.begin(), qkv.begin() + q_dim);
      w.k_bias.assign(qkv.begin() + q_dim, qkv.end() - kv_dim);
      w.v_bias.assign(qkv.end() - kv_dim, qkv.end());
    } else {
      WHET_TRY(w.q_bias, binder_.vector(bias_of(name(names_.q)), q_dim));
      WHET_TRY(w.k_bias, binder_.vector(bias_of(name(names_.k)), kv_dim));
      WHET_TRY(w.v_bias, binder_.vector(bias_of(name(names_.v)), kv_dim));
    }
    return ok_status();
  }

  Result<LayerWeights> layer(int64_t i) {
    const auto name = [&](const char* pattern) { return of_layer(pattern, i); };
    const int64_t q_dim = c_.n_heads * c_.head_dim;
    LayerWeights w{};
    WHET_TRY(w.attention_norm, norm(name(names_.attention_norm)));
    WHET_TRY_STATUS(bind_qkv(i, w));
    WHET_TRY(w.attention_output, matrix(name(names_.attention_output), c_.d_model, q_dim));
    WHET_TRY(w.attention_output_bias, other_bias(name(names_.attention_output), c_.d_model));
    if (!c_.form.parallel) {
      WHET_TRY(w.ffn_norm, norm(name(names_.ffn_norm)));
    }
    if (c_.form.ffn == DecoderForm::Ffn::kSwiGlu) {
      WHET_TRY(w.gate, matrix(name(names_.gate), c_.ffn_dim, c_.d_model));
    }
    WHET_TRY(w.up, matrix(name(names_.up), c_.ffn_dim, c_.d_model));
    WHET_TRY(w.up_bias, other_bias(name(names_.up), c_.ffn_dim));
    WHET_TRY(w.down, matrix(name(names_.down), c_.d_model, c_.ffn_dim));
    WHET_TRY(w.down_bias, other_bias(name(names_.down), c_.d_model));
    return w;
  }

  Binder binder_;
  const ModelFile& file_;
  const ModelConfig& c_;
  const NameMap& names_;
};

}  // namespace

Result<Weights> bind_weights(const ModelFile& file, const ModelConfig& config) {
  return ModelBinder(file, config).all();
}

}  // namespace whet
