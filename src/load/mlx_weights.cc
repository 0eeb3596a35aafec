#include "load/mlx_weights.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/checked_math.h"
#include "formats/untrusted_text.h"
#include "kernels/f16.h"
#include "load/coded_matrix.h"
#include "load/float8.h"
#include "load/four_bit_codes.h"
#include "tensor/blocks.h"
#include "token/json_fields.h"

namespace whet {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMostColumns = 1 << 24;

struct MlxScheme {
  std::string mode;
  int64_t bits, group;
};

Result<int64_t> positive(const Json& object, const char* name) {
  WHET_TRY(const int64_t value, get_int(object, name));
  if (value > 0 && value <= 1 << 20) return value;
  return invalid_planes(fmt::format("\"{}\": expected a positive number, found {}", name, value));
}

/// A mode of floats has one width and one group.
struct FloatMode {
  const char* name;
  int64_t bits, group;
};
constexpr FloatMode kFloatModes[] = {{"mxfp4", 4, 32}, {"mxfp8", 8, 32}, {"nvfp4", 4, 16}};

Result<MlxScheme> scheme_of(const Json& section, const std::string& stem) {
  const Json* own = find_field(section, stem.c_str());
  const Json& place = own != nullptr && own->is_object() ? *own : section;
  MlxScheme scheme{};
  WHET_TRY(scheme.mode, get_string_or(place, "mode", "affine"));
  WHET_TRY(scheme.bits, positive(place, "bits"));
  WHET_TRY(scheme.group, positive(place, "group_size"));
  for (const FloatMode& mode : kFloatModes) {
    if (scheme.mode != mode.name) continue;
    if (scheme.bits == mode.bits && scheme.group == mode.group) return scheme;
    return invalid_planes(fmt::format(
        "config.json: \"quantization\": expected {} bits in groups of {} for {} of {}, found {} in "
        "groups of {}",
        mode.bits, mode.group, mode.name, quote_untrusted(stem), scheme.bits, scheme.group));
  }
  if (scheme.mode != "affine") {
    return invalid_planes(
        fmt::format("config.json: \"quantization\": expected mode affine, mxfp4, mxfp8 or nvfp4 "
                    "for {}, found {}",
                    quote_untrusted(stem), quote_untrusted(scheme.mode)));
  }
  if (scheme.bits > 8 || scheme.bits == 7) {
    return invalid_planes(fmt::format(
        "config.json: \"quantization\": expected 2, 3, 4, 5, 6 or 8 bits, found {}", scheme.bits));
  }
  return scheme;
}

/// One quantised module: its planes, checked against each other.
struct MlxMatrix {
  std::string stem;
  MlxScheme scheme;
  uint64_t rows, columns, words;  // words of a row of codes
  const TensorEntry *codes, *scales;

