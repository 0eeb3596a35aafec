// The tables that this build contains, one per translation unit with its own compiler flags.
#pragma once

#include "kernels/kernels.h"

namespace whet::kernels {

extern const KernelTable kScalarTable;
extern const KernelTable kAvx2Table;
extern const KernelTable kAvx2VnniTable;
extern const KernelTable kAvx512Table;
extern const KernelTable kAvx512VnniTable;
extern const KernelTable kNeonTable;
extern const KernelTable kNeonDotprodTable;

}  // namespace whet::kernels
