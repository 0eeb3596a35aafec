// The tables that this build contains, one per translation unit with its own compiler flags.
#pragma once

#include "kernels/kernels.h"

namespace whet::kernels {

extern const KernelTable kScalarTable;
extern const KernelTable kAvx2Table;
extern const KernelTable kAvx2VnniTable;
extern const KernelTable kAvx512Table;
extern const KernelTable kAvx512VnniTable;
/// kAvx512VnniTable with other products of BF16. A function, because it is made of another table:
/// a constant would be initialised by AVX-512 instructions at the start of every process.
KernelTable avx512_bf16_table();
extern const KernelTable kNeonTable;
extern const KernelTable kNeonDotprodTable;

}  // namespace whet::kernels
