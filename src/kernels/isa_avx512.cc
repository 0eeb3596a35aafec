#include "kernels/isa_tables.h"
#include "kernels/policy_avx512.h"
#include "kernels/table.h"

namespace whet::kernels {
const KernelTable kAvx512Table = make_table<Avx512>(Isa::kAvx512);
}  // namespace whet::kernels
