#include "quantize/model_quantizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "formats/gguf_writer.h"
#include "formats/untrusted_text.h"
#include "kernels/kernels.h"
#include "quantize/block_encoder.h"
#include "quantize/model_contents.h"
#include "quantize/model_description.h"

namespace whet {
namespace {

constexpr size_t kPieceBytes = size_t{8} << 20;  // of F32 weights held at a time

/// One matrix of the file.
Status check_input(const ContentMatrix& source, DType to, bool kept,
                   const QuantizeOptions& options) {
  const DType from = source.matrix.type;
  if (kept && find_dtype(static_cast<uint32_t>(to)) == nullptr) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("tensor {}: expected a type that GGUF has, found eight bits with a "
                             "minimum (MLX's affine codes of 6 and 8 bits); whet quantize INPUT "
                             "OUTPUT q8_0 --allow-requantize rounds them",
                             source.name));
  }
  if (from == to || is_float(from) || options.allow_requantize) return ok_status();
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("tensor {}: expected F32, F16 or BF16, found {}; quantise from the "
                           "original, or pass --allow-requantize and lose precision twice",
                           source.name, dtype_info(from).name));
}

struct Loss {
  double error = 0, power = 0;
};

/// One tensor on its way: some rows at a time, shared out over the team.
class TensorEncoder {
 public:
  /// `importance`: [matrices][columns], or empty.
  TensorEncoder(const ContentMatrix& source, DType to, std::vector<float> importance,
                RowTransform* transform)
      : source_(source),
        importance_(std::move(importance)),
        to_(to),
        transform_(transform),
        columns_(static_cast<size_t>(source.matrix.columns)),
        row_bytes_(row_bytes(dtype_info(to), columns_)) {}

  int64_t rows_per_piece() const {
    return std::max<int64_t>(1, static_cast<int64_t>(kPieceBytes / (columns_ * sizeof(float))));
  }

