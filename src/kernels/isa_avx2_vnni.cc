#include "kernels/isa_tables.h"
#include "kernels/policy_avx2.h"
#include "kernels/table.h"

namespace whet::kernels {
const KernelTable kAvx2VnniTable = make_table<Avx2Vnni>(Isa::kAvx2Vnni);
}  // namespace whet::kernels
