#include "load/quantised_weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/checked_math.h"
#include "formats/untrusted_text.h"
#include "kernels/f16.h"
#include "load/coded_matrix.h"
#include "load/float8.h"
#include "token/json_fields.h"

namespace whet {
namespace {

using Json = nlohmann::json;
using Shape = std::vector<uint64_t>;

constexpr int kAwqOrder[8] = {0, 2, 4, 6, 1, 3, 5, 7};  // column of each nibble of a word

Error invalid(std::string message) {
  return Error(ErrorCode::kInvalidModel, std::move(message));
}

float float_at(const TensorEntry& plane, int64_t i) {
  const std::byte* at = plane.bytes.data();
  if (plane.type == DType::F32) {
    float value;
    std::memcpy(&value, at + 4 * i, sizeof(value));
    return value;
  }
  uint16_t bits;
  std::memcpy(&bits, at + 2 * i, sizeof(bits));
  return plane.type == DType::F16 ? kernels::f32_from_f16_bits(bits)
                                  : kernels::f32_from_bf16_bits(bits);
}

uint32_t word_at(const TensorEntry& plane, int64_t i) {
  uint32_t word;
  std::memcpy(&word, plane.bytes.data() + 4 * i, sizeof(word));
  return word;
}

/// The planes of one model: looked up, checked, and taken out at the end.
class Planes {
 public:
  explicit Planes(ModelFile& file) : file_(file) {
    for (const TensorEntry& tensor : file.tensors) by_name_.emplace(tensor.name, &tensor);
  }

  /// Stems "x" of the tensors "x<suffix>".
  std::vector<std::string> stems(std::string_view suffix) const {
    std::vector<std::string> found;
    for (const auto& [name, tensor] : by_name_) {
      if (name.ends_with(suffix)) found.emplace_back(name.substr(0, name.size() - suffix.size()));
    }
    return found;
  }
  const TensorEntry* find(const std::string& name) const {
    const auto it = by_name_.find(name);
    return it == by_name_.end() ? nullptr : it->second;
  }
  Result<const TensorEntry*> get(const std::string& name, std::initializer_list<DType> types,
                                 const Shape& shape) {
    const TensorEntry* tensor = find(name);
    if (tensor == nullptr) {
      return invalid(fmt::format("tensor {}: expected {}, found none", name, shape));
    }
    if (std::find(types.begin(), types.end(), tensor->type) == types.end()) {
      return invalid(fmt::format("tensor {}: type {} is none that such a plane has", name,
                                 dtype_info(tensor->type).name));
    }
    if (tensor->shape != shape) {
      return invalid(
          fmt::format("tensor {}: expected shape {}, found {}", name, shape, tensor->shape));
    }
    drop(name);
    return tensor;
  }
  Result<const TensorEntry*> floats(const std::string& name, const Shape& shape) {
    return get(name, {DType::F32, DType::F16, DType::BF16}, shape);
  }
  /// Planes that say nothing more, or of activations, which whet quantises in its own way.
  void drop(const std::string& name) { dropped_.insert(name); }

  Status put(const CodedMatrix& matrix, ThreadPool& pool) {
    WHET_TRY(EncodedMatrix encoded, encode(matrix, pool));
    largest_rounding_ = std::max(largest_rounding_, encoded.largest_rounding);
    add(matrix.name, encoded.type,
        {static_cast<uint64_t>(matrix.rows), static_cast<uint64_t>(matrix.columns)},
        std::move(encoded.memory));
    return ok_status();
  }
  void add(std::string name, DType type, Shape shape, std::shared_ptr<FileBytes> memory) {
    ++n_of_type_[std::string(dtype_info(type).name)];
    added_.push_back({.name = std::move(name),
                      .type = type,
                      .shape = std::move(shape),
                      .bytes = memory->bytes(),
                      .file_index = file_.files.size() + memory_.size(),
                      .file_offset = 0});
    memory_.push_back(std::move(memory));
  }

