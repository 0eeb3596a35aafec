// Rows of a quantised matrix put into each other, so that one load fetches the same columns of all
// rows of a panel and no kernel has to transpose them. A panel takes the bytes of its rows: block
// after block, what lay at `offset` of a block begins at n_rows * offset, four bytes of each row in
// turn (two, where the block keeps its f16 factor by itself).
#pragma once

#include <cstddef>

#include "tensor/dtype.h"
#include "tensor/matrix.h"

namespace whet::kernels {

/// The types whose kernels take interleaved rows (LinearArgs::interleaved).
bool can_interleave(DType type);
/// n_rows consecutive rows to a panel. The two must not overlap.
void interleave_rows(DType type, size_t n_rows, size_t n_cols, const void* rows, void* panel);
/// One row of either layout to f32, exact by the format's definition.
void dequantize_row(const Matrix& w, int64_t row, float* dst);

}  // namespace whet::kernels