  Result<std::span<const std::byte>> encode(int64_t begin, int64_t end, ThreadPool& pool) {
    const auto n = static_cast<size_t>(end - begin);
    bytes_.resize(n * row_bytes_);
    losses_.assign(n, {});
    if (transform_ != nullptr) {
      transformed_.resize(n * columns_);
      WHET_TRY_STATUS(transform_->read(source_, begin, end, transformed_.data(), pool));
    }
    std::atomic<int64_t> bad_row{-1};
    pool.for_each(end - begin, [&](int64_t i) {
      if (!encode_one(begin + i, static_cast<size_t>(i))) {
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
    std::byte* out = bytes_.data() + place * row_bytes_;
    const bool same = source_.matrix.type == to_ && transform_ == nullptr;
    if (same && !is_float(to_)) {  // floats are looked at for NaN
      const auto blocks = source_.blocks(row);
      std::memcpy(out, blocks.data(), blocks.size());
      return true;
    }
    thread_local std::vector<float> weights, back;
    weights.resize(columns_);
    back.resize(columns_);
    if (transform_ == nullptr) {
      source_.dequantize(row, weights.data());
    } else {
      std::copy_n(transformed_.data() + place * columns_, columns_, weights.data());
    }
    float checked = 0;
    for (float w : weights) checked += w * 0.0f;  // NaN unless all are finite
    if (checked != 0.0f || std::isnan(checked)) return false;
    encode_row(to_, weights.data(), columns_, out, importance_of_row(row));
    kernels::dequantize_row(to_, out, back.data(), columns_);
    Loss& loss = losses_[place];
    for (size_t i = 0; i < columns_; ++i) {
      const double w = weights[i], miss = w - back[i];
      loss.error += miss * miss;
      loss.power += w * w;
    }
    return true;
  }

  const float* importance_of_row(int64_t row) const {
    if (importance_.empty()) return nullptr;
    const int64_t matrix = source_.experts.empty() ? 0 : row / source_.experts.front().rows;
    return importance_.data() + static_cast<size_t>(matrix) * columns_;
  }

  const ContentMatrix& source_;
  const std::vector<float> importance_;
  const DType to_;
  RowTransform* const transform_;
  const size_t columns_;
  const uint64_t row_bytes_;
  std::vector<std::byte> bytes_;
  std::vector<float> transformed_;
  std::vector<Loss> losses_;
  Loss total_;
};

/// llama.cpp's number for files whose matrices are mostly of this type.
uint32_t file_type_of(const std::vector<QuantizedTensor>& tensors) {
  std::map<DType, uint64_t> bytes;
  for (const QuantizedTensor& tensor : tensors) bytes[tensor.to] += tensor.n_bytes;
  const auto most = std::max_element(bytes.begin(), bytes.end(),
                                     [](auto& a, auto& b) { return a.second < b.second; });
  return usual_file_type(most->first);
}

/// A matrix of another model is refused: it would weigh the wrong channels.
Status check_importance(const ImportanceMatrix& importance, const ModelContents& contents) {
  std::set<std::string_view> names;
  for (const ContentMatrix& matrix : contents.matrices) names.insert(matrix.name);
  for (const ContentVector& vector : contents.vectors) names.insert(vector.name);
  for (const auto& [name, channels] : importance.tensors) {
    if (names.contains(name)) continue;
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("expected an importance matrix of this model, found one with a tensor "
                             "{} that the model does not have",
                             quote_untrusted(name)));
  }
  return ok_status();
}

/// Empty where the type does not heed it or the matrix does not know the tensor.
Result<std::vector<float>> importance_for(const ContentMatrix& source, DType to,
                                          const ImportanceMatrix* importance) {
  if (importance == nullptr || !weighs_importance(to) || source.matrix.type == to) {
    return std::vector<float>();
  }
  const auto found = importance->tensors.find(source.name);
  if (found == importance->tensors.end()) return std::vector<float>();
  return importance_of(found->second, source.name, std::max<size_t>(source.experts.size(), 1),
                       static_cast<size_t>(source.matrix.columns));
}

void describe_importance(const ImportanceMatrix& importance, const std::string& file,
                         Metadata& metadata) {
  metadata["quantize.imatrix.file"] = {file};
  if (!importance.datasets.empty()) {
    metadata["quantize.imatrix.dataset"] = {importance.datasets.front()};
  }
  metadata["quantize.imatrix.entries_count"] = {uint64_t{importance.tensors.size()}};
  metadata["quantize.imatrix.chunks_count"] = {importance.n_chunks};
}

Status write_metadata(GgufWriter& writer, Metadata metadata, uint32_t file_type,
                      const QuantizeOptions& options) {
  if (options.importance != nullptr) {
    describe_importance(*options.importance, options.importance_file, metadata);
  }
  metadata["general.file_type"] = {uint64_t{file_type}};
  metadata["general.quantization_version"] = {uint64_t{2}};
  for (const auto& [key, value] : metadata) WHET_TRY_STATUS(writer.add_meta(key, value));
  return ok_status();
}

}  // namespace

std::vector<std::string> tensors_without_importance(const std::vector<QuantizedTensor>& tensors) {
  std::vector<std::string> names;
  for (const QuantizedTensor& tensor : tensors) {
    const bool fitted = weighs_importance(tensor.to) && tensor.from != tensor.to;
    if (fitted && !tensor.weighed) names.push_back(tensor.name);
  }
  return names;
}

Result<std::vector<QuantizedTensor>> write_quantized(
    const ModelToWrite& model, const std::optional<TypeMixture>& mixture, const std::string& path,
    const QuantizeOptions& options, ThreadPool& pool,
    const std::function<void(uint64_t done, uint64_t total)>& on_weights,
    const CancelFlag* cancel) {
  const std::vector<ContentMatrix>& sources = model.contents.matrices;
  WHET_TRY(GgufWriter writer, GgufWriter::create(path));
  const bool tied = sources.back().role != MatrixRole::kHead;
  std::vector<QuantizedTensor> report;
  std::vector<std::vector<float>> importance;  // of each matrix
  uint64_t total = 0, done = 0;
  if (options.importance != nullptr) {
    WHET_TRY_STATUS(check_importance(*options.importance, model.contents));
  }
  for (const ContentMatrix& source : sources) {
    const Matrix& m = source.matrix;
    const DType to = !mixture ? m.type
                              : mixture->type_of(source.role, source.layer, model.n_layers,
                                                 static_cast<uint64_t>(m.columns), tied);
    WHET_TRY_STATUS(check_input(source, to, !mixture, options));
    const std::vector<uint64_t> shape = source.shape();
    const auto rows = static_cast<uint64_t>(m.rows), columns = static_cast<uint64_t>(m.columns);
    WHET_TRY_STATUS(writer.add_tensor_info(source.name, to, shape));
    WHET_TRY(importance.emplace_back(), importance_for(source, to, options.importance));
    report.push_back({source.name, m.type, to, shape, rows * row_bytes(dtype_info(to), columns), 0,
                      !importance.back().empty()});
    total += rows * columns;
  }
  const std::vector<ContentVector>& plain = model.contents.vectors;
  for (const ContentVector& vector : plain) {
    WHET_TRY_STATUS(writer.add_tensor_info(vector.name, DType::F32, vector.shape));
    report.push_back({vector.name, DType::F32, DType::F32, vector.shape,
                      sizeof(float) * vector.values.size(), 0});
  }
  WHET_TRY_STATUS(write_metadata(writer, model.metadata,
                                 mixture ? mixture->file_type : file_type_of(report), options));
  WHET_TRY_STATUS(writer.write_header());
  for (size_t i = 0; i < sources.size(); ++i) {
    const Matrix& m = sources[i].matrix;
    TensorEncoder encoder(sources[i], report[i].to, std::move(importance[i]), model.transform);
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
  for (const ContentVector& vector : plain) {
    WHET_TRY_STATUS(writer.write_tensor_data(std::as_bytes(std::span(vector.values))));
  }
  WHET_TRY_STATUS(writer.finish());
  return report;
}

Result<std::vector<QuantizedTensor>> quantize_model(
    const LoadedModel& model, const std::optional<TypeMixture>& mixture, const std::string& path,
    const QuantizeOptions& options, ThreadPool& pool,
    const std::function<void(uint64_t done, uint64_t total)>& on_weights,
    const CancelFlag* cancel) {
  WHET_TRY(Metadata metadata, describe_as_gguf(model));
  return write_quantized({.contents = contents_of(model, ModelFile::Container::kGguf),
                          .metadata = std::move(metadata),
                          .n_layers = model.model.weights.layers.size()},
                         mixture, path, options, pool, on_weights, cancel);
}

}  // namespace whet
