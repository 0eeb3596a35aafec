#include "kernels/isa_tables.h"
#include "kernels/policy_avx512.h"
#include "kernels/table.h"

namespace whet::kernels {
const KernelTable kAvx512VnniTable = make_table<Avx512Vnni>(Isa::kAvx512Vnni);
}  // namespace whet::kernels
