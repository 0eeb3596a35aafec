#include "kernels/isa_tables.h"
#include "kernels/policy_scalar.h"
#include "kernels/table.h"

namespace whet::kernels {
const KernelTable kScalarTable = make_table<Scalar>(Isa::kScalar);
}  // namespace whet::kernels
