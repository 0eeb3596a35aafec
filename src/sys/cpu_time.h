// Who used the CPUs: this process, other programs, the hypervisor. For telling a measurement that
// had the machine to itself from one that had not.
#pragma once

#include <cstdint>
#include <optional>

namespace whet {

struct CpuTime {      // all CPUs together, since some fixed moment
  int64_t own_ns;     // this process and the children that it has waited for
  int64_t busy_ns;    // all programs, to the clock tick (10 ms as a rule)
  int64_t stolen_ns;  // taken by the hypervisor, the same
};

/// none where /proc/stat does not tell.
std::optional<CpuTime> cpu_time();

}  // namespace whet
