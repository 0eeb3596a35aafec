#include "eval/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include "base/check.h"
#include "base/clock.h"

namespace whet::eval {
namespace {

constexpr int kLowestParentFd = 100;  // above every descriptor number that the child is given
constexpr int kNobody = 65534;
constexpr int64_t kDrainNs = 1'000'000'000;  // after a kill, for the pipes to close
constexpr int kCannotStart = 127;

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { reset(); }
  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  void reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

Error os_error(const char* what) {
  return Error(ErrorCode::kResourceExhausted, fmt::format("{}: {}", what, std::strerror(errno)));
}

/// The same description under a number that no dup2 in the child can hit.
Result<Fd> high(Fd fd) {
  Fd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, kLowestParentFd));
  if (!moved.open()) return os_error("descriptors");
  return moved;
}

struct Pipe {
  Fd read;
  Fd write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return os_error("pipe");
  Fd read(ends[0]), write(ends[1]);
  WHET_TRY(Fd high_read, high(std::move(read)));
  WHET_TRY(Fd high_write, high(std::move(write)));
  return Pipe{std::move(high_read), std::move(high_write)};
}

Result<Fd> memory_file(std::string_view content) {
  Fd fd(::memfd_create("whet", MFD_CLOEXEC));
  if (!fd.open()) return os_error("memfd_create");
  for (size_t done = 0; done < content.size();) {
    const ssize_t n = ::write(fd.get(), content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_error("writing to a memory file");
    done += static_cast<size_t>(n);
  }
  if (::lseek(fd.get(), 0, SEEK_SET) != 0) return os_error("lseek");
  return high(std::move(fd));
}

/// What the child needs between vfork and exec, ready to use: no allocation happens there.
struct Start {
  char* const* argv;
  const std::vector<int>* descriptors;  // i becomes descriptor i of the child
  const ChildLimits* limits;
  bool drop_root;
  int join_fd;
};

void limit(int resource, int64_t value) {
  const rlimit limits{static_cast<rlim_t>(value), static_cast<rlim_t>(value)};
  ::setrlimit(static_cast<__rlimit_resource>(resource), &limits);
}

/// Runs in the child, which shares the parent's memory until exec: raw system calls only.
[[noreturn]] void become(const Start& start) {
  ::setpgid(0, 0);
  if (start.join_fd >= 0 && ::write(start.join_fd, "0", 1) != 1) ::_exit(kCannotStart);
  const auto n = static_cast<int>(start.descriptors->size());
  for (int i = 0; i < n; ++i) {
    if (::dup2((*start.descriptors)[static_cast<size_t>(i)], i) < 0) ::_exit(kCannotStart);
  }
  if (::syscall(SYS_close_range, static_cast<unsigned>(n), ~0u, 0u) != 0) {
    rlimit open_files{};
    ::getrlimit(RLIMIT_NOFILE, &open_files);
    for (rlim_t fd = n; fd < open_files.rlim_cur; ++fd) ::close(static_cast<int>(fd));
  }
  const rlimit cpu{static_cast<rlim_t>(start.limits->cpu_s),
                   static_cast<rlim_t>(start.limits->cpu_s + 1)};
  ::setrlimit(RLIMIT_CPU, &cpu);
  limit(RLIMIT_AS, start.limits->address_bytes);
  limit(RLIMIT_FSIZE, start.limits->file_bytes);
  limit(RLIMIT_NOFILE, start.limits->n_open_files);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_MSGQUEUE, 0);
  limit(RLIMIT_MEMLOCK, 0);
  limit(RLIMIT_SIGPENDING, start.limits->n_pending_signals);
  if (start.drop_root && ::geteuid() == 0) {
    // glibc's wrappers would change the ids of the parent's threads too.
    ::syscall(SYS_setgroups, 0, nullptr);
    if (::syscall(SYS_setresgid, kNobody, kNobody, kNobody) != 0 ||
        ::syscall(SYS_setresuid, kNobody, kNobody, kNobody) != 0) {
      ::_exit(kCannotStart);
    }
  }
  sigset_t none;
  ::sigemptyset(&none);
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD}) {
    ::sigaction(signal, &standard, nullptr);
  }
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  char* const empty[] = {nullptr};
  ::execve(start.argv[0], start.argv, empty);
  ::_exit(kCannotStart);
}

[[gnu::noinline]] pid_t start_child(const Start& start) {
  const pid_t pid = ::vfork();
  if (pid == 0) become(start);
  return pid;
}

/// Blocks all signals of this thread, so that no handler runs in the child while memory is shared.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

/// Writing to a child that is gone must not kill this process.
class NoSigpipe {
 public:
  NoSigpipe() {
    ::sigemptyset(&set_);
    ::sigaddset(&set_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &set_, &before_);
  }
  ~NoSigpipe() {
    const timespec now{};
    while (::sigtimedwait(&set_, nullptr, &now) == SIGPIPE) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t set_;
  sigset_t before_;
};

struct Capture {
  Fd fd;
  Captured* into;
  size_t cap;

