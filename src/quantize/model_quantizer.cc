#include "quantize/model_quantizer.h"

#include <fmt/format.h>

#include <atomic>
#include <cmath>

#include "formats/gguf_writer.h"
#include "kernels/interleave.h"
#include "kernels/kernels.h"
#include "load/architecture.h"
#include "load/model_config_reader.h"
#include "quantize/block_encoder.h"
#include "quantize/model_description.h"

namespace whet {
namespace {

constexpr size_t kPieceBytes = size_t{8} << 20;  // of F32 weights held at a time

/// A matrix of the model under its GGUF name.
struct Source {
  std::string name;
  MatrixRole role;
  uint64_t layer;
  Matrix matrix;             // of experts: their shapes as one, without data
  int64_t paired_heads = 0;  // rows of each head change places (see row_in_file); 0 = none
  std::span<const Matrix> experts = {};

  /// Row `row` as floats.
  void dequantize(int64_t row, float* out) const {
    if (experts.empty()) return kernels::dequantize_row(matrix, row, out);
    const Matrix& expert = experts[static_cast<size_t>(row / experts.front().rows)];
    kernels::dequantize_row(expert, row % expert.rows, out);
  }
  std::vector<uint64_t> shape() const {
    const auto columns = static_cast<uint64_t>(matrix.columns);
    if (experts.empty()) return {static_cast<uint64_t>(matrix.rows), columns};
    return {experts.size(), static_cast<uint64_t>(experts.front().rows), columns};
  }
};

/// The source's row that becomes `row`: of a head of K rows, K/2 + i goes behind i.
int64_t row_in_file(const Source& source, int64_t row) {
  if (source.paired_heads == 0) return row;
  const int64_t head_dim = source.matrix.rows / source.paired_heads;
  const int64_t in_head = row % head_dim;
  return row - in_head + in_head / 2 + (in_head % 2) * (head_dim / 2);
}

/// Norms, biases and routers stay F32.
struct Vector {
  std::string name;
  std::vector<float> values;
  std::vector<uint64_t> shape;
};

MatrixRole role_of(Slot slot) {
  switch (slot) {
    case Slot::kEmbedding:
      return MatrixRole::kEmbedding;
    case Slot::kHead:
      return MatrixRole::kHead;
    case Slot::kV:
    case Slot::kQkv:
      return MatrixRole::kAttentionV;
    case Slot::kDown:
    case Slot::kExpertDown:
      return MatrixRole::kFfnDown;
    default:
      return MatrixRole::kOther;
  }
}

/// Everything that goes into the file, under GGUF's names.
class Contents {
 public:
  explicit Contents(const LoadedModel& model)
      : file_(model.file),
        config_(model.model.config),
        architecture_(architecture_of(config_)),
        source_(architecture_.dialect(model.file.container)) {
    const Weights& w = model.model.weights;
    matrices.push_back({name(Slot::kEmbedding, 0), role_of(Slot::kEmbedding), 0, w.embedding});
    for (size_t i = 0; i < w.layers.size(); ++i) add_layer(i, w.layers[i]);
    add(Slot::kOutputNorm, 0, w.output_norm);
    if (w.head.matrix.data != w.embedding.data) {
      add(Slot::kHead, 0, w.head);
    }
    add_rope_factors();
  }

  std::vector<Source> matrices;
  std::vector<Vector> vectors;

 private:
  std::string name(Slot slot, size_t layer) const {
    return tensor_name(pattern_of(architecture_.gguf.names, slot, config_.layers[layer]),
                       static_cast<int64_t>(layer));
  }

  void add_vector(std::string name, std::vector<float> values) {
    if (values.empty()) return;
    const uint64_t n = values.size();
    vectors.push_back({std::move(name), std::move(values), {n}});
  }

  void add(Slot slot, size_t layer, const NormWeights& w) {
    if (w.gain.empty()) return;
    add_vector(name(slot, layer), w.gain);
    if (config_.norm.bias) add_vector(bias_name(name(slot, layer)), w.bias);
  }

  void add(Slot slot, size_t layer, const std::vector<float>& values) {
    add_vector(name(slot, layer), values);
  }

