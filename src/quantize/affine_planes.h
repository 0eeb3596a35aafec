// Weights as MLX stores them: codes in words along the columns, and a scale and a bias for each
// group of them. From blocks of GGUF without loss, or from floats as MLX quantises them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tensor/dtype.h"

namespace whet {

struct AffineForm {
  int bits = 4;    // 2, 3, 4, 5, 6 or 8
  int group = 64;  // 32, 64 or 128

  friend bool operator==(const AffineForm&, const AffineForm&) = default;
};
bool is_affine_form(const AffineForm& form);

/// True for the types whose blocks are codes of 32 weights with a scale (and a minimum) in F16.
bool has_affine_image(DType type);

/// Codes of one row; the value of column c is scale * code + bias of its group.
struct AffineRow {
  int group = 32;
  std::vector<uint8_t> codes;         // [columns]
  std::vector<float> scales, biases;  // [columns / group]
};

/// The row as it is, in groups of 32. None: a bias that F16 does not hold. Precondition:
/// has_affine_image(type).
std::optional<AffineRow> affine_row_of_blocks(DType type, std::span<const std::byte> blocks,
                                              size_t n);

/// The nearest codes to finite weights, by MLX's rule: the end of a group's range that is farther
/// from zero is hit exactly, and zero is a code. Scales and biases are rounded to F16 first.
AffineRow quantise_affine(std::span<const float> weights, const AffineForm& form);

/// The smallest width of all codes and the largest groups that share their factors, found row by
/// row.
class AffineFormFinder {
 public:
  void add(const AffineRow& row);
  AffineForm found() const;

 private:
  uint8_t largest_ = 0;
  bool fits_64_ = true, fits_128_ = true;
};

/// Words of one row, and its factors in F16. Precondition: the row is of this form.
void put_affine_row(const AffineRow& row, const AffineForm& form, std::span<std::byte> words,
                    std::span<std::byte> scales, std::span<std::byte> biases);

/// Values of a row, as MLX computes them.
void dequantise_affine(const AffineRow& row, std::span<float> values);

}  // namespace whet
