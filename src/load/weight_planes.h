// The tensors that a quantised weight is stored in beside each other: codes, scales, zero points.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/model_file.h"
#include "load/coded_matrix.h"
#include "par/thread_pool.h"
#include "sys/file_bytes.h"

namespace whet {

using Shape = std::vector<uint64_t>;

Error invalid_planes(std::string message);

/// Element i of a plane of F32, F16 or BF16.
float float_at(const TensorEntry& plane, int64_t i);
/// Element i of a plane of 32-bit integers.
uint32_t word_at(const TensorEntry& plane, int64_t i);
/// Codes of `bits` bits in a row, the first in the lowest.
void unpack_bits(const std::byte* bytes, int64_t bits, int64_t n, int32_t* codes);

/// The planes of one model: looked up, checked, and taken out at the end.
class WeightPlanes {
 public:
  explicit WeightPlanes(ModelFile& file);

  /// Stems "x" of the tensors "x<suffix>".
  std::vector<std::string> stems(std::string_view suffix) const;
  const TensorEntry* find(const std::string& name) const;
  /// A plane that the new tensor replaces. Errors: missing, or another type or shape.
  Result<const TensorEntry*> get(const std::string& name, std::initializer_list<DType> types,
                                 const Shape& shape);
  /// One of F32, F16 or BF16.
  Result<const TensorEntry*> floats(const std::string& name, const Shape& shape);
  /// Planes that say nothing more, or of activations, which whet quantises in its own way.
  void drop(const std::string& name) { dropped_.insert(name); }

  Status put(const CodedMatrix& matrix, ThreadPool& pool);
  void add(std::string name, DType type, Shape shape, std::shared_ptr<FileBytes> memory);

  /// Puts the new tensors in the place of their planes.
  std::vector<std::shared_ptr<FileBytes>> finish(std::string_view method,
                                                 std::vector<std::string>& notes);

 private:
  ModelFile& file_;
  std::map<std::string, const TensorEntry*, std::less<>> by_name_;
  std::set<std::string, std::less<>> dropped_;
  std::vector<TensorEntry> added_;
  std::vector<std::shared_ptr<FileBytes>> memory_;
  std::map<std::string, int> n_of_type_;
  float largest_rounding_ = 0;
};

}  // namespace whet
