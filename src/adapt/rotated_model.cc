#include "adapt/rotated_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "adapt/rotatable.h"
#include "base/check.h"
#include "base/checked_math.h"
#include "load/architecture.h"
#include "load/sparsity_reader.h"
#include "ops/projection.h"
#include "quantize/model_description.h"

namespace whet::adapt {
namespace {

// Columns that are turned together when a matrix is rotated on the side of its output.
constexpr int64_t kColumnsPerPiece = 512;
constexpr int64_t kRowsPerTask = 16;

Matrix as_matrix(const PrincipalAxes& axes) {
  return {DType::F32, reinterpret_cast<const std::byte*>(axes.axes.data()), axes.width, axes.width};
}

/// axes times each of the vectors that follow one another in `values`.
std::vector<float> rotated(const PrincipalAxes& axes, std::span<const float> values) {
  const auto n = static_cast<size_t>(axes.width);
  std::vector<float> out(values.size());
  for (size_t first = 0; first < values.size(); first += n) {
    for (size_t j = 0; j < n; ++j) {
      double sum = 0;
      for (size_t i = 0; i < n; ++i) {
        sum += static_cast<double>(axes.axes[j * n + i]) * values[first + i];
      }
      out[first + j] = static_cast<float>(sum);
    }
  }
  return out;
}

class Rotator : public RowTransform {
 public:
  Rotator(const LoadedModel& model, const Rotations& rotations)
      : config_(model.model.config), weights_(model.model.weights), rotations_(rotations) {
    for (size_t i = 0; i < weights_.layers.size(); ++i) {
      const LayerWeights& w = weights_.layers[i];
      for (const LinearWeights* input : {&w.q, &w.k}) {
        parts_[input->matrix.data] = {Part::kInput, i, &w.attention_norm.gain};
      }
      parts_[w.v.matrix.data] = {Part::kValues, i, &w.attention_norm.gain};
      parts_[w.attention_output.matrix.data] = {Part::kAttentionOutput, i, nullptr};
      for (const LinearWeights* input : {&w.gate, &w.up}) {
        parts_[input->matrix.data] = {Part::kInput, i, &w.ffn_norm.gain};
      }
      parts_[w.down.matrix.data] = {Part::kFfnOutput, i, nullptr};
      heads_before_.push_back(n_heads_);
      n_heads_ += static_cast<size_t>(config_.layers[i].attention.n_kv_heads);
    }
  }

  Status read(const ContentMatrix& matrix, int64_t begin, int64_t end, float* rows,
              ThreadPool& pool) override {
    Role role;
    if (matrix.role == MatrixRole::kEmbedding) {
      role = {Part::kInput, 0, nullptr};
    } else if (matrix.role == MatrixRole::kHead) {
      role = {Part::kInput, 0, &weights_.output_norm.gain};
    } else {
      const auto found = parts_.find(matrix.matrix.data);
      if (found == parts_.end()) {
        return Error(ErrorCode::kInvalidModel,
                     fmt::format("tensor {}: expected a matrix of attention or FFN on its own, "
                                 "found one that joins several",
                                 matrix.name));
      }
      role = found->second;
    }
    if (role.part == Part::kInput) {
      read_input(matrix, role.gain, begin, end, rows, pool);
      return ok_status();
    }
    if (begin == 0) make_whole(matrix, role, pool);
    const int64_t columns = matrix.matrix.columns;
    std::copy_n(whole_.data() + begin * columns, (end - begin) * columns, rows);
    return ok_status();
  }

 private:
  enum class Part { kInput, kValues, kAttentionOutput, kFfnOutput };
  struct Role {
    Part part;
    size_t layer;
    const std::vector<float>* gain;  // of the norm before it; nullptr: none
  };

  /// Rows [begin, end) with the gain before them, in the basis of the residual stream.
  void read_input(const ContentMatrix& matrix, const std::vector<float>* gain, int64_t begin,
                  int64_t end, float* out, ThreadPool& pool) {
    const int64_t columns = matrix.matrix.columns, n = end - begin;
    float* rows = input_.reserve(static_cast<size_t>(n * columns));
    pool.for_each(ceil_div(n, kRowsPerTask), [&](int64_t task) {
      for (int64_t i = task * kRowsPerTask; i < std::min((task + 1) * kRowsPerTask, n); ++i) {
        float* row = rows + i * columns;
        matrix.dequantize(begin + i, row);
        if (gain == nullptr) continue;
        for (int64_t c = 0; c < columns; ++c) row[c] *= (*gain)[static_cast<size_t>(c)];
      }
    });
    multiply(rotations_.residual, rows, n, out, pool);
  }