  void add(Slot slot, size_t layer, const ExpertWeights& w) {
    if (w.matrices.empty()) return;
    Matrix all = w.matrices.front();
    const auto n_experts = w.matrices.size();
    all.rows *= static_cast<int64_t>(n_experts);
    all.data = nullptr;
    matrices.push_back({name(slot, layer), role_of(slot), layer, all, 0, w.matrices});
    if (w.bias.empty()) return;
    vectors.push_back(
        {bias_name(name(slot, layer)), w.bias, {n_experts, w.bias.size() / n_experts}});
  }

  void add(Slot slot, size_t layer, const LinearWeights& w) {
    if (w.matrix.rows == 0) return;
    if (slot == Slot::kRouter || slot == Slot::kSharedGate) {
      std::vector<float> values(static_cast<size_t>(w.matrix.rows * w.matrix.columns));
      for (int64_t row = 0; row < w.matrix.rows; ++row) {
        kernels::dequantize_row(w.matrix, row, values.data() + row * w.matrix.columns);
      }
      vectors.push_back(
          {name(slot, layer),
           std::move(values),
           {static_cast<uint64_t>(w.matrix.rows), static_cast<uint64_t>(w.matrix.columns)}});
      add_vector(bias_name(name(slot, layer)), w.bias);
      return;
    }
    const int64_t heads = paired_heads(slot, layer);
    const Source source{name(slot, layer), role_of(slot), layer, w.matrix, heads};
    matrices.push_back(source);
    if (w.bias.empty()) return;
    std::vector<float> bias(w.bias.size());
    for (size_t i = 0; i < bias.size(); ++i) {
      bias[i] = w.bias[static_cast<size_t>(row_in_file(source, static_cast<int64_t>(i)))];
    }
    add_vector(bias_name(source.name), std::move(bias));
  }

  /// Parts that are views of one tensor of the source stay one.
  bool add_fused(Slot fused, size_t layer, std::initializer_list<const LinearWeights*> parts) {
    if (source_.names[fused].empty() || architecture_.gguf.names[fused].empty()) return false;
    const std::string in_source = tensor_name(source_.names[fused], static_cast<int64_t>(layer));
    if (file_.find_tensor(in_source) == nullptr) return false;
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

  /// Heads whose rows GGUF has in neighbouring pairs and the source in halves.
  int64_t paired_heads(Slot slot, size_t layer) const {
    if (source_.pairing == architecture_.gguf.pairing) return 0;
    const AttentionBlockForm& a = config_.layers[layer].attention;
    return slot == Slot::kQ ? a.n_heads : slot == Slot::kK ? a.n_kv_heads : 0;
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
};

Status check_input(const std::vector<Source>& sources, const QuantizeOptions& options) {
  for (const Source& source : sources) {
    if (is_float(source.matrix.type) || options.allow_requantize) continue;
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("tensor {}: expected F32, F16 or BF16, found {}; quantise from the "
                             "original, or pass --allow-requantize and lose precision twice",
                             source.name, dtype_info(source.matrix.type).name));
  }
  return ok_status();
}

struct Loss {
  double error = 0, power = 0;
};

/// One tensor on its way: some rows at a time, shared out over the team.
class TensorEncoder {
 public:
  TensorEncoder(const Source& source, DType to)
      : source_(source),
        to_(to),
        columns_(static_cast<size_t>(source.matrix.columns)),
        row_bytes_(row_bytes(dtype_info(to), columns_)) {}

  int64_t rows_per_piece() const {
    return std::max<int64_t>(1, static_cast<int64_t>(kPieceBytes / (columns_ * sizeof(float))));
  }

  Result<std::span<const std::byte>> encode(int64_t begin, int64_t end, ThreadPool& pool) {
    const auto n = static_cast<size_t>(end - begin);
    bytes_.resize(n * row_bytes_);
    losses_.assign(n, {});
    std::atomic<int64_t> bad_row{-1};
    pool.for_each(end - begin, [&](int64_t i) {
      if (!encode_one(row_in_file(source_, begin + i), static_cast<size_t>(i))) {
        bad_row.store(begin + i, std::memory_order_relaxed);
      }
    });
    if (const int64_t row = bad_row.load(); row >= 0) {
      return Error(ErrorCode::kInvalidModel,
                   fmt::format("tensor {}: expected finite weights, found a NaN or an infinity in "
                               "row {}",
                               source_.name, row));
    }
    for (const Loss& loss : losses_) {  // in the order of the rows: the same sum for any team
      total_.error += loss.error;
      total_.power += loss.power;
    }
    return std::span<const std::byte>(bytes_);
  }

  double relative_error() const {
    return total_.power > 0 ? std::sqrt(total_.error / total_.power) : 0;
  }

