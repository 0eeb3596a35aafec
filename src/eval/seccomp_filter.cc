#include "eval/seccomp_filter.h"

#include <fmt/format.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>

namespace whet::eval {
namespace {

constexpr uint64_t kNewNamespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
                                    CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

// What is not here and was thought of: whatever holds memory that no limit of a process counts
// (shmget, msgget, semget, memfd_create, mq_open, inotify, keys, extended attributes), sockets but
// connected pairs, namespaces, mounts, other processes' insides, io_uring, bpf, clocks and modules.
// clone3 keeps its flags in memory, where a filter cannot look; libc falls back to clone.
const char* const kFiles[] = {"access",
                              "chdir",
                              "chmod",
                              "chown",
                              "close",
                              "close_range",
                              "copy_file_range",
                              "creat",
                              "dup",
                              "dup2",
                              "dup3",
                              "epoll_create",
                              "epoll_create1",
                              "epoll_ctl",
                              "epoll_pwait",
                              "epoll_pwait2",
                              "epoll_wait",
                              "eventfd",
                              "eventfd2",
                              "faccessat",
                              "faccessat2",
                              "fadvise64",
                              "fallocate",
                              "fchdir",
                              "fchmod",
                              "fchmodat",
                              "fchown",
                              "fchownat",
                              "fcntl",
                              "fdatasync",
                              "fgetxattr",
                              "flistxattr",
                              "flock",
                              "fstat",
                              "fstatfs",
                              "fsync",
                              "ftruncate",
                              "futimesat",
                              "getcwd",
                              "getdents",
                              "getdents64",
                              "getxattr",
                              "ioctl",
                              "lchown",
                              "lgetxattr",
                              "link",
                              "linkat",
                              "listxattr",
                              "llistxattr",
                              "lseek",
                              "lstat",
                              "mkdir",
                              "mkdirat",
                              "newfstatat",
                              "open",
                              "openat",
                              "openat2",
                              "pipe",
                              "pipe2",
                              "poll",
                              "ppoll",
                              "pread64",
                              "preadv",
                              "preadv2",
                              "pselect6",
                              "pwrite64",
                              "pwritev",
                              "pwritev2",
                              "read",
                              "readahead",
                              "readlink",
                              "readlinkat",
                              "readv",
                              "rename",
                              "renameat",
                              "renameat2",
                              "rmdir",
                              "select",
                              "sendfile",
                              "splice",
                              "stat",
                              "statfs",
                              "statx",
                              "symlink",
                              "symlinkat",
                              "sync_file_range",
                              "tee",
                              "truncate",
                              "umask",
                              "unlink",
                              "unlinkat",
                              "utime",
                              "utimensat",
                              "utimes",
                              "write",
                              "writev"};
// asyncio wakes itself through a connected pair. Nothing else makes a socket, so the rest can only
// meet such pairs. setsockopt would let their buffers grow by megabytes each, sendmsg would let
// descriptors pile up in flight.
const char* const kSocketPairs[] = {"getpeername", "getsockname", "getsockopt", "recvfrom",
                                    "sendto",      "shutdown",    "socketpair"};
const char* const kMemory[] = {"brk",       "get_mempolicy", "madvise",      "mbind",  "membarrier",
                               "mincore",   "mlock",         "mlock2",       "mmap",   "mprotect",
                               "mremap",    "msync",         "munlock",      "munmap", "pkey_alloc",
                               "pkey_free", "pkey_mprotect", "set_mempolicy"};
const char* const kProcesses[] = {"arch_prctl",
                                  "capget",
                                  "capset",
                                  "execve",
                                  "execveat",
                                  "exit",
                                  "exit_group",
                                  "futex",
                                  "futex_waitv",
                                  "get_robust_list",
                                  "getcpu",
                                  "getegid",
                                  "geteuid",
                                  "getgid",
                                  "getgroups",
                                  "getpgid",
                                  "getpgrp",
                                  "getpid",
                                  "getppid",
                                  "getpriority",
                                  "getrandom",
                                  "getresgid",
                                  "getresuid",
                                  "getrlimit",
                                  "getrusage",
                                  "getsid",
                                  "gettid",
                                  "getuid",
                                  "kill",
                                  "prctl",
                                  "prlimit64",
                                  "rseq",
                                  "sched_get_priority_max",
                                  "sched_get_priority_min",
                                  "sched_getaffinity",
                                  "sched_getattr",
                                  "sched_getparam",
                                  "sched_getscheduler",
                                  "sched_setaffinity",
                                  "sched_setattr",
                                  "sched_setparam",
                                  "sched_setscheduler",
                                  "sched_yield",
                                  "set_robust_list",
                                  "set_tid_address",
                                  "setpgid",
                                  "setpriority",
                                  "setrlimit",
                                  "setsid",
                                  "sysinfo",
                                  "tgkill",
                                  "times",
                                  "tkill",
                                  "uname",
                                  "wait4",
                                  "waitid"};
const char* const kTimeAndSignals[] = {"alarm",
                                       "clock_getres",
                                       "clock_gettime",
                                       "clock_nanosleep",
                                       "getitimer",
                                       "gettimeofday",
                                       "nanosleep",
                                       "pause",
                                       "restart_syscall",
                                       "rt_sigaction",
                                       "rt_sigpending",
                                       "rt_sigprocmask",
                                       "rt_sigqueueinfo",
                                       "rt_sigreturn",
                                       "rt_sigsuspend",
                                       "rt_sigtimedwait",
                                       "rt_tgsigqueueinfo",
                                       "setitimer",
                                       "sigaltstack",
                                       "signalfd",
                                       "signalfd4",
                                       "time",
                                       "timer_create",
                                       "timer_delete",
                                       "timer_getoverrun",
                                       "timer_gettime",
                                       "timer_settime",
                                       "timerfd_create",
                                       "timerfd_gettime",
                                       "timerfd_settime"};

Error filter_unavailable(std::string_view what, int error) {
  return Error(ErrorCode::kUnavailable,
               fmt::format("the sandbox's system call filter: {}: {}", what, std::strerror(error)));
}

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

template <size_t n>
Status allow(const Filter& filter, const char* const (&names)[n]) {
  for (const char* name : names) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number < 0) continue;  // another architecture's, e.g. open and stat on AArch64
    if (const int error = seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, number, 0); error != 0) {
      return filter_unavailable(name, -error);
    }
  }
  return ok_status();
}

