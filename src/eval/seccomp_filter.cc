#include "eval/seccomp_filter.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace whet::eval {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr uint32_t kArchitecture = 0;
#endif

constexpr uint32_t kX32Bit = 0x40000000;  // x86-64 only: the x32 calls live above it
constexpr uint32_t kNewNamespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
                                    CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

const uint32_t kDenied[] = {
    SYS_socket, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_mount, SYS_umount2,
    SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns, SYS_bpf, SYS_perf_event_open, SYS_keyctl,
    SYS_add_key, SYS_request_key, SYS_userfaultfd, SYS_kexec_load, SYS_init_module,
    SYS_finit_module, SYS_delete_module, SYS_reboot, SYS_swapon, SYS_swapoff, SYS_acct,
    SYS_quotactl, SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_syslog, SYS_settimeofday,
    SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime, SYS_sethostname, SYS_setdomainname,
    SYS_personality, SYS_kcmp, SYS_fanotify_init, SYS_lookup_dcookie, SYS_vhangup,
#if defined(__x86_64__)
    SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_uselib, SYS_ustat, SYS_sysfs,
#endif
    // Same numbers on every architecture.
    425 /* io_uring_setup */, 426 /* io_uring_enter */, 427 /* io_uring_register */,
    428 /* open_tree */, 429 /* move_mount */, 430 /* fsopen */, 431 /* fsconfig */,
    432 /* fsmount */, 433 /* fspick */, 434 /* pidfd_open */, 438 /* pidfd_getfd */,
    442 /* mount_setattr */, 447 /* memfd_secret */};
constexpr uint32_t kClone3 = 435;

class Program {
 public:
  void load(size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset)); }
  void deny_if(uint16_t jump, uint32_t value, uint32_t action) {
    code_.push_back({static_cast<uint16_t>(BPF_JMP | jump | BPF_K), 0, 1, value});
    finish(action);
  }
  /// Skips the next `n` instructions if the loaded value is `value`, or unless it is.
  void skip_if(uint32_t value, uint8_t n) {
    code_.push_back({BPF_JMP | BPF_JEQ | BPF_K, n, 0, value});
  }
  void skip_unless(uint32_t value, uint8_t n) {
    code_.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, n, value});
  }
  void finish(uint32_t action) { add(BPF_RET | BPF_K, action); }
  std::string bytes() const {
    return {reinterpret_cast<const char*>(code_.data()), code_.size() * sizeof(sock_filter)};
  }

 private:
  void add(uint16_t operation, uint32_t value) { code_.push_back({operation, 0, 0, value}); }
  std::vector<sock_filter> code_;
};

constexpr uint32_t error(int number) {
  return SECCOMP_RET_ERRNO | static_cast<uint32_t>(number);
}

}  // namespace

std::string seccomp_filter(bool may_fork) {
  if (kArchitecture == 0) return "";
  Program program;
  program.load(offsetof(seccomp_data, arch));
  program.skip_if(kArchitecture, 1);
  program.finish(SECCOMP_RET_KILL_PROCESS);
  program.load(offsetof(seccomp_data, nr));
#if defined(__x86_64__)
  program.deny_if(BPF_JGE, kX32Bit, error(EPERM));
#endif
  for (uint32_t number : kDenied) program.deny_if(BPF_JEQ, number, error(EPERM));
  // Its flags stand in memory, where a filter cannot look; libc then falls back to clone.
  program.deny_if(BPF_JEQ, kClone3, error(ENOSYS));
  if (!may_fork) {
#if defined(__x86_64__)
    program.deny_if(BPF_JEQ, SYS_fork, error(EPERM));
    program.deny_if(BPF_JEQ, SYS_vfork, error(EPERM));
#endif
    program.deny_if(BPF_JEQ, SYS_clone, error(EPERM));
  } else {
    program.skip_unless(SYS_clone, 3);
    program.load(offsetof(seccomp_data, args));  // low half of the flags
    program.deny_if(BPF_JSET, kNewNamespaces, error(EPERM));
  }
  program.finish(SECCOMP_RET_ALLOW);
  return program.bytes();
}

}  // namespace whet::eval