 private:
  bool encode_one(int64_t row, size_t place) {
    thread_local std::vector<float> weights, back;
    weights.resize(columns_);
    back.resize(columns_);
    source_.dequantize(row, weights.data());
    float checked = 0;
    for (float w : weights) checked += w * 0.0f;  // NaN unless all are finite
    if (checked != 0.0f || std::isnan(checked)) return false;
    std::byte* out = bytes_.data() + place * row_bytes_;
    encode_row(to_, weights.data(), columns_, out);
    kernels::dequantize_row(to_, out, back.data(), columns_);
    Loss& loss = losses_[place];
    for (size_t i = 0; i < columns_; ++i) {
      const double w = weights[i], miss = w - back[i];
      loss.error += miss * miss;
      loss.power += w * w;
    }
    return true;
  }

  const Source& source_;
  const DType to_;
  const size_t columns_;
  const uint64_t row_bytes_;
  std::vector<std::byte> bytes_;
  std::vector<Loss> losses_;
  Loss total_;
};

Status write_metadata(GgufWriter& writer, const LoadedModel& model, const TypeMixture& mixture) {
  WHET_TRY(Metadata metadata, describe_as_gguf(model));
  metadata["general.file_type"] = {uint64_t{mixture.file_type}};
  metadata["general.quantization_version"] = {uint64_t{2}};
  for (const auto& [key, value] : metadata) WHET_TRY_STATUS(writer.add_meta(key, value));
  return ok_status();
}

}  // namespace

Result<std::vector<QuantizedTensor>> quantize_model(
    const LoadedModel& model, const TypeMixture& mixture, const std::string& path,
    const QuantizeOptions& options, ThreadPool& pool,
    const std::function<void(uint64_t done, uint64_t total)>& on_weights,
    const CancelFlag* cancel) {
  const Contents contents(model);
  const std::vector<Source>& sources = contents.matrices;
  WHET_TRY_STATUS(check_input(sources, options));
  WHET_TRY(GgufWriter writer, GgufWriter::create(path));
  WHET_TRY_STATUS(write_metadata(writer, model, mixture));
  const bool tied = sources.back().role != MatrixRole::kHead;
  std::vector<QuantizedTensor> report;
  uint64_t total = 0, done = 0;
  for (const Source& source : sources) {
    const Matrix& m = source.matrix;
    const DType to = mixture.type_of(source.role, source.layer, model.model.weights.layers.size(),
                                     static_cast<uint64_t>(m.columns), tied);
    const std::vector<uint64_t> shape = source.shape();
    const auto rows = static_cast<uint64_t>(m.rows), columns = static_cast<uint64_t>(m.columns);
    WHET_TRY_STATUS(writer.add_tensor_info(source.name, to, shape));
    report.push_back(
        {source.name, m.type, to, shape, rows * row_bytes(dtype_info(to), columns), 0});
    total += rows * columns;
  }
  const std::vector<Vector>& plain = contents.vectors;
  for (const Vector& vector : plain) {
    WHET_TRY_STATUS(writer.add_tensor_info(vector.name, DType::F32, vector.shape));
    report.push_back({vector.name, DType::F32, DType::F32, vector.shape,
                      sizeof(float) * vector.values.size(), 0});
  }
  WHET_TRY_STATUS(writer.write_header());
  for (size_t i = 0; i < sources.size(); ++i) {
    const Matrix& m = sources[i].matrix;
    TensorEncoder encoder(sources[i], report[i].to);
    for (int64_t row = 0; row < m.rows; row += encoder.rows_per_piece()) {
      if (cancel != nullptr && cancel->cancelled()) {
        return Error(ErrorCode::kCancelled, "cancelled");
      }
      const int64_t end = std::min(row + encoder.rows_per_piece(), m.rows);
      WHET_TRY(const auto bytes, encoder.encode(row, end, pool));
      WHET_TRY_STATUS(writer.write_tensor_data(bytes));
      done += static_cast<uint64_t>(end - row) * static_cast<uint64_t>(m.columns);
      on_weights(done, total);
    }
    report[i].relative_error = encoder.relative_error();
  }
  for (const Vector& vector : plain) {
    WHET_TRY_STATUS(writer.write_tensor_data(std::as_bytes(std::span(vector.values))));
  }
  WHET_TRY_STATUS(writer.finish());
  return report;
}

}  // namespace whet