  const std::byte* row_of_codes(int64_t row) const {
    return codes->bytes.data() + static_cast<uint64_t>(row) * words * 4;
  }
  /// Of the modes of floats.
  uint8_t scale_byte(int64_t row, uint64_t group) const {
    return std::to_integer<uint8_t>(
        scales->bytes[static_cast<uint64_t>(row) * scales->shape[1] + group]);
  }
};

Result<MlxMatrix> find_matrix(const Json& section, const std::string& stem, WeightPlanes& planes) {
  WHET_TRY(MlxScheme scheme, scheme_of(section, stem));
  const TensorEntry* scales = planes.find(stem + ".scales");
  if (scales->shape.size() != 2) {
    return invalid_planes(fmt::format("tensor {}: expected a matrix", scales->name));
  }
  const uint64_t rows = scales->shape[0];
  const auto columns = checked_mul(scales->shape[1], static_cast<uint64_t>(scheme.group));
  if (!columns || *columns > kMostColumns ||
      *columns * static_cast<uint64_t>(scheme.bits) % 32 != 0) {
    return invalid_planes(fmt::format("tensor {}: groups of {} do not make rows of whole words",
                                      scales->name, scheme.group));
  }
  const uint64_t words = *columns * static_cast<uint64_t>(scheme.bits) / 32;
  WHET_TRY(const TensorEntry* codes, planes.get(stem + ".weight", {DType::U32}, {rows, words}));
  return MlxMatrix{stem, std::move(scheme), rows, *columns, words, codes, scales};
}

Status repack_affine(const MlxMatrix& m, WeightPlanes& planes, ThreadPool& pool) {
  const Shape factors = m.scales->shape;
  WHET_TRY_STATUS(planes.floats(m.scales->name, factors));
  WHET_TRY(const TensorEntry* biases, planes.floats(m.stem + ".biases", factors));
  CodedMatrix matrix{m.stem + ".weight",
                     static_cast<int64_t>(m.rows),
                     static_cast<int64_t>(m.columns),
                     m.scheme.group,
                     true,
                     nullptr};
  const auto n_groups = static_cast<int64_t>(factors[1]);
  matrix.read = [=, &m, n_columns = matrix.columns](int64_t first, int64_t n, CodedRows& out) {
    for (int64_t r = 0; r < n; ++r) {
      unpack_bits(m.row_of_codes(first + r), m.scheme.bits, n_columns,
                  out.codes.data() + r * n_columns);
    }
    for (int64_t i = 0; i < n * n_groups; ++i) {
      out.scales[static_cast<size_t>(i)] = float_at(*m.scales, first * n_groups + i);
      out.biases[static_cast<size_t>(i)] = float_at(*biases, first * n_groups + i);
    }
  };
  return planes.put(matrix, pool);
}

void put_mxfp4(const MlxMatrix& m, int64_t row, std::byte* out) {
  for (uint64_t column = 0; column < m.columns; column += 32, out += sizeof(BlockMXFP4)) {
    BlockMXFP4 block{};
    block.e = m.scale_byte(row, column / 32);
    put_halves(m.row_of_codes(row), column, 16, block.qs);
    std::memcpy(out, &block, sizeof(block));
  }
}

void put_nvfp4(const MlxMatrix& m, int64_t row, std::byte* out) {
  for (uint64_t column = 0; column < m.columns; column += 64, out += sizeof(BlockNVFP4)) {
    BlockNVFP4 block{};
    for (uint64_t g = 0; g < 4; ++g) {
      block.d[g] = m.scale_byte(row, column / 16 + g);
      put_halves(m.row_of_codes(row), column + 16 * g, 8, block.qs + 8 * g);
    }
    std::memcpy(out, &block, sizeof(block));
  }
}

/// Four bits of mantissa and a power of two: BF16 holds every value.
void put_mxfp8(const MlxMatrix& m, int64_t row, std::byte* out) {
  for (uint64_t column = 0; column < m.columns; ++column, out += sizeof(uint16_t)) {
    const float code = f32_from_e4m3(std::to_integer<uint8_t>(m.row_of_codes(row)[column]));
    const int exponent = m.scale_byte(row, column / 32) - 127;
    const uint16_t x = kernels::bf16_bits_from_f32(std::ldexp(code, exponent));
    std::memcpy(out, &x, sizeof(x));
  }
}

Status repack_floats(const MlxMatrix& m, WeightPlanes& planes, ThreadPool& pool) {
  WHET_TRY_STATUS(planes.get(m.scales->name, {DType::U8}, m.scales->shape));
  const bool nv = m.scheme.mode == "nvfp4", four = m.scheme.bits == 4;
  if (nv && m.columns % 64 != 0) {
    return invalid_planes(
        fmt::format("tensor {}: expected rows of a multiple of 64 weights for "
                    "nvfp4, found {}",
                    m.codes->name, m.columns));
  }
  if (nv) {
    for (size_t i = 0; i < m.scales->bytes.size(); ++i) {
      const auto scale = std::to_integer<uint8_t>(m.scales->bytes[i]);
      if (scale < 0x7f) continue;
      return invalid_planes(
          fmt::format("tensor {}: expected scales of 0 to 448, found the code "
                      "{:#x} at {}",
                      m.scales->name, scale, i));
    }
  }
  const DType type = nv ? DType::NVFP4 : four ? DType::MXFP4 : DType::BF16;
  const auto put = nv ? put_nvfp4 : four ? put_mxfp4 : put_mxfp8;
  const uint64_t row_size = row_bytes(dtype_info(type), m.columns);
  WHET_TRY(std::shared_ptr<FileBytes> memory,
           FileBytes::allocate(m.rows * row_size, m.codes->name));
  std::byte* const base = memory->writable_bytes().data();
  pool.for_each(static_cast<int64_t>(m.rows),
                [&](int64_t row) { put(m, row, base + static_cast<uint64_t>(row) * row_size); });
  planes.add(m.codes->name, type, {m.rows, m.columns}, std::move(memory));
  return ok_status();
}

}  // namespace

Status repack_mlx(const Json& section, WeightPlanes& planes, ThreadPool& pool) {
  for (const std::string& stem : planes.stems(".scales")) {
    WHET_TRY(const MlxMatrix matrix, find_matrix(section, stem, planes));
    const bool affine = matrix.scheme.mode == "affine";
    WHET_TRY_STATUS(affine ? repack_affine(matrix, planes, pool)
                           : repack_floats(matrix, planes, pool));
  }
  return ok_status();
}

}  // namespace whet