Status allow_processes(const Filter& filter) {
  constexpr const char* kStarting[] = {"fork", "vfork"};
  WHET_TRY_STATUS(allow(filter, kStarting));
  const scmp_arg_cmp no_namespace{0, SCMP_CMP_MASKED_EQ, kNewNamespaces, 0};
  const int error =
      seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, &no_namespace);
  if (error != 0) return filter_unavailable("clone", -error);
  return ok_status();
}

/// libseccomp writes the program to a descriptor only.
Result<std::string> exported(const Filter& filter) {
  const int fd = ::memfd_create("whet-seccomp", MFD_CLOEXEC);
  if (fd < 0) return filter_unavailable("memfd_create", errno);
  const int error = seccomp_export_bpf(filter.get(), fd);
  const off_t size = error == 0 ? ::lseek(fd, 0, SEEK_END) : -1;
  std::string program(size > 0 ? static_cast<size_t>(size) : 0, '\0');
  const ssize_t n_read = ::pread(fd, program.data(), program.size(), 0);
  ::close(fd);
  if (error != 0) return filter_unavailable("export", -error);
  if (program.empty() || n_read != size) return filter_unavailable("reading it back", EIO);
  return program;
}

}  // namespace

Result<std::string> seccomp_filter(bool may_fork) {
  const Filter filter(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)), &seccomp_release);
  if (!filter) return filter_unavailable("seccomp_init", ENOMEM);
  // A tree of comparisons: every call of a program passes through them.
  if (const int error = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2); error != 0) {
    return filter_unavailable("optimising", -error);
  }
  WHET_TRY_STATUS(allow(filter, kFiles));
  WHET_TRY_STATUS(allow(filter, kSocketPairs));
  WHET_TRY_STATUS(allow(filter, kMemory));
  WHET_TRY_STATUS(allow(filter, kProcesses));
  WHET_TRY_STATUS(allow(filter, kTimeAndSignals));
  if (may_fork) WHET_TRY_STATUS(allow_processes(filter));
  return exported(filter);
}

}  // namespace whet::eval
