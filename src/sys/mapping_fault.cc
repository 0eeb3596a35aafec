#include "sys/mapping_fault.h"

#include <signal.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>

#include "sys/unfinished_file.h"

namespace whet {
namespace {

// A signal handler may read nothing but lock-free atomics and memory that does not move.
struct Slot {
  std::atomic<uintptr_t> begin{0};  // 0: free; 1: being filled
  std::atomic<size_t> size{0};
  std::atomic<const char*> path{nullptr};
};
constexpr uintptr_t kFree = 0, kBeingFilled = 1;
static_assert(std::atomic<uintptr_t>::is_always_lock_free);

std::array<Slot, 4096> slots;
std::atomic<int> status_of_fault{1};
std::atomic<bool> reported{false};

// One call, so that nothing comes between its parts.
void report_loss_of(const char* path) {
  constexpr const char* kBefore = "\nwhet: error: ";
  constexpr const char* kBehind =
      ": the file became shorter, or its disk failed, while it was in use; what was computed from "
      "it cannot be trusted. Start again when it is whole; --no-mmap reads it into memory first\n";
  std::array<iovec, 3> line{};
  size_t n = 0;
  for (const char* part : {kBefore, path, kBehind})
    line[n++] = {const_cast<char*>(part), std::strlen(part)};
  [[maybe_unused]] const ssize_t written =
      ::writev(STDERR_FILENO, line.data(), static_cast<int>(line.size()));
}

void on_bus_error(int number, siginfo_t* info, void*) {
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  for (const Slot& slot : slots) {
    const uintptr_t begin = slot.begin.load(std::memory_order_acquire);
    if (begin <= kBeingFilled || address < begin || address - begin >= slot.size.load()) continue;
    // Threads of a team fault together: the first one speaks and ends them all.
    while (reported.exchange(true)) ::pause();
    report_loss_of(slot.path.load());
    remove_unfinished_files();
    ::_exit(status_of_fault.load());
  }
  // Not ours: the instruction runs again, into the signal's usual end.
  ::signal(number, SIG_DFL);
}

}  // namespace

void exit_on_mapping_fault(int exit_status) {
  status_of_fault = exit_status;
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

NamedMapping::NamedMapping(std::span<const std::byte> bytes, const char* path) {
  for (size_t i = 0; i < slots.size(); ++i) {
    uintptr_t expected = kFree;
    if (!slots[i].begin.compare_exchange_strong(expected, kBeingFilled)) continue;
    slots[i].size = bytes.size();
    slots[i].path = path;
    slots[i].begin.store(reinterpret_cast<uintptr_t>(bytes.data()), std::memory_order_release);
    slot_ = i;
    return;
  }
}

NamedMapping::~NamedMapping() {
  if (slot_ != kNone) slots[slot_].begin = kFree;
}

}  // namespace whet
