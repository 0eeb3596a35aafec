// The system calls that a sandboxed program may not make: a second wall behind the namespaces.
#pragma once

#include <string>

namespace whet::eval {

/// A classic BPF program (bytes of struct sock_filter[]) for `bwrap --seccomp`. Denied calls fail
/// with EPERM: networking, tracing, mounting, namespaces, keys, bpf, io_uring, and, unless
/// `may_fork`, every new process or thread. A call of another architecture kills the process.
/// Empty where the filter is not written for this machine's architecture.
std::string seccomp_filter(bool may_fork);

}  // namespace whet::eval
