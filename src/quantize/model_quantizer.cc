#include "quantize/model_quantizer.h"

#include <fmt/format.h>

#include <atomic>
#include <cmath>

#include "formats/gguf_writer.h"
#include "kernels/interleave.h"
#include "kernels/kernels.h"
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
  Matrix matrix;
  int64_t paired_heads = 0;  // rows of each head change places (see row_in_file); 0 = none
};

bool has_fused(const ModelFile& file, size_t layer, const char* kind) {
  return file.find_tensor(fmt::format("blk.{}.attn_qkv.{}", layer, kind)) != nullptr;
}

std::vector<Source> matrices(const LoadedModel& model) {
  const ModelConfig& c = model.model.config;
  const Weights& w = model.model.weights;
  // Hugging Face rotates halves, GGUF's llama neighbours; GGUF's qwen2 rotates halves too.
  const bool halves =
      c.rope_pairing == kernels::RopePairing::kHalfSplit && c.architecture == "llama";
  const int64_t q_heads = halves ? c.n_heads : 0, k_heads = halves ? c.n_kv_heads : 0;
  std::vector<Source> all{{"token_embd.weight", MatrixRole::kEmbedding, 0, w.embedding}};
  for (size_t i = 0; i < w.layers.size(); ++i) {
    const LayerWeights& l = w.layers[i];
    const auto name = [&](const char* part) { return fmt::format("blk.{}.{}.weight", i, part); };
    if (has_fused(model.file, i, "weight")) {  // q, k and v are views of one matrix, in this order
      Matrix qkv = l.q;
      qkv.rows += l.k.rows + l.v.rows;
      all.push_back({name("attn_qkv"), MatrixRole::kAttentionV, i, qkv});
    } else {
      all.push_back({name("attn_q"), MatrixRole::kOther, i, l.q, q_heads});
      all.push_back({name("attn_k"), MatrixRole::kOther, i, l.k, k_heads});
      all.push_back({name("attn_v"), MatrixRole::kAttentionV, i, l.v});
    }
    all.push_back({name("attn_output"), MatrixRole::kOther, i, l.attention_output});
    if (l.gate.rows > 0) all.push_back({name("ffn_gate"), MatrixRole::kOther, i, l.gate});
    all.push_back({name("ffn_up"), MatrixRole::kOther, i, l.up});
    all.push_back({name("ffn_down"), MatrixRole::kFfnDown, i, l.down});
  }
  if (w.head.data != w.embedding.data) {
    all.push_back({"output.weight", MatrixRole::kHead, 0, w.head});
  }
  return all;
}

/// Norms and biases stay F32.
struct Vector {
  std::string name;
  std::vector<float> values;
};

std::vector<Vector> vectors(const LoadedModel& model) {
  const Decoder& decoder = model.model;
  std::vector<Vector> all;
  const auto add = [&](std::string name, std::vector<float> values) {
    if (!values.empty()) all.push_back({std::move(name), std::move(values)});
  };
  for (size_t i = 0; i < decoder.weights.layers.size(); ++i) {
    const LayerWeights& l = decoder.weights.layers[i];
    const std::string p = fmt::format("blk.{}.", i);
    add(p + "attn_norm.weight", l.attention_norm.gain);
    add(p + "attn_norm.bias", l.attention_norm.bias);
    add(p + "ffn_norm.weight", l.ffn_norm.gain);
    add(p + "ffn_norm.bias", l.ffn_norm.bias);
    if (has_fused(model.file, i, "bias")) {
      std::vector<float> qkv = l.q_bias;
      qkv.insert(qkv.end(), l.k_bias.begin(), l.k_bias.end());
      qkv.insert(qkv.end(), l.v_bias.begin(), l.v_bias.end());
      add(p + "attn_qkv.bias", std::move(qkv));
    } else {
      add(p + "attn_q.bias", l.q_bias);
      add(p + "attn_k.bias", l.k_bias);
      add(p + "attn_v.bias", l.v_bias);
    }
    add(p + "attn_output.bias", l.attention_output_bias);
    add(p + "ffn_up.bias", l.up_bias);
    add(p + "ffn_down.bias", l.down_bias);
  }
  add("output_norm.weight", decoder.weights.output_norm.gain);
  add("output_norm.bias", decoder.weights.output_norm.bias);
  add("output.bias", decoder.weights.head_bias);
  // A GGUF file may have its factors in its keys, which are copied: twice would be wrong.
  const bool is_gguf = model.file.container == ModelFile::Container::kGguf;
  const bool as_tensor = is_gguf ? model.file.find_tensor("rope_freqs.weight") != nullptr
                                 : !decoder.config.rope_factors.empty();
  if (as_tensor) add("rope_freqs.weight", decoder.config.rope_factors);
  return all;
}

/// The source's row that becomes `row`: of a head of K rows, K/2 + i goes behind i.
int64_t row_in_file(const Source& source, int64_t row) {
  if (source.paired_heads == 0) return row;
  const int64_t head_dim = source.matrix.rows / source.paired_heads;
  const int64_t in_head = row % head_dim;
  return row - in_head + in_head / 2 + (in_head % 2) * (head_dim / 2);
}

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
    kernels::dequantize_row(source_.matrix, row, weights.data());
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
  const std::vector<Source> sources = matrices(model);
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
    const std::vector<uint64_t> shape{static_cast<uint64_t>(m.rows),
                                      static_cast<uint64_t>(m.columns)};
    WHET_TRY_STATUS(writer.add_tensor_info(source.name, to, shape));
    report.push_back(
        {source.name, m.type, to, shape, shape[0] * row_bytes(dtype_info(to), shape[1]), 0});
    total += shape[0] * shape[1];
  }
  const std::vector<Vector> plain = vectors(model);
  for (const Vector& vector : plain) {
    const std::vector<uint64_t> shape{vector.values.size()};
    WHET_TRY_STATUS(writer.add_tensor_info(vector.name, DType::F32, shape));
    report.push_back({vector.name, DType::F32, DType::F32, shape, 4 * shape[0], 0});
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
