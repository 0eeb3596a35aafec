#include "quantize/model_converter.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "formats/safetensors_writer.h"
#include "kernels/f16.h"
#include "kernels/kernels.h"
#include "quantize/block_encoder.h"
#include "quantize/hugging_face_description.h"
#include "quantize/model_contents.h"
#include "sys/pending_file.h"
#include "token/json_fields.h"

namespace whet {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

Error refused(std::string message) {
  return Error(ErrorCode::kInvalidArgument, std::move(message));
}

struct ConversionLoss {
  double error = 0, power = 0;

  double relative() const { return power > 0 ? std::sqrt(error / power) : 0; }
};

/// What becomes of one matrix.
struct MatrixPlan {
  const ContentMatrix* source;
  DType floats = DType::F32;       // where it has no form
  std::optional<AffineForm> form;  // MLX's codes

  uint64_t rows() const { return static_cast<uint64_t>(source->matrix.rows); }
  uint64_t columns() const { return static_cast<uint64_t>(source->matrix.columns); }
  uint64_t n_groups() const { return columns() / static_cast<uint64_t>(form->group); }
  uint64_t row_words() const { return columns() * static_cast<uint64_t>(form->bits) / 32; }
  std::string to() const {
    if (!form) return std::string(dtype_info(floats).name);
    return fmt::format("{} bits, groups of {}", form->bits, form->group);
  }
  uint64_t n_bytes() const {
    if (!form) return rows() * columns() * dtype_info(floats).block_bytes;
    return rows() * (row_words() * 4 + n_groups() * 2 * sizeof(uint16_t));
  }
  std::string stem() const {
    constexpr std::string_view kWeight = ".weight";
    return source->name.substr(0, source->name.size() - kWeight.size());
  }
};

/// Codes as they are. None: MLX has no such codes.
std::optional<AffineRow> exact_row(const ContentMatrix& source, int64_t row) {
  return affine_row_of_blocks(source.matrix.type, source.blocks(row),
                              static_cast<size_t>(source.matrix.columns));
}

/// The form of codes that keeps every value; none where a factor does not fit.
std::optional<AffineForm> exact_form(const ContentMatrix& source, ThreadPool& pool) {
  AffineFormFinder finder;
  std::mutex mutex;
  std::atomic<bool> fits{true};
  pool.for_each(source.matrix.rows, [&](int64_t row) {
    const auto codes = exact_row(source, row);
    if (!codes) {
      fits = false;
      return;
    }
    const std::scoped_lock lock(mutex);
    finder.add(*codes);
  });
  return fits ? std::optional(finder.found()) : std::nullopt;
}

Result<MatrixPlan> plan_of(const ContentMatrix& source, const ConvertOptions& options,
                           ThreadPool& pool) {
  const DType type = source.matrix.type;
  const auto columns = source.matrix.columns;
  MatrixPlan plan{&source, is_float(type) ? type : DType::F32, std::nullopt};
  if (options.floats) {
    plan.floats = *options.floats;
    return plan;
  }
  if (is_float(type)) {
    if (options.quantise && columns % options.quantise->group == 0) plan.form = options.quantise;
    return plan;
  }
  if (options.mlx && has_affine_image(type)) {
    plan.form = exact_form(source, pool);
    if (plan.form) return plan;
  }
  return refused(fmt::format(
      "tensor {}: {} has no codes that hold {}; --type f16 (or bf16, f32) makes them floats",
      source.name, options.mlx ? "MLX" : "a SafeTensors file of whet's", dtype_info(type).name));
}

/// Floats of the file are of one type; a vector that it does not hold exactly stays F32.
DType type_of_vector(const ContentVector& vector, DType usual) {
  for (const float x : vector.values) {
    const float back =
        usual == DType::F16    ? kernels::f32_from_f16_bits(kernels::f16_bits_from_f32(x))
        : usual == DType::BF16 ? kernels::f32_from_bf16_bits(kernels::bf16_bits_from_f32(x))
                               : x;
    if (back != x) return DType::F32;
  }
  return usual;
}

/// The type of most floats, or of MLX's factors.
DType usual_floats(const std::vector<MatrixPlan>& plans) {
  std::map<DType, uint64_t> bytes;
  for (const MatrixPlan& plan : plans)
    bytes[plan.form ? DType::F16 : plan.floats] += plan.n_bytes();
  const auto most = std::max_element(bytes.begin(), bytes.end(),
                                     [](auto& a, auto& b) { return a.second < b.second; });
  return most->first;
}

bool all_finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

/// A matrix as it lies in the file: floats, or codes, scales and biases.
class MatrixBytes {
 public:
  Status make(const MatrixPlan& plan, ThreadPool& pool) {
    const auto rows = static_cast<size_t>(plan.rows());
    losses_.assign(rows, {});
    const size_t row_size =
        plan.form ? plan.row_words() * 4 : plan.columns() * dtype_info(plan.floats).block_bytes;
    const size_t factor_size = plan.form ? plan.n_groups() * sizeof(uint16_t) : 0;
    weights.resize(rows * row_size);
    scales.resize(rows * factor_size);
    biases.resize(rows * factor_size);
    std::atomic<int64_t> bad_row{-1};
    pool.for_each(static_cast<int64_t>(rows), [&](int64_t row) {
      const auto r = static_cast<size_t>(row);
      const std::span words = std::span(weights).subspan(r * row_size, row_size);
      const bool good =
          plan.form
              ? put_codes(plan, row, words, std::span(scales).subspan(r * factor_size, factor_size),
                          std::span(biases).subspan(r * factor_size, factor_size))
              : put_floats(plan, row, words);
      if (!good) bad_row.store(row, std::memory_order_relaxed);
    });
    if (const int64_t row = bad_row.load(); row >= 0) {
      return Error(ErrorCode::kInvalidModel,
                   fmt::format("tensor {}: row {}: expected finite weights that {} holds, found "
                               "others",
                               plan.source->name, row, plan.to()));
    }
    return ok_status();
  }