  void read_some() {
    std::array<char, 1 << 16> chunk;
    const ssize_t n = ::read(fd.get(), chunk.data(), chunk.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (n <= 0) return fd.reset();
    const size_t kept = std::min(static_cast<size_t>(n), cap - into->text.size());
    into->text.append(chunk.data(), kept);
    into->truncated |= kept < static_cast<size_t>(n);
  }
};

int poll_ms(int64_t until_ns) {
  return static_cast<int>(
      std::clamp<int64_t>((until_ns - monotonic_ns()) / 1'000'000 + 1, 1, 1000));
}

}  // namespace

Result<ChildResult> run_child(const ChildSpec& spec) {
  WHET_CHECK(!spec.argv.empty());
  const NoSigpipe no_sigpipe;
  WHET_TRY(Fd null, high(Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC))));
  WHET_TRY(Pipe out, make_pipe());
  WHET_TRY(Pipe err, make_pipe());
  WHET_TRY(Pipe report, make_pipe());
  WHET_TRY(Pipe input, make_pipe());
  std::vector<Fd> files;
  std::vector<int> descriptors = {null.get(), out.write.get(), err.write.get(), report.write.get(),
                                  input.read.get()};
  for (const std::string& content : spec.files) {
    WHET_TRY(Fd file, memory_file(content));
    descriptors.push_back(file.get());
    files.push_back(std::move(file));
  }
  WHET_CHECK(descriptors.size() < static_cast<size_t>(kLowestParentFd));
  std::vector<char*> argv;
  for (const std::string& word : spec.argv) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);

  ChildResult result;
  const int64_t start_ns = monotonic_ns();
  pid_t pid;
  {
    const SignalsBlocked blocked;
    pid = start_child({argv.data(), &descriptors, &spec.limits, spec.drop_root, spec.join_fd});
  }
  if (pid < 0) return os_error("starting a process");
  ::setpgid(pid, pid);
  null.reset();
  files.clear();
  input.read.reset();
  for (Pipe* pipe : {&out, &err, &report}) pipe->write.reset();
  ::fcntl(input.write.get(), F_SETFL, O_NONBLOCK);

  std::array<Capture, 3> captures = {
      Capture{std::move(out.read), &result.out, spec.max_out_bytes},
      Capture{std::move(err.read), &result.err, spec.max_err_bytes},
      Capture{std::move(report.read), &result.report, spec.max_report_bytes}};
  size_t written = 0;
  if (spec.input.empty()) input.write.reset();
  int64_t deadline_ns = start_ns + spec.wall_ns;
  int64_t next_watch_ns = start_ns;
  const auto end_group = [&] {
    ::kill(-pid, SIGKILL);
    deadline_ns = monotonic_ns() + kDrainNs;
  };
  // The report too: a program may close its output long before it ends.
  while (captures[0].fd.open() || captures[1].fd.open() || captures[2].fd.open()) {
    if (monotonic_ns() >= deadline_ns) {
      if (result.timed_out || !result.stopped.empty()) break;
      result.timed_out = true;
      end_group();
    }
    if (spec.watch && result.stopped.empty() && monotonic_ns() >= next_watch_ns) {
      result.stopped = spec.watch(pid, result);
      if (!result.stopped.empty()) end_group();
      next_watch_ns = monotonic_ns() + kWatchNs;
    }
    std::array<pollfd, 4> polls;
    for (size_t i = 0; i < 3; ++i) polls[i] = {captures[i].fd.get(), POLLIN, 0};
    polls[3] = {input.write.get(), POLLOUT, 0};
    const int64_t wake_ns = spec.watch ? std::min(deadline_ns, next_watch_ns) : deadline_ns;
    if (::poll(polls.data(), polls.size(), poll_ms(wake_ns)) < 0 && errno != EINTR) break;
    for (size_t i = 0; i < 3; ++i) {
      if (captures[i].fd.open() && polls[i].revents != 0) captures[i].read_some();
    }
    if (!input.write.open() || polls[3].revents == 0) continue;
    const ssize_t n =
        ::write(input.write.get(), spec.input.data() + written, spec.input.size() - written);
    if (n > 0) written += static_cast<size_t>(n);
    const bool gone = n < 0 && errno != EINTR && errno != EAGAIN;
    if (gone || written == spec.input.size()) input.write.reset();
  }

  int status = 0;
  for (;;) {
    const pid_t ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == pid || (ended < 0 && errno != EINTR)) break;
    if (!result.timed_out && result.stopped.empty() && monotonic_ns() >= deadline_ns) {
      result.timed_out = true;
      ::kill(-pid, SIGKILL);
    }
    const timespec pause{0, 200'000};
    ::nanosleep(&pause, nullptr);
  }
  ::kill(-pid, SIGKILL);  // whoever is left of its group
  result.wall_ns = monotonic_ns() - start_ns;
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  return result;
}

}  // namespace whet::eval
