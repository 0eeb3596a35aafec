#include "load/weight_planes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

#include "kernels/f16.h"

namespace whet {

Error invalid_planes(std::string message) {
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

WeightPlanes::WeightPlanes(ModelFile& file) : file_(file) {
  for (const TensorEntry& tensor : file.tensors) by_name_.emplace(tensor.name, &tensor);
}

std::vector<std::string> WeightPlanes::stems(std::string_view suffix) const {
  std::vector<std::string> found;
  for (const auto& [name, tensor] : by_name_) {
    if (name.ends_with(suffix)) found.emplace_back(name.substr(0, name.size() - suffix.size()));
  }
  return found;
}

const TensorEntry* WeightPlanes::find(const std::string& name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : it->second;
}

Result<const TensorEntry*> WeightPlanes::get(const std::string& name,
                                             std::initializer_list<DType> types,
                                             const Shape& shape) {
  const TensorEntry* tensor = find(name);
  if (tensor == nullptr) {
    return invalid_planes(fmt::format("tensor {}: expected {}, found none", name, shape));
  }
  if (std::find(types.begin(), types.end(), tensor->type) == types.end()) {
    return invalid_planes(fmt::format("tensor {}: type {} is none that such a plane has", name,
                                      dtype_info(tensor->type).name));
  }
  if (tensor->shape != shape) {
    return invalid_planes(
        fmt::format("tensor {}: expected shape {}, found {}", name, shape, tensor->shape));
  }
  drop(name);
  return tensor;
}

Result<const TensorEntry*> WeightPlanes::floats(const std::string& name, const Shape& shape) {
  return get(name, {DType::F32, DType::F16, DType::BF16}, shape);
}

Status WeightPlanes::put(const CodedMatrix& matrix, ThreadPool& pool) {
  WHET_TRY(EncodedMatrix encoded, encode(matrix, pool));
  largest_rounding_ = std::max(largest_rounding_, encoded.largest_rounding);
  add(matrix.name, encoded.type,
      {static_cast<uint64_t>(matrix.rows), static_cast<uint64_t>(matrix.columns)},
      std::move(encoded.memory));
  return ok_status();
}

void WeightPlanes::add(std::string name, DType type, Shape shape,
                       std::shared_ptr<FileBytes> memory) {
  ++n_of_type_[std::string(dtype_info(type).name)];
  added_.push_back({.name = std::move(name),
                    .type = type,
                    .shape = std::move(shape),
                    .bytes = memory->bytes(),
                    .file_index = file_.files.size() + memory_.size(),
                    .file_offset = 0});
  memory_.push_back(std::move(memory));
}

std::vector<std::shared_ptr<FileBytes>> WeightPlanes::finish(std::string_view method,
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

}  // namespace whet
