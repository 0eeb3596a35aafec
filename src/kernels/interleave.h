// Rows of a matrix put into each other, so that a panel of rows is one stream of memory and, of
// quantised types, one load fetches the same columns of all rows and no kernel has to transpose
// them. A panel takes the bytes of its rows: what lay at `offset` of a row begins at n_rows *
// offset, four bytes of each row in turn (two or one, where a block keeps its factor by itself; of
// floats eight columns).
#pragma once

#include <cstddef>

#include "kernels/kernels.h"
#include "tensor/dtype.h"
#include "tensor/matrix.h"

namespace whet::kernels {

/// Rows of a panel of an interleaved matrix (LinearArgs::interleaved), which has a multiple of
/// them; 1 where the kernels only take rows as they lie in the file.
size_t interleaved_rows(const KernelTable& table, DType type, size_t n_cols);
/// True where decoding reads interleaved rows of this type faster than the file's, `rows_per_step`
/// tokens at a time, by measurement (docs/performance.md): with a dot instruction the kernels of
/// several tokens lose by it what those of one token gain.
bool interleaving_pays(Isa isa, DType type, int rows_per_step);
/// n_rows consecutive rows to a panel. The two must not overlap.
void interleave_rows(DType type, size_t n_rows, size_t n_cols, const void* rows, void* panel);
/// One row of either layout to f32, exact by the format's definition.
void dequantize_row(const Matrix& w, int64_t row, float* dst);

}  // namespace whet::kernels