  /// Puts the new tensors in the place of their planes.
  std::vector<std::shared_ptr<FileBytes>> finish(std::string_view method,
                                                 std::vector<std::string>& notes) {
    if (added_.empty()) return {};
    std::erase_if(file_.tensors,
                  [&](const TensorEntry& tensor) { return dropped_.contains(tensor.name); });
    for (const auto& memory : memory_) {
      file_.files.push_back(memory);
      file_.file_paths.push_back(file_.path);
    }
    for (TensorEntry& tensor : added_) file_.tensors.push_back(std::move(tensor));
    std::string types;
    for (const auto& [type, n] : n_of_type_) types += fmt::format(", {} {}", n, type);
    notes.push_back(fmt::format("{} weights, in memory as {}", method, types.substr(2)));
    if (largest_rounding_ > 0) {
      notes.push_back(
          fmt::format("scales below 2^-14 are rounded to F16: weights move by at most "
                      "{:.1e}",
                      largest_rounding_));
    }
    return memory_;
  }

 private:
  ModelFile& file_;
  std::map<std::string, const TensorEntry*, std::less<>> by_name_;
  std::set<std::string, std::less<>> dropped_;
  std::vector<TensorEntry> added_;
  std::vector<std::shared_ptr<FileBytes>> memory_;
  std::map<std::string, int> n_of_type_;
  float largest_rounding_ = 0;
};

Result<int64_t> positive(const Json& object, const char* name) {
  WHET_TRY(const int64_t value, get_int(object, name));
  if (value > 0 && value <= 1 << 20) return value;
  return invalid(fmt::format("\"{}\": expected a positive number, found {}", name, value));
}

/// Codes of `bits` bits in a row, the first in the lowest.
void unpack_bits(const std::byte* bytes, int64_t bits, int64_t n, int32_t* codes) {
  const auto byte_at = [&](int64_t i) { return std::to_integer<uint32_t>(bytes[i]); };
  const uint32_t mask = (1u << bits) - 1;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t at = i * bits / 8, shift = i * bits % 8;
    uint32_t two = byte_at(at);
    if (shift + bits > 8) two |= byte_at(at + 1) << 8;
    codes[i] = static_cast<int32_t>(two >> shift & mask);
  }
}

// --- MLX: x.weight [rows, columns * bits / 32] u32, x.scales and x.biases [rows, groups] ---

/// "quantization" of config.json, and what it says of single modules.
struct MlxScheme {
  int64_t bits, group;
};
Result<MlxScheme> mlx_scheme(const Json& section, const std::string& stem) {
  const Json* own = find_field(section, stem.c_str());
  const Json& place = own != nullptr && own->is_object() ? *own : section;
  WHET_TRY(const std::string mode, get_string_or(place, "mode", "affine"));
  if (mode != "affine") {
    return invalid(
        fmt::format("config.json: \"quantization\": expected mode affine for {}, found "
                    "{}",
                    quote_untrusted(stem), quote_untrusted(mode)));
  }
  MlxScheme scheme{};
  WHET_TRY(scheme.bits, positive(place, "bits"));
  WHET_TRY(scheme.group, positive(place, "group_size"));
  if (scheme.bits > 8 || scheme.bits == 7) {
    return invalid(
        fmt::format("config.json: \"quantization\": expected 2, 3, 4, 5, 6 or 8 bits, "
                    "found {}",
                    scheme.bits));
  }
  return scheme;
}

Status repack_mlx(const Json& section, Planes& planes, ThreadPool& pool) {
  for (const std::string& stem : planes.stems(".scales")) {
    WHET_TRY(const MlxScheme scheme, mlx_scheme(section, stem));
    const TensorEntry* scales = planes.find(stem + ".scales");
    if (scales->shape.size() != 2) {
      return invalid(fmt::format("tensor {}: expected a matrix", scales->name));
    }
    const uint64_t rows = scales->shape[0];
    const auto columns = checked_mul(scales->shape[1], static_cast<uint64_t>(scheme.group));
    if (!columns || *columns > 1 << 24 || *columns * static_cast<uint64_t>(scheme.bits) % 32 != 0) {
      return invalid(fmt::format("tensor {}: groups of {} do not make rows of whole words",
                                 scales->name, scheme.group));
    }
    const Shape factors = scales->shape;
    const uint64_t words = *columns * static_cast<uint64_t>(scheme.bits) / 32;
    WHET_TRY(const TensorEntry* codes, planes.get(stem + ".weight", {DType::U32}, {rows, words}));
    WHET_TRY_STATUS(planes.floats(stem + ".scales", factors));
    WHET_TRY(const TensorEntry* biases, planes.floats(stem + ".biases", factors));
    CodedMatrix matrix{stem + ".weight",
                       static_cast<int64_t>(rows),
                       static_cast<int64_t>(*columns),
                       scheme.group,
                       true,
                       nullptr};
    const auto n_groups = static_cast<int64_t>(factors[1]);
    matrix.read = [=, n_columns = matrix.columns](int64_t first, int64_t n, CodedRows& out) {
      for (int64_t r = 0; r < n; ++r) {
        unpack_bits(codes->bytes.data() + static_cast<uint64_t>(first + r) * words * 4, scheme.bits,
                    n_columns, out.codes.data() + r * n_columns);
      }
      for (int64_t i = 0; i < n * n_groups; ++i) {
        out.scales[static_cast<size_t>(i)] = float_at(*scales, first * n_groups + i);
        out.biases[static_cast<size_t>(i)] = float_at(*biases, first * n_groups + i);
      }
    };
    WHET_TRY_STATUS(planes.put(matrix, pool));
  }
  return ok_status();
}

// --- AWQ and GPTQ: qweight transposed, qzeros [groups, rows], scales [groups, rows] ---

struct TransposedScheme {
  bool is_awq;
  int64_t bits, group;  // group -1: all columns
  int64_t zero_offset;  // what is added to a stored zero point
};

Status repack_transposed(const TransposedScheme& scheme, const std::string& stem, Planes& planes,
                         ThreadPool& pool) {
  const auto per_word = static_cast<uint64_t>(32 / scheme.bits);
  const TensorEntry* qweight = planes.find(stem + ".qweight");
  const TensorEntry* scales = planes.find(stem + ".scales");
  if (scales == nullptr || scales->shape.size() != 2 || qweight->shape.size() != 2) {
    return invalid(
        fmt::format("tensor {}.scales: expected a matrix beside {}", stem, qweight->name));
  }
  const uint64_t rows = scales->shape[1], n_groups = scales->shape[0];
  const uint64_t columns = qweight->shape[0] * (scheme.is_awq ? 1 : per_word);
  const uint64_t group = scheme.group > 0 ? static_cast<uint64_t>(scheme.group) : columns;
  if (rows % per_word != 0 || n_groups != ceil_div(columns, group) || columns % group != 0) {
    return invalid(fmt::format("tensor {}: {} groups of {} do not make the {} columns of {}",
                               scales->name, n_groups, group, columns, qweight->name));
  }
  const Shape code_shape =
      scheme.is_awq ? Shape{columns, rows / per_word} : Shape{columns / per_word, rows};
  WHET_TRY_STATUS(planes.get(qweight->name, {DType::I32, DType::U32}, code_shape));
  WHET_TRY_STATUS(planes.floats(scales->name, {n_groups, rows}));
  WHET_TRY(const TensorEntry* zeros,
           planes.get(stem + ".qzeros", {DType::I32, DType::U32}, {n_groups, rows / per_word}));
  // With act-order each column names its group; often they name the usual one after all.
  std::vector<int64_t> group_of(columns);
  for (uint64_t c = 0; c < columns; ++c) group_of[c] = static_cast<int64_t>(c / group);
  bool in_order = true;
  if (planes.find(stem + ".g_idx") != nullptr) {
    WHET_TRY(const TensorEntry* index, planes.get(stem + ".g_idx", {DType::I32}, {columns}));
    for (uint64_t c = 0; c < columns; ++c) {
      const int64_t named = word_at(*index, static_cast<int64_t>(c));
      if (named >= static_cast<int64_t>(n_groups)) {
        return invalid(fmt::format("tensor {}: column {} names group {} of {}", index->name, c,
                                   named, n_groups));
      }
      in_order = in_order && named == group_of[c];
      group_of[c] = named;
    }
  }
  const auto mask = static_cast<int32_t>((1u << scheme.bits) - 1);
  CodedMatrix matrix{stem + ".weight",
                     static_cast<int64_t>(rows),
                     static_cast<int64_t>(columns),
                     in_order ? static_cast<int64_t>(group) : 1,
                     false,
                     nullptr};
  matrix.read = [=, shared = matrix.group, n_columns = static_cast<int64_t>(columns),
                 n_rows = static_cast<int64_t>(rows), per = static_cast<int64_t>(per_word),
                 group_of = std::move(group_of)](int64_t first, int64_t n, CodedRows& out) {
    // Where code (column or group, row) lies: in which word, at which bit.
    const auto across = [&](const TensorEntry& plane, int64_t line, int64_t row) {
      int64_t place = row % per;
      if (scheme.is_awq) place = std::find(kAwqOrder, kAwqOrder + 8, place) - kAwqOrder;
      return static_cast<int32_t>(word_at(plane, line * (n_rows / per) + row / per) >>
                                  (place * scheme.bits)) &
             mask;
    };
    for (int64_t c = 0; c < n_columns; ++c) {
      const int64_t g = group_of[static_cast<size_t>(c)];
      for (int64_t r = 0; r < n; ++r) {
        const int64_t row = first + r;
        const int32_t code = scheme.is_awq
                                 ? across(*qweight, c, row)
                                 : static_cast<int32_t>(word_at(*qweight, c / per * n_rows + row) >>
                                                        (c % per * scheme.bits)) &
                                       mask;
        const auto zero = static_cast<int32_t>(across(*zeros, g, row) + scheme.zero_offset);
        out.codes[static_cast<size_t>(r * n_columns + c)] = code - zero;
        if (c % shared == 0) {
          out.scales[static_cast<size_t>(r * (n_columns / shared) + c / shared)] =
              float_at(*scales, g * n_rows + row);
        }
      }
    }
  };
  return planes.put(matrix, pool);
}

Status repack_awq(const Json& section, Planes& planes, ThreadPool& pool) {
  WHET_TRY(const std::string version, get_string_or(section, "version", "gemm"));
  if (version != "gemm" && version != "GEMM") {
    return invalid(
        fmt::format("config.json: AWQ: expected version gemm, found {}", quote_untrusted(version)));
  }
  TransposedScheme scheme{.is_awq = true, .bits = 0, .group = 0, .zero_offset = 0};
  WHET_TRY(scheme.bits, get_int(section, "bits"));
  WHET_TRY(scheme.group, get_int(section, "group_size"));
  if (scheme.bits != 4) {
    return invalid(fmt::format("config.json: AWQ: expected 4 bits, found {}", scheme.bits));
  }
  for (const std::string& stem : planes.stems(".qweight")) {
    WHET_TRY_STATUS(repack_transposed(scheme, stem, planes, pool));
  }
  return ok_status();
}

Status repack_gptq(const Json& section, Planes& planes, ThreadPool& pool) {
  WHET_TRY(const std::string format, get_string_or(section, "checkpoint_format", "gptq"));
  if (format != "gptq" && format != "gptq_v2") {
    return invalid(
        fmt::format("config.json: GPTQ: expected the checkpoint format gptq or gptq_v2, "
                    "found {}",
                    quote_untrusted(format)));
  }
  TransposedScheme scheme{
      .is_awq = false, .bits = 0, .group = 0, .zero_offset = format == "gptq" ? 1 : 0};
  WHET_TRY(scheme.bits, get_int(section, "bits"));
  WHET_TRY(scheme.group, get_int(section, "group_size"));
  if (scheme.bits != 2 && scheme.bits != 4 && scheme.bits != 8) {
    return invalid(
        fmt::format("config.json: GPTQ: expected 2, 4 or 8 bits, found {}", scheme.bits));
  }
  for (const std::string& stem : planes.stems(".qweight")) {
    WHET_TRY_STATUS(repack_transposed(scheme, stem, planes, pool));
    // Its own writers add a bias of zeros to layers that have none.
    const TensorEntry* bias = planes.find(stem + ".bias");
    if (bias != nullptr && std::all_of(bias->bytes.begin(), bias->bytes.end(),
                                       [](std::byte b) { return b == std::byte{}; })) {
      planes.drop(bias->name);
    }
  }
  return ok_status();
}

// --- compressed-tensors and float8: rows as they are, scales of rows, groups or squares ---

/// Scales [1], [rows], [rows, 1], [rows, groups] or of squares, as the group of columns they serve.
struct RowScales {
  const TensorEntry* plane;
  int64_t rows_per_scale, group, n_groups;

