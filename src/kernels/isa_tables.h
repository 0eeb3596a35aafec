// The tables that this build contains, one per translation unit with its own compiler flags.
#pragma once

#include "kernels/kernels.h"

namespace whet::kernels {

extern const KernelTable kScalarTable;
#if defined(__x86_64__)
extern const KernelTable kAvx2Table;
#endif

}  // namespace whet::kernels