  double relative_error() const {
    ConversionLoss total;
    for (const ConversionLoss& loss : losses_) {
      total.error += loss.error;
      total.power += loss.power;
    }
    return total.relative();
  }

  std::vector<std::byte> weights, scales, biases;

 private:
  bool put_floats(const MatrixPlan& plan, int64_t row, std::span<std::byte> out) {
    std::vector<float> values(plan.columns()), back(plan.columns());
    plan.source->dequantize(row, values.data());
    if (!all_finite(values)) return false;
    encode_row(plan.floats, values.data(), values.size(), out.data());
    kernels::dequantize_row(plan.floats, out.data(), back.data(), back.size());
    note_loss(values, back, row);
    return all_finite(back);
  }

  bool put_codes(const MatrixPlan& plan, int64_t row, std::span<std::byte> words,
                 std::span<std::byte> row_scales, std::span<std::byte> row_biases) {
    if (!is_float(plan.source->matrix.type)) {
      const auto codes = exact_row(*plan.source, row);
      put_affine_row(*codes, *plan.form, words, row_scales, row_biases);
      return true;
    }
    std::vector<float> values(plan.columns()), back(plan.columns());
    plan.source->dequantize(row, values.data());
    if (!all_finite(values)) return false;
    const AffineRow codes = quantise_affine(values, *plan.form);
    if (!all_finite(codes.scales) || !all_finite(codes.biases)) return false;
    put_affine_row(codes, *plan.form, words, row_scales, row_biases);
    dequantise_affine(codes, back);
    note_loss(values, back, row);
    return true;
  }

  void note_loss(const std::vector<float>& values, const std::vector<float>& back, int64_t row) {
    ConversionLoss& loss = losses_[static_cast<size_t>(row)];
    for (size_t i = 0; i < values.size(); ++i) {
      const double x = values[i], miss = x - back[i];
      loss.error += miss * miss;
      loss.power += x * x;
    }
  }