  float at(int64_t row, int64_t g) const {
    return float_at(*plane, row / rows_per_scale * n_groups + g);
  }
};

Result<RowScales> row_scales(const std::string& name, uint64_t rows, uint64_t columns,
                             uint64_t block_rows, Planes& planes) {
  const TensorEntry* plane = planes.find(name);
  if (plane == nullptr) return invalid(fmt::format("tensor {}: expected, found none", name));
  Shape shape = plane->shape;
  while (shape.size() < 2) shape.push_back(1);
  const auto n_groups = static_cast<int64_t>(shape.back());
  const uint64_t per_scale = shape[0] == 1 ? rows : shape[0] == rows ? 1 : block_rows;
  if (shape.size() != 2 || per_scale == 0 || shape[0] != ceil_div(rows, per_scale) ||
      n_groups == 0 || shape[1] > columns) {
    return invalid(fmt::format("tensor {}: shape {} serves no matrix of [{}, {}]", name,
                               plane->shape, rows, columns));
  }
  // Squares at the edge may be cut, so their number does not tell how wide they are.
  const uint64_t group = block_rows > 0 && shape[1] > 1 ? block_rows : ceil_div(columns, shape[1]);
  if (ceil_div(columns, group) != shape[1]) {
    return invalid(
        fmt::format("tensor {}: {} scales do not serve {} columns", name, shape[1], columns));
  }
  WHET_TRY_STATUS(planes.floats(name, plane->shape));
  return RowScales{plane, static_cast<int64_t>(per_scale), static_cast<int64_t>(group), n_groups};
}

Status repack_float8(const std::string& stem, const char* scale_name, uint64_t block_rows,
                     Planes& planes, ThreadPool& pool) {
  const TensorEntry* codes = planes.find(stem + ".weight");
  if (codes->shape.size() != 2) return ok_status();
  const uint64_t rows = codes->shape[0], columns = codes->shape[1];
  std::optional<RowScales> scales;
  if (scale_name != nullptr) {
    WHET_TRY(scales, row_scales(stem + scale_name, rows, columns, block_rows, planes));
  }
  // Without scales BF16 holds every value; with them only F32 does.
  const DType type = scales ? DType::F32 : DType::BF16;
  const uint64_t row_size = columns * dtype_info(type).block_bytes;
  WHET_TRY(std::shared_ptr<FileBytes> memory, FileBytes::allocate(rows * row_size, codes->name));
  std::byte* const base = memory->writable_bytes().data();
  const bool e4m3 = codes->type == DType::F8_E4M3;
  pool.for_each(static_cast<int64_t>(rows), [&](int64_t row) {
    const std::byte* from = codes->bytes.data() + static_cast<uint64_t>(row) * columns;
    std::byte* to = base + static_cast<uint64_t>(row) * row_size;
    for (uint64_t c = 0; c < columns; ++c) {
      const auto bits = std::to_integer<uint8_t>(from[c]);
      float x = e4m3 ? f32_from_e4m3(bits) : f32_from_e5m2(bits);
      if (scales) {
        x *= scales->at(row, static_cast<int64_t>(c) / scales->group);
        std::memcpy(to + 4 * c, &x, sizeof(x));
      } else {
        const uint16_t half = kernels::bf16_bits_from_f32(x);
        std::memcpy(to + 2 * c, &half, sizeof(half));
      }
    }
  });
  planes.drop(codes->name);
  planes.add(codes->name, type, codes->shape, std::move(memory));
  return ok_status();
}

bool is_float8(const TensorEntry& tensor) {
  return tensor.type == DType::F8_E4M3 || tensor.type == DType::F8_E5M2;
}

Status repack_all_float8(const Json& section, Planes& planes, ThreadPool& pool) {
  uint64_t block_rows = 0;
  if (const Json* block = find_field(section, "weight_block_size")) {
    if (!block->is_array() || block->size() != 2 || !(*block)[0].is_number_unsigned() ||
        (*block)[0] != (*block)[1]) {
      return invalid("config.json: \"weight_block_size\": expected two equal numbers");
    }
    block_rows = (*block)[0].get<uint64_t>();
  }
  for (const std::string& stem : planes.stems(".weight")) {
    if (!is_float8(*planes.find(stem + ".weight"))) continue;
    const char* scale = nullptr;
    for (const char* name : {".weight_scale_inv", ".weight_scale"}) {
      if (planes.find(stem + name) != nullptr) scale = name;
    }
    WHET_TRY_STATUS(repack_float8(stem, scale, block_rows, planes, pool));
    for (const char* name : {".input_scale", ".activation_scale"}) planes.drop(stem + name);
  }
  return ok_status();
}

/// Codes of 4 or 8 bits in words along the columns, with 2^(bits - 1) added; or int8 as it is.
Status repack_integers(const std::string& stem, int64_t bits, bool packed, Planes& planes,
                       ThreadPool& pool) {
  const std::string name = stem + (packed ? ".weight_packed" : ".weight");
  const TensorEntry* codes = planes.find(name);
  if (codes->shape.size() != 2) return invalid(fmt::format("tensor {}: expected a matrix", name));
  const uint64_t rows = codes->shape[0];
  const uint64_t columns = codes->shape[1] * (packed ? 32 / static_cast<uint64_t>(bits) : 1);
  for (const char* plane : {".weight_zero_point", ".weight_g_idx"}) {
    if (planes.find(stem + plane) != nullptr) {
      return invalid(
          fmt::format("tensor {}{}: compressed-tensors is read without zero points and "
                      "act-order only",
                      stem, plane));
    }
  }
  WHET_TRY(const RowScales scales, row_scales(stem + ".weight_scale", rows, columns, 0, planes));
  if (columns % static_cast<uint64_t>(scales.group) != 0) {
    return invalid(
        fmt::format("tensor {}: groups of {} do not make {} columns", name, scales.group, columns));
  }
  WHET_TRY_STATUS(planes.get(name,
                             packed ? std::initializer_list<DType>{DType::I32, DType::U32}
                                    : std::initializer_list<DType>{DType::I8},
                             codes->shape));
  planes.drop(stem + ".weight_shape");
  planes.drop(stem + ".input_scale");
  CodedMatrix matrix{stem + ".weight",
                     static_cast<int64_t>(rows),
                     static_cast<int64_t>(columns),
                     scales.group,
                     false,
                     nullptr};
  matrix.read = [=, n_columns = matrix.columns](int64_t first, int64_t n, CodedRows& out) {
    for (int64_t r = 0; r < n; ++r) {
      const std::byte* row =
          codes->bytes.data() + static_cast<uint64_t>(first + r) * (codes->bytes.size() / rows);
      int32_t* to = out.codes.data() + r * n_columns;
      if (packed) {
        unpack_bits(row, bits, n_columns, to);
        for (int64_t c = 0; c < n_columns; ++c) to[c] -= 1 << (bits - 1);
      } else {
        for (int64_t c = 0; c < n_columns; ++c) to[c] = std::to_integer<int8_t>(row[c]);
      }
      for (int64_t g = 0; g < scales.n_groups; ++g) {
        out.scales[static_cast<size_t>(r * scales.n_groups + g)] = scales.at(first + r, g);
      }
    }
  };
  return planes.put(matrix, pool);
}

Status repack_compressed(const Json& section, Planes& planes, ThreadPool& pool) {
  WHET_TRY(const std::string format, get_string_or(section, "format", ""));
  if (format == "float-quantized" || format == "naive-quantized") {
    WHET_TRY_STATUS(repack_all_float8(section, planes, pool));
  } else if (format == "pack-quantized") {
    WHET_TRY(const Json* groups, [&]() -> Result<const Json*> {
      const Json* found = find_field(section, "config_groups");
      if (found != nullptr && found->is_object()) return found;
      return invalid("config.json: \"config_groups\": expected an object");
    }());
    int64_t bits = 0;
    for (const Json& group : *groups) {
      const Json* weights = find_field(group, "weights");
      if (weights == nullptr) continue;
      WHET_TRY(const int64_t num_bits, get_int(*weights, "num_bits"));
      if ((num_bits != 4 && num_bits != 8) || (bits != 0 && bits != num_bits)) {
        return invalid(
            fmt::format("config.json: \"num_bits\": expected 4 or 8 for all groups, "
                        "found {}",
                        num_bits));
      }
      bits = num_bits;
    }
    if (bits == 0) return invalid("config.json: \"num_bits\" is missing");
    for (const std::string& stem : planes.stems(".weight_packed")) {
      WHET_TRY_STATUS(repack_integers(stem, bits, true, planes, pool));
    }
  } else if (format != "int-quantized") {
    return invalid(
        fmt::format("config.json: compressed-tensors: expected the format "
                    "pack-quantized, int-quantized or float-quantized, found {}",
                    quote_untrusted(format)));
  }
  for (const std::string& stem : planes.stems(".weight_scale")) {
    const TensorEntry* weight = planes.find(stem + ".weight");
    if (weight == nullptr || weight->type != DType::I8) continue;
    WHET_TRY_STATUS(repack_integers(stem, 8, false, planes, pool));
  }
  return ok_status();
}

/// The section that says how the weights are quantised, and the method's name; null: none does.
struct Method {
  Json section;
  std::string name;
};
Result<Method> read_method(const ModelFile& file) {
  const auto config = file.side_files.find("config.json");
  if (config == file.side_files.end()) return Method{};
  WHET_TRY(const Json root, parse_json_object(config->second).with_context("config.json"));
  for (const char* key : {"quantization", "quantization_config"}) {
    const Json* section = find_field(root, key);
    if (section == nullptr) continue;
    if (!section->is_object()) {
      return invalid(fmt::format("config.json: \"{}\": expected an object, found {}", key,
                                 section->type_name()));
    }
    WHET_TRY(std::string name, get_string_or(*section, "quant_method", ""));
    if (name.empty() && find_field(*section, "bits") != nullptr) name = "mlx";
    return Method{*section, std::move(name)};
  }
  return Method{};
}

}  // namespace

