#include "load/mxfp4_experts.h"

#include <fmt/format.h>

#include <cstring>

#include "load/four_bit_codes.h"
#include "tensor/blocks.h"

namespace whet {
namespace {

constexpr uint64_t kBlockCodes = 32, kBlockCodeBytes = 16;

Status repack_stack(const std::string& stem, WeightPlanes& planes, ThreadPool& pool) {
  const std::string codes_name = stem + "_blocks", scales_name = stem + "_scales";
  Shape shape = planes.find(codes_name)->shape;
  if (shape.size() != 4 || shape[3] != kBlockCodeBytes) {
    return invalid_planes(
        fmt::format("tensor {}: expected experts x rows x blocks x 16 bytes, found {} dimensions",
                    codes_name, shape.size()));
  }
  WHET_TRY(const TensorEntry* codes, planes.get(codes_name, {DType::U8}, shape));
  shape.pop_back();
  WHET_TRY(const TensorEntry* scales, planes.get(scales_name, {DType::U8}, shape));
  const uint64_t n_experts = shape[0], rows = shape[1], blocks = shape[2];
  const bool by_turns = stem.ends_with(".gate_up_proj");
  if (by_turns && rows % 2 != 0) {
    return invalid_planes(fmt::format(
        "tensor {}: expected rows of gates and ups by turns, found {} rows", codes_name, rows));
  }
  WHET_TRY(std::shared_ptr<FileBytes> memory,
           FileBytes::allocate(n_experts * rows * blocks * sizeof(BlockMXFP4), stem));
  std::byte* const base = memory->writable_bytes().data();
  pool.for_each(static_cast<int64_t>(n_experts * rows), [&](int64_t index) {
    const auto to_row = static_cast<uint64_t>(index);
    const uint64_t expert = to_row / rows, in_expert = to_row % rows, half = rows / 2;
    const uint64_t from_in_expert = !by_turns          ? in_expert
                                    : in_expert < half ? 2 * in_expert
                                                       : 2 * (in_expert - half) + 1;
    const uint64_t from = (expert * rows + from_in_expert) * blocks;
    std::byte* out = base + to_row * blocks * sizeof(BlockMXFP4);
    for (uint64_t b = 0; b < blocks; ++b, out += sizeof(BlockMXFP4)) {
      BlockMXFP4 block{};
      block.e = std::to_integer<uint8_t>(scales->bytes[from + b]);
      put_halves(codes->bytes.data() + (from + b) * kBlockCodeBytes, 0, kBlockCodeBytes, block.qs);
      std::memcpy(out, &block, sizeof(block));
    }
  });
  planes.add(stem, DType::MXFP4, {n_experts, rows, blocks * kBlockCodes}, std::move(memory));
  return ok_status();
}

}  // namespace

Status repack_mxfp4_experts(WeightPlanes& planes, ThreadPool& pool) {
  for (const std::string& stem : planes.stems("_blocks")) {
    WHET_TRY_STATUS(repack_stack(stem, planes, pool));
  }
  return ok_status();
}

}  // namespace whet