  std::vector<ConversionLoss> losses_;
};

/// config.json with what it must say of the weights.
Result<std::string> config_with(const std::string& text, const std::vector<MatrixPlan>& plans,
                                DType floats) {
  WHET_TRY_STATUS(parse_json_object(text).with_context("config.json"));
  Json config = Json::parse(text);
  config.erase("quantization");
  config.erase("quantization_config");
  const char* key = config.contains("dtype") ? "dtype" : "torch_dtype";
  config[key] = floats == DType::F16 ? "float16" : floats == DType::BF16 ? "bfloat16" : "float32";
  std::map<std::pair<int, int>, uint64_t> bytes;
  for (const MatrixPlan& plan : plans) {
    if (plan.form) bytes[{plan.form->bits, plan.form->group}] += plan.n_bytes();
  }
  if (!bytes.empty()) {
    const auto most = std::max_element(bytes.begin(), bytes.end(), [](auto& a, auto& b) {
                        return a.second < b.second;
                      })->first;
    const AffineForm usual{most.first, most.second};
    const auto said = [](const AffineForm& form) {
      return Json{{"group_size", form.group}, {"bits", form.bits}, {"mode", "affine"}};
    };
    Json section = said(usual);
    for (const MatrixPlan& plan : plans) {
      if (plan.form && *plan.form != usual) section[plan.stem()] = said(*plan.form);
    }
    config["quantization"] = std::move(section);
  }
  return config.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Status make_directory(const std::string& path) {
  std::error_code error;
  const bool exists = fs::exists(path, error);
  if (exists && (!fs::is_directory(path, error) || !fs::is_empty(path, error))) {
    return refused(fmt::format("{}: expected a new or empty directory, found {}", path,
                               fs::is_directory(path, error) ? "files in it" : "a file"));
  }
  fs::create_directories(path, error);
  if (!error) return ok_status();
  return Error(ErrorCode::kIo,
               fmt::format("{}: cannot make the directory: {}", path, error.message()));
}

Status add_infos(SafeTensorsWriter& writer, const std::vector<MatrixPlan>& plans) {
  for (const MatrixPlan& plan : plans) {
    if (!plan.form) {
      WHET_TRY_STATUS(writer.add_tensor_info(plan.source->name, plan.floats, plan.source->shape()));
      continue;
    }
    const uint64_t words[] = {plan.rows(), plan.row_words()};
    const uint64_t factors[] = {plan.rows(), plan.n_groups()};
    WHET_TRY_STATUS(writer.add_tensor_info(plan.source->name, DType::U32, words));
    WHET_TRY_STATUS(writer.add_tensor_info(plan.stem() + ".scales", DType::F16, factors));
    WHET_TRY_STATUS(writer.add_tensor_info(plan.stem() + ".biases", DType::F16, factors));
  }
  return ok_status();
}

Status write_vector(SafeTensorsWriter& writer, const ContentVector& vector, DType type) {
  std::vector<std::byte> bytes(vector.values.size() * dtype_info(type).block_bytes);
  encode_row(type, vector.values.data(), vector.values.size(), bytes.data());
  return writer.write_tensor_data(bytes);
}

/// Of a SafeTensors model everything but the matrices as the file has it, also what whet does not
/// use.
Status take_from_file(const ModelFile& file, ModelContents& contents) {
  if (file.container != ModelFile::Container::kSafeTensors) return ok_status();
  std::set<std::string, std::less<>> matrices;
  for (const ContentMatrix& matrix : contents.matrices) {
    if (file.find_tensor(matrix.name) == nullptr) {
      return refused(
          fmt::format("tensor {}: expected in the file, found none; whet does not "
                      "convert this kind of {}",
                      matrix.name, file.path));
    }
    matrices.insert(matrix.name);
  }
  contents.vectors.clear();
  for (const TensorEntry& tensor : file.tensors) {
    if (matrices.contains(tensor.name)) continue;
    if (!is_float(tensor.type)) {
      return refused(fmt::format("tensor {}: expected floats, found {}", tensor.name,
                                 dtype_info(tensor.type).name));
    }
    ContentVector vector{
        tensor.name, std::vector<float>(tensor.bytes.size() / dtype_info(tensor.type).block_bytes),
        tensor.shape};
    kernels::dequantize_row(tensor.type, tensor.bytes.data(), vector.values.data(),
                            vector.values.size());
    contents.vectors.push_back(std::move(vector));
  }
  return ok_status();
}

}  // namespace

Result<std::vector<ConvertedTensor>> convert_model(
    const LoadedModel& model, const std::string& directory, const ConvertOptions& options,
    ThreadPool& pool, const std::function<void(uint64_t done, uint64_t total)>& on_weights,
    const CancelFlag* cancel) {
  ModelContents contents = contents_of(model, ModelFile::Container::kSafeTensors);
  WHET_TRY_STATUS(take_from_file(model.file, contents));
  WHET_TRY(SideFiles side_files, describe_as_hugging_face(model));
  std::vector<MatrixPlan> plans;
  uint64_t total = 0, done = 0;
  for (const ContentMatrix& source : contents.matrices) {
    if (!source.experts.empty()) {
      return refused(
          fmt::format("tensor {}: expected a model without experts, found some; whet "
                      "converts those to GGUF only",
                      source.name));
    }
    WHET_TRY(MatrixPlan plan, plan_of(source, options, pool));
    total += plan.rows() * plan.columns();
    plans.push_back(std::move(plan));
  }
  const DType floats = options.floats.value_or(usual_floats(plans));
  WHET_TRY(side_files["config.json"], config_with(side_files["config.json"], plans, floats));

  WHET_TRY_STATUS(make_directory(directory));
  const fs::path place(directory);
  WHET_TRY(SafeTensorsWriter writer,
           SafeTensorsWriter::create((place / "model.safetensors").string(),
                                     {{"format", options.mlx ? "mlx" : "pt"}}));
  WHET_TRY_STATUS(add_infos(writer, plans));
  std::vector<DType> types;
  for (const ContentVector& vector : contents.vectors) {
    types.push_back(type_of_vector(vector, floats));
    WHET_TRY_STATUS(writer.add_tensor_info(vector.name, types.back(), vector.shape));
  }
  WHET_TRY_STATUS(writer.write_header());
  std::vector<ConvertedTensor> report;
  MatrixBytes bytes;
  for (const MatrixPlan& plan : plans) {
    if (cancel != nullptr && cancel->cancelled()) return Error(ErrorCode::kCancelled, "cancelled");
    WHET_TRY_STATUS(bytes.make(plan, pool));
    WHET_TRY_STATUS(writer.write_tensor_data(bytes.weights));
    WHET_TRY_STATUS(writer.write_tensor_data(bytes.scales));
    WHET_TRY_STATUS(writer.write_tensor_data(bytes.biases));
    report.push_back({plan.source->name, std::string(dtype_info(plan.source->matrix.type).name),
                      plan.to(), plan.source->shape(), plan.n_bytes(), bytes.relative_error()});
    done += plan.rows() * plan.columns();
    on_weights(done, total);
  }
  for (size_t i = 0; i < contents.vectors.size(); ++i) {
    const ContentVector& vector = contents.vectors[i];
    WHET_TRY_STATUS(write_vector(writer, vector, types[i]));
    report.push_back({vector.name, "F32", std::string(dtype_info(types[i]).name), vector.shape,
                      vector.values.size() * dtype_info(types[i]).block_bytes, 0});
  }
  WHET_TRY_STATUS(writer.finish());
  for (const auto& [name, text] : side_files) {
    const fs::path file = place / name;
    std::error_code error;
    fs::create_directories(file.parent_path(), error);
    WHET_TRY_STATUS(write_file_atomically(file.string(), text));
  }
  return report;
}

}  // namespace whet