Result<std::vector<std::shared_ptr<FileBytes>>> repack_quantised_weights(
    ModelFile& file, ThreadPool& pool, std::vector<std::string>& notes) {
  if (file.container != ModelFile::Container::kSafeTensors) {
    return std::vector<std::shared_ptr<FileBytes>>();
  }
  WHET_TRY(const Method method, read_method(file));
  Planes planes(file);
  const auto repack = [&]() -> Status {
    // Float8 without a word about it needs no scales.
    if (method.section.is_null()) return repack_all_float8(Json::object(), planes, pool);
    if (method.name == "mlx") return repack_mlx(method.section, planes, pool);
    if (method.name == "awq") return repack_awq(method.section, planes, pool);
    if (method.name == "gptq") return repack_gptq(method.section, planes, pool);
    if (method.name == "fp8") return repack_all_float8(method.section, planes, pool);
    if (method.name == "compressed-tensors") {
      return repack_compressed(method.section, planes, pool);
    }
    return invalid(fmt::format(
        "config.json: \"quant_method\": expected awq, gptq, fp8, compressed-tensors, or MLX's "
        "\"quantization\", found {}",
        quote_untrusted(method.name)));
  };
  WHET_TRY_STATUS(repack());
  return planes.finish(method.section.is_null() ? "float8" : method.name, notes);
}

}  // namespace whet