  void make_whole(const ContentMatrix& matrix, const Role& role, ThreadPool& pool) {
    const int64_t rows = matrix.matrix.rows, columns = matrix.matrix.columns;
    whole_.resize(static_cast<size_t>(rows * columns));
    const AttentionBlockForm& form = config_.layers[role.layer].attention;
    if (role.part == Part::kValues) {
      read_input(matrix, role.gain, 0, rows, whole_.data(), pool);
      for (int64_t h = 0; h < form.n_kv_heads; ++h) {
        rotate_rows(head_axes(role.layer, h), whole_.data() + h * form.head_dim * columns, columns,
                    pool);
      }
      return;
    }
    pool.for_each(ceil_div(rows, kRowsPerTask), [&](int64_t task) {
      for (int64_t i = task * kRowsPerTask; i < std::min((task + 1) * kRowsPerTask, rows); ++i) {
        matrix.dequantize(i, whole_.data() + i * columns);
      }
    });
    if (role.part == Part::kAttentionOutput) {
      const int64_t shared_by = form.n_heads / form.n_kv_heads;
      for (int64_t h = 0; h < form.n_heads; ++h) {
        rotate_columns(head_axes(role.layer, h / shared_by), h * form.head_dim, rows, columns,
                       pool);
      }
    }
    rotate_rows(rotations_.residual, whole_.data(), columns, pool);
  }

  const PrincipalAxes& head_axes(size_t layer, int64_t head) const {
    return rotations_.heads[heads_before_[layer] + static_cast<size_t>(head)];
  }

  /// out [n, width] = x A^T
  void multiply(const PrincipalAxes& axes, const float* x, int64_t n, float* out,
                ThreadPool& pool) {
    const Matrix matrix = as_matrix(axes);
    const Projection projection{&matrix, out};
    project(x, n, {&projection, 1}, scratch_, pool);
  }

  /// m [width, columns] = A m
  void rotate_rows(const PrincipalAxes& axes, float* m, int64_t columns, ThreadPool& pool) {
    const int64_t width = axes.width;
    for (int64_t begin = 0; begin < columns; begin += kColumnsPerPiece) {
      const int64_t n = std::min(kColumnsPerPiece, columns - begin);
      float* turned = turned_.reserve(static_cast<size_t>(n * width));
      float* out = product_.reserve(static_cast<size_t>(n * width));
      for (int64_t i = 0; i < width; ++i) {
        for (int64_t c = 0; c < n; ++c) turned[c * width + i] = m[i * columns + begin + c];
      }
      multiply(axes, turned, n, out, pool);
      for (int64_t i = 0; i < width; ++i) {
        for (int64_t c = 0; c < n; ++c) m[i * columns + begin + c] = out[c * width + i];
      }
    }
  }

  /// Of whole_ [rows, columns], the columns of one head: m = m A^T.
  void rotate_columns(const PrincipalAxes& axes, int64_t first, int64_t rows, int64_t columns,
                      ThreadPool& pool) {
    const int64_t width = axes.width;
    float* part = turned_.reserve(static_cast<size_t>(rows * width));
    float* out = product_.reserve(static_cast<size_t>(rows * width));
    for (int64_t i = 0; i < rows; ++i) {
      std::copy_n(whole_.data() + i * columns + first, width, part + i * width);
    }
    multiply(axes, part, rows, out, pool);
    for (int64_t i = 0; i < rows; ++i) {
      std::copy_n(out + i * width, width, whole_.data() + i * columns + first);
    }
  }

