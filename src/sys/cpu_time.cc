#include "sys/cpu_time.h"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace whet {
namespace {

int64_t ns_of(const timeval& time) {
  return static_cast<int64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<int64_t>(time.tv_usec) * 1'000;
}

int64_t own_ns() {
  int64_t sum = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    if (::getrusage(who, &usage) == 0) sum += ns_of(usage.ru_utime) + ns_of(usage.ru_stime);
  }
  return sum;
}

}  // namespace

std::optional<CpuTime> cpu_time() {
  // "cpu  user nice system idle iowait irq softirq steal ..." in clock ticks; guests' time is
  // part of user's.
  std::ifstream stat("/proc/stat");
  std::string name;
  int64_t user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
  if (!(stat >> name >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal) ||
      name != "cpu") {
    return std::nullopt;
  }
  const int64_t ticks_per_s = ::sysconf(_SC_CLK_TCK);
  if (ticks_per_s <= 0) return std::nullopt;
  const int64_t tick_ns = 1'000'000'000 / ticks_per_s;
  return CpuTime{own_ns(), (user + nice + system + irq + softirq) * tick_ns, steal * tick_ns};
}

}  // namespace whet
