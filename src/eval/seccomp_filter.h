// The seccomp filter of the sandbox: a list of the system calls that programs need. All others,
// those of newer kernels included, fail with ENOSYS, as if the kernel did not have them.
#pragma once

#include <string>

#include "base/result.h"

namespace whet::eval {

/// The filter as the kernel takes it, for this machine's own calls. `may_fork` allows processes and
/// threads, but no namespaces. Errors (kUnavailable): libseccomp does not know this architecture.
Result<std::string> seccomp_filter(bool may_fork);

}  // namespace whet::eval
