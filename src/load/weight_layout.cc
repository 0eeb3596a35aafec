#include "load/weight_layout.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace whet {
namespace {

bool is_transposed(WeightLayout layout) {
  return layout == WeightLayout::kTransposed || layout == WeightLayout::kTransposedPairs;
}

/// Which row (transposed: which column) of the file is row `row` of a matrix.
int64_t place_in_file(WeightLayout layout, const RowsShape& shape, int64_t row) {
  switch (layout) {
    case WeightLayout::kRows:
    case WeightLayout::kTransposed:
      return row;
    case WeightLayout::kHeadByHead: {
      const int64_t per_part = shape.rows / 3, part = row / per_part, in_part = row % per_part;
      const int64_t head = in_part / shape.head_dim;
      return (3 * head + part) * shape.head_dim + in_part % shape.head_dim;
    }
    case WeightLayout::kTransposedPairs: {
      const int64_t half = shape.rows / 2;
      return row < half ? 2 * row : 2 * (row - half) + 1;
    }
  }
  WHET_UNREACHABLE();
}

/// `places` [rows] of the columns of `stored` [columns, rows] to `out` [rows, columns], in squares
/// that stay in the cache.
template <typename Element>
void transpose(const std::byte* stored, const std::vector<int64_t>& places, int64_t columns,
               std::byte* out) {
  constexpr int64_t kSide = 32;
  const auto rows = static_cast<int64_t>(places.size());
  for (int64_t first_row = 0; first_row < rows; first_row += kSide) {
    const int64_t end_row = std::min(first_row + kSide, rows);
    for (int64_t first = 0; first < columns; first += kSide) {
      const int64_t end = std::min(first + kSide, columns);
      for (int64_t r = first_row; r < end_row; ++r) {
        const int64_t place = places[static_cast<size_t>(r)];
        for (int64_t c = first; c < end; ++c) {
          std::memcpy(out + static_cast<size_t>(r * columns + c) * sizeof(Element),
                      stored + static_cast<size_t>(c * rows + place) * sizeof(Element),
                      sizeof(Element));
        }
      }
    }
  }
}

}  // namespace

WeightLayout layout_in_file(WeightLayout layout, DType type) {
  return is_transposed(layout) && !is_float(type) ? WeightLayout::kRows : layout;
}

std::vector<uint64_t> shape_in_file(WeightLayout layout, const RowsShape& shape, bool stacked) {
  std::vector<uint64_t> dims;
  if (stacked) dims.push_back(static_cast<uint64_t>(shape.n));
  const auto rows = static_cast<uint64_t>(shape.rows),
             columns = static_cast<uint64_t>(shape.columns);
  const bool transposed = is_transposed(layout);
  dims.push_back(transposed ? columns : rows);
  dims.push_back(transposed ? rows : columns);
  return dims;
}

Result<std::shared_ptr<FileBytes>> make_rows(const TensorEntry& stored, WeightLayout layout,
                                             const RowsShape& shape) {
  std::vector<int64_t> places(static_cast<size_t>(shape.rows));
  for (int64_t r = 0; r < shape.rows; ++r) {
    places[static_cast<size_t>(r)] = place_in_file(layout, shape, r);
  }
  const uint64_t row_size =
      row_bytes(dtype_info(stored.type), static_cast<uint64_t>(shape.columns));
  const uint64_t size = static_cast<uint64_t>(shape.rows) * row_size;  // of one matrix
  WHET_TRY(std::shared_ptr<FileBytes> made,
           FileBytes::allocate(static_cast<uint64_t>(shape.n) * size, stored.name));
  for (int64_t i = 0; i < shape.n; ++i) {
    const std::byte* from = stored.bytes.data() + static_cast<uint64_t>(i) * size;
    std::byte* to = made->writable_bytes().data() + static_cast<uint64_t>(i) * size;
    if (is_transposed(layout)) {
      const auto run = stored.type == DType::F32 ? transpose<uint32_t> : transpose<uint16_t>;
      run(from, places, shape.columns, to);
      continue;
    }
    for (const int64_t place : places) {
      std::memcpy(to, from + static_cast<uint64_t>(place) * row_size, row_size);
      to += row_size;
    }
  }
  return made;
}

std::vector<float> biases_of_rows(const std::vector<float>& stored, WeightLayout layout,
                                  const RowsShape& shape) {
  std::vector<float> biases;
  biases.reserve(stored.size());
  for (int64_t i = 0; i < shape.n; ++i) {
    for (int64_t r = 0; r < shape.rows; ++r) {
      biases.push_back(
          stored[static_cast<size_t>(i * shape.rows + place_in_file(layout, shape, r))]);
    }
  }
  return biases;
}

}  // namespace whet
