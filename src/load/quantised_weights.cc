#include "load/quantised_weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/checked_math.h"
#include "formats/untrusted_text.h"
#include "kernels/f16.h"
#include "load/coded_matrix.h"
#include "load/float8.h"
#include "load/mlx_weights.h"
#include "load/mxfp4_experts.h"
#include "load/weight_planes.h"
#include "token/json_fields.h"

namespace whet {
namespace {

using Json = nlohmann::json;

constexpr int kAwqOrder[8] = {0, 2, 4, 6, 1, 3, 5, 7};  // column of each nibble of a word

// --- AWQ and GPTQ: qweight transposed, qzeros [groups, rows], scales [groups, rows] ---

struct TransposedScheme {
  bool is_awq;
  int64_t bits, group;  // group -1: all columns
  int64_t zero_offset;  // what is added to a stored zero point
};

Status repack_transposed(const TransposedScheme& scheme, const std::string& stem,
                         WeightPlanes& planes, ThreadPool& pool) {
  const auto per_word = static_cast<uint64_t>(32 / scheme.bits);
  const TensorEntry* qweight = planes.find(stem + ".qweight");
  const TensorEntry* scales = planes.find(stem + ".scales");
  if (scales == nullptr || scales->shape.size() != 2 || qweight->shape.size() != 2) {
    return invalid_planes(
        fmt::format("tensor {}.scales: expected a matrix beside {}", stem, qweight->name));
  }
  const uint64_t rows = scales->shape[1], n_groups = scales->shape[0];
  const uint64_t columns = qweight->shape[0] * (scheme.is_awq ? 1 : per_word);
  const uint64_t group = scheme.group > 0 ? static_cast<uint64_t>(scheme.group) : columns;
  if (rows % per_word != 0 || n_groups != ceil_div(columns, group) || columns % group != 0) {
    return invalid_planes(fmt::format("tensor {}: {} groups of {} do not make the {} columns of {}",
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
        return invalid_planes(fmt::format("tensor {}: column {} names group {} of {}", index->name,
                                          c, named, n_groups));
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

Status repack_awq(const Json& section, WeightPlanes& planes, ThreadPool& pool) {
  WHET_TRY(const std::string version, get_string_or(section, "version", "gemm"));
  if (version != "gemm" && version != "GEMM") {
    return invalid_planes(
        fmt::format("config.json: AWQ: expected version gemm, found {}", quote_untrusted(version)));
  }
  TransposedScheme scheme{.is_awq = true, .bits = 0, .group = 0, .zero_offset = 0};
  WHET_TRY(scheme.bits, get_int(section, "bits"));
  WHET_TRY(scheme.group, get_int(section, "group_size"));
  if (scheme.bits != 4) {
    return invalid_planes(fmt::format("config.json: AWQ: expected 4 bits, found {}", scheme.bits));
  }
  for (const std::string& stem : planes.stems(".qweight")) {
    WHET_TRY_STATUS(repack_transposed(scheme, stem, planes, pool));
  }
  return ok_status();
}

Status repack_gptq(const Json& section, WeightPlanes& planes, ThreadPool& pool) {
  WHET_TRY(const std::string format, get_string_or(section, "checkpoint_format", "gptq"));
  if (format != "gptq" && format != "gptq_v2") {
    return invalid_planes(
        fmt::format("config.json: GPTQ: expected the checkpoint format gptq or gptq_v2, "
                    "found {}",
                    quote_untrusted(format)));
  }
  TransposedScheme scheme{
      .is_awq = false, .bits = 0, .group = 0, .zero_offset = format == "gptq" ? 1 : 0};
  WHET_TRY(scheme.bits, get_int(section, "bits"));
  WHET_TRY(scheme.group, get_int(section, "group_size"));
  if (scheme.bits != 2 && scheme.bits != 4 && scheme.bits != 8) {
    return invalid_planes(
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
                             uint64_t block_rows, WeightPlanes& planes) {
  const TensorEntry* plane = planes.find(name);
  if (plane == nullptr) return invalid_planes(fmt::format("tensor {}: expected, found none", name));
  Shape shape = plane->shape;
  while (shape.size() < 2) shape.push_back(1);
  const auto n_groups = static_cast<int64_t>(shape.back());
  const uint64_t per_scale = shape[0] == 1 ? rows : shape[0] == rows ? 1 : block_rows;
  if (shape.size() != 2 || per_scale == 0 || shape[0] != ceil_div(rows, per_scale) ||
      n_groups == 0 || shape[1] > columns) {
    return invalid_planes(fmt::format("tensor {}: shape {} serves no matrix of [{}, {}]", name,
                                      plane->shape, rows, columns));
  }
  // Squares at the edge may be cut, so their number does not tell how wide they are.
  const uint64_t group = block_rows > 0 && shape[1] > 1 ? block_rows : ceil_div(columns, shape[1]);
  if (ceil_div(columns, group) != shape[1]) {
    return invalid_planes(
        fmt::format("tensor {}: {} scales do not serve {} columns", name, shape[1], columns));
  }
  WHET_TRY_STATUS(planes.floats(name, plane->shape));
  return RowScales{plane, static_cast<int64_t>(per_scale), static_cast<int64_t>(group), n_groups};
}

Status repack_float8(const std::string& stem, const char* scale_name, uint64_t block_rows,
                     WeightPlanes& planes, ThreadPool& pool) {
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

Status repack_all_float8(const Json& section, WeightPlanes& planes, ThreadPool& pool) {
  uint64_t block_rows = 0;
  if (const Json* block = find_field(section, "weight_block_size")) {
    if (!block->is_array() || block->size() != 2 || !(*block)[0].is_number_unsigned() ||
        (*block)[0] != (*block)[1]) {
      return invalid_planes("config.json: \"weight_block_size\": expected two equal numbers");
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

/// What codes of a group are relative to: beside the scales, int8, or packed along the rows as the
/// codes are along the columns. No plane: all zero.
struct ZeroPoints {
  const TensorEntry* plane;
  int64_t bits, rows_per_scale, n_groups;
  bool packed;

  int32_t at(int64_t row, int64_t g) const {
    if (plane == nullptr) return 0;
    const int64_t line = row / rows_per_scale;
    if (!packed) {
      return std::to_integer<int8_t>(plane->bytes[static_cast<size_t>(line * n_groups + g)]);
    }
    const int64_t per = 32 / bits;
    const uint32_t word = word_at(*plane, line / per * n_groups + g);
    const uint32_t mask = (1u << bits) - 1;
    return static_cast<int32_t>(word >> (bits * (line % per)) & mask) - (1 << (bits - 1));
  }
};

Result<ZeroPoints> zero_points(const std::string& stem, int64_t bits, bool packed, uint64_t rows,
                               const RowScales& scales, WeightPlanes& planes) {
  ZeroPoints zeros{nullptr, bits, scales.rows_per_scale, scales.n_groups, packed};
  const std::string name = stem + ".weight_zero_point";
  const TensorEntry* found = planes.find(name);
  if (found == nullptr) return zeros;
  const uint64_t lines = ceil_div(rows, static_cast<uint64_t>(scales.rows_per_scale));
  const auto n_groups = static_cast<uint64_t>(scales.n_groups);
  if (packed) {
    const uint64_t words = ceil_div(lines, static_cast<uint64_t>(32 / bits));
    WHET_TRY(zeros.plane, planes.get(name, {DType::I32, DType::U32}, {words, n_groups}));
  } else {
    WHET_TRY(zeros.plane, planes.get(name, {DType::I8}, scales.plane->shape));
  }
  return zeros;
}

/// Codes of 4 or 8 bits in words along the columns, with 2^(bits - 1) added; or int8 as it is.
Status repack_integers(const std::string& stem, int64_t bits, bool packed, WeightPlanes& planes,
                       ThreadPool& pool) {
  const std::string name = stem + (packed ? ".weight_packed" : ".weight");
  const TensorEntry* codes = planes.find(name);
  if (codes->shape.size() != 2)
    return invalid_planes(fmt::format("tensor {}: expected a matrix", name));
  const uint64_t rows = codes->shape[0];
  const uint64_t columns = codes->shape[1] * (packed ? 32 / static_cast<uint64_t>(bits) : 1);
  if (planes.find(stem + ".weight_g_idx") != nullptr) {
    return invalid_planes(
        fmt::format("tensor {}.weight_g_idx: compressed-tensors is read without act-order only; "
                    "expected no such tensor",
                    stem));
  }
  WHET_TRY(const RowScales scales, row_scales(stem + ".weight_scale", rows, columns, 0, planes));
  if (columns % static_cast<uint64_t>(scales.group) != 0) {
    return invalid_planes(
        fmt::format("tensor {}: groups of {} do not make {} columns", name, scales.group, columns));
  }
  WHET_TRY_STATUS(planes.get(name,
                             packed ? std::initializer_list<DType>{DType::I32, DType::U32}
                                    : std::initializer_list<DType>{DType::I8},
                             codes->shape));
  planes.drop(stem + ".weight_shape");
  planes.drop(stem + ".input_scale");
  WHET_TRY(const ZeroPoints zeros, zero_points(stem, bits, packed, rows, scales, planes));
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
        const int32_t zero = zeros.at(first + r, g);
        for (int64_t c = g * scales.group; zero != 0 && c < (g + 1) * scales.group; ++c) {
          to[c] -= zero;
        }
      }
    }
  };
  return planes.put(matrix, pool);
}

Status repack_compressed(const Json& section, WeightPlanes& planes, ThreadPool& pool) {
  WHET_TRY(const std::string format, get_string_or(section, "format", ""));
  if (format == "float-quantized" || format == "naive-quantized") {
    WHET_TRY_STATUS(repack_all_float8(section, planes, pool));
  } else if (format == "pack-quantized") {
    WHET_TRY(const Json* groups, [&]() -> Result<const Json*> {
      const Json* found = find_field(section, "config_groups");
      if (found != nullptr && found->is_object()) return found;
      return invalid_planes("config.json: \"config_groups\": expected an object");
    }());
    int64_t bits = 0;
    for (const Json& group : *groups) {
      const Json* weights = find_field(group, "weights");
      if (weights == nullptr) continue;
      WHET_TRY(const int64_t num_bits, get_int(*weights, "num_bits"));
      if ((num_bits != 4 && num_bits != 8) || (bits != 0 && bits != num_bits)) {
        return invalid_planes(
            fmt::format("config.json: \"num_bits\": expected 4 or 8 for all groups, "
                        "found {}",
                        num_bits));
      }
      bits = num_bits;
    }
    if (bits == 0) return invalid_planes("config.json: \"num_bits\" is missing");
    for (const std::string& stem : planes.stems(".weight_packed")) {
      WHET_TRY_STATUS(repack_integers(stem, bits, true, planes, pool));
    }
  } else if (format != "int-quantized") {
    return invalid_planes(
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
      return invalid_planes(fmt::format("config.json: \"{}\": expected an object, found {}", key,
                                        section->type_name()));
    }
    WHET_TRY(std::string name, get_string_or(*section, "quant_method", ""));
    if (name.empty() && find_field(*section, "bits") != nullptr) name = "mlx";
    return Method{*section, std::move(name)};
  }
  return Method{};
}

}  // namespace

Result<std::string> quantisation_method(const ModelFile& file) {
  if (file.container != ModelFile::Container::kSafeTensors) return std::string();
  WHET_TRY(Method method, read_method(file));
  return std::move(method.name);
}

Result<std::vector<std::shared_ptr<FileBytes>>> repack_quantised_weights(
    ModelFile& file, ThreadPool& pool, std::vector<std::string>& notes) {
  if (file.container != ModelFile::Container::kSafeTensors) {
    return std::vector<std::shared_ptr<FileBytes>>();
  }
  WHET_TRY(const Method method, read_method(file));
  WeightPlanes planes(file);
  const auto repack = [&]() -> Status {
    // Float8 without a word about it needs no scales.
    if (method.section.is_null()) return repack_all_float8(Json::object(), planes, pool);
    if (method.name == "mlx") return repack_mlx(method.section, planes, pool);
    if (method.name == "awq") return repack_awq(method.section, planes, pool);
    if (method.name == "gptq") return repack_gptq(method.section, planes, pool);
    if (method.name == "mxfp4") return repack_mxfp4_experts(planes, pool);
    if (method.name == "fp8") return repack_all_float8(method.section, planes, pool);
    if (method.name == "compressed-tensors") {
      return repack_compressed(method.section, planes, pool);
    }
    return invalid_planes(
        fmt::format("config.json: \"quant_method\": expected awq, gptq, fp8, mxfp4, "
                    "compressed-tensors, or MLX's "
                    "\"quantization\", found {}",
                    quote_untrusted(method.name)));
  };
  WHET_TRY_STATUS(repack());
  return planes.finish(method.section.is_null() ? "float8" : method.name, notes);
}

}  // namespace whet