  const ModelConfig& config_;
  const Weights& weights_;
  const Rotations& rotations_;
  std::unordered_map<const std::byte*, Role> parts_;
  std::vector<size_t> heads_before_;
  size_t n_heads_ = 0;
  std::vector<float> whole_;
  AlignedBuffer<float> input_, turned_, product_;
  ProjectionScratch scratch_;
};

/// Of a copy of the model: gains that stand in the weights now are ones, biases are rotated.
void fold_vectors(const Rotations& rotations, const ModelConfig& config, Weights& weights) {
  size_t head = 0;
  for (size_t i = 0; i < weights.layers.size(); ++i) {
    LayerWeights& w = weights.layers[i];
    std::fill(w.attention_norm.gain.begin(), w.attention_norm.gain.end(), 1.0f);
    std::fill(w.ffn_norm.gain.begin(), w.ffn_norm.gain.end(), 1.0f);
    w.attention_output.bias = rotated(rotations.residual, w.attention_output.bias);
    w.down.bias = rotated(rotations.residual, w.down.bias);
    const AttentionBlockForm& form = config.layers[i].attention;
    const auto width = static_cast<size_t>(form.head_dim);
    for (int64_t h = 0; h < form.n_kv_heads; ++h, ++head) {
      if (w.v.bias.empty()) continue;
      const std::span<float> part =
          std::span(w.v.bias).subspan(static_cast<size_t>(h) * width, width);
      std::ranges::copy(rotated(rotations.heads[head], part), part.begin());
    }
  }
  std::fill(weights.output_norm.gain.begin(), weights.output_norm.gain.end(), 1.0f);
}

}  // namespace

Result<std::vector<QuantizedTensor>> write_rotated_model(
    const LoadedModel& model, const Rotations& rotations, const RotatedModelRequest& request,
    const std::string& path, ThreadPool& pool,
    const std::function<void(uint64_t done, uint64_t total)>& on_weights,
    const CancelFlag* cancel) {
  WHET_TRY_STATUS(check_rotatable(model.model.config));
  WHET_CHECK(rotations.residual.width == model.model.config.d_model);
  LoadedModel folded = model;
  fold_vectors(rotations, folded.model.config, folded.model.weights);
  ModelToWrite made{.contents = contents_of(folded, ModelFile::Container::kGguf),
                    .metadata = {},
                    .n_layers = folded.model.weights.layers.size()};
  if (made.contents.matrices.back().role != MatrixRole::kHead) {
    const Dialect& dialect = architecture_of(model.model.config).gguf;
    made.contents.matrices.push_back({tensor_name(dialect.names[Slot::kHead], 0), MatrixRole::kHead,
                                      0, model.model.weights.embedding});
  }
  WHET_TRY(made.metadata, describe_as_gguf(model));
  forget_magnitudes(made.metadata);  // they were of the other basis
  describe_sparsity(request.plan, made.metadata);
  Rotator rotator(model, rotations);
  made.transform = &rotator;
  return write_quantized(made, request.mixture, path,
                         {.allow_requantize = request.allow_requantize}, pool, on_weights, cancel);
}

Status write_with_magnitudes(const LoadedModel& model, const std::vector<LayerMagnitudes>& layers,
                             const std::string& path, ThreadPool& pool, const CancelFlag* cancel) {
  ModelToWrite made{.contents = contents_of(model, ModelFile::Container::kGguf),
                    .metadata = {},
                    .n_layers = model.model.weights.layers.size()};
  WHET_TRY(made.metadata, describe_as_gguf(model));
  describe_magnitudes(layers, made.metadata);
  WHET_TRY_STATUS(write_quantized(
      made, std::nullopt, path, {}, pool, [](uint64_t, uint64_t) {}, cancel));
  return ok_status();
}

Status write_with_plan(const LoadedModel& rotated, const SparsityPlan& plan,
                       const std::string& path, ThreadPool& pool, const CancelFlag* cancel) {
  ModelToWrite made{.contents = contents_of(rotated, ModelFile::Container::kGguf),
                    .metadata = {},
                    .n_layers = rotated.model.weights.layers.size()};
  WHET_TRY(made.metadata, describe_as_gguf(rotated));
  describe_sparsity(plan, made.metadata);
  WHET_TRY_STATUS(write_quantized(
      made, std::nullopt, path, {}, pool, [](uint64_t, uint64_t) {}, cancel));
  return ok_status();
}

}  // namespace whet::adapt
