#include "eval/sandbox.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "base/clock.h"

namespace whet::eval {
namespace {

class SandboxTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto& machine = Sandbox::of_this_machine();
    if (!machine.ok()) GTEST_SKIP() << "no sandbox here: " << machine.error().message();
    if (::access("/usr/bin/python3", X_OK) != 0) GTEST_SKIP() << "no /usr/bin/python3";
  }

  static SandboxJob python(const std::string& source) {
    SandboxJob job;
    job.argv = {"/usr/bin/python3", "-s", "-S", "/job/main.py"};
    job.files = {{"/job/main.py", source}};
    return job;
  }

  static SandboxRun run(const SandboxJob& job) {
    auto result = Sandbox::of_this_machine()->run(job);
    EXPECT_TRUE(result.ok()) << result.error().message();
    return result.ok() ? std::move(result).value() : SandboxRun{};
  }

  /// Runs Python that must print "held" if a wall holds, and prints what it got through it if not.
  static void expect_held(const std::string& source) {
    const auto result = run(python(source));
    EXPECT_EQ(result.out.text, "held\n") << source << "\nstderr: " << result.err.text;
  }
};

std::string attempt(const std::string& action) {
  return "import os, socket, ctypes\ntry:\n    r = " + action +
         "\nexcept OSError:\n    print('held')\nelse:\n    print('got', r)\n";
}

TEST_F(SandboxTest, RunsAProgramAndReportsItsExit) {
  auto job = python(
      "import os, sys\nsys.stderr.write('e')\nos.write(3, os.read(4, 9))\nprint('o')\nsys.exit(7)");
  job.input = "secret";
  const auto result = run(job);
  EXPECT_EQ(result.exit_code, 7);
  EXPECT_EQ(result.out.text, "o\n");
  EXPECT_EQ(result.err.text, "e");
  EXPECT_EQ(result.report.text, "secret");
  EXPECT_FALSE(result.timed_out);
}

TEST_F(SandboxTest, HasNoNetwork) {
  expect_held(attempt("socket.socket(socket.AF_INET, socket.SOCK_STREAM)"));
  expect_held(attempt("socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"));
  expect_held(attempt("socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)"));
  expect_held(attempt("socket.create_connection(('127.0.0.1', 80), timeout=2)"));
}

TEST_F(SandboxTest, SeesNoHostFiles) {
  expect_held(attempt("open('/etc/passwd').read()"));
  expect_held(attempt("open('/etc/shadow').read()"));
  expect_held(attempt("os.listdir('/proc')"));
  expect_held(attempt("os.listdir('/sys')"));
  expect_held(attempt("os.listdir('/var')"));
  if (const char* home = std::getenv("HOME"); home && std::string(home) != "/job") {
    expect_held(attempt("os.listdir('" + std::string(home) + "')"));
  }
  const auto root = run(python("import os\nprint(sorted(os.listdir('/')))"));
  for (const char* name : {"'etc'", "'proc'", "'sys'", "'home'", "'root'", "'var'", "'mnt'"}) {
    EXPECT_EQ(root.out.text.find(name), std::string::npos) << root.out.text;
  }
}

TEST_F(SandboxTest, WritesOnlyToItsOwnScratch) {
  for (const char* path :
       {"/x", "/usr/x", "/usr/bin/x", "/dev/x", "/dev/shm/x", "/bin/x", "/lib/x"}) {
    expect_held(attempt("open('" + std::string(path) + "', 'w')"));
  }
  const std::string name = "whet_escape_" + std::to_string(::getpid());
  const auto result = run(python("for d in ('/tmp/', '/job/'): open(d + '" + name +
                                 "', 'w').write('x')\nprint('wrote')"));
  EXPECT_EQ(result.out.text, "wrote\n") << result.err.text;
  EXPECT_FALSE(std::filesystem::exists("/tmp/" + name));
}

/// Both ways of bounding the memory of a whole job: by a control group, and by the watch alone.
class MemoryTest : public SandboxTest, public testing::WithParamInterface<bool> {
 protected:
  void SetUp() override {
    SandboxTest::SetUp();
    if (IsSkipped()) return;
    auto made = Sandbox::create({.bwrap = "", .use_control_groups = GetParam()});
    ASSERT_TRUE(made.ok()) << made.error().message();
    sandbox_.emplace(std::move(*made));
    if (GetParam() && !sandbox_->has_control_groups()) {
      GTEST_SKIP() << "no memory control group can be made here";
    }
  }

  SandboxRun run_with(const SandboxJob& job) const {
    auto result = sandbox_->run(job);
    EXPECT_TRUE(result.ok()) << result.error().message();
    return result.ok() ? std::move(result).value() : SandboxRun{};
  }

  std::optional<Sandbox> sandbox_;
};

TEST_P(MemoryTest, BoundsAllProcessesTogether) {
  // Six processes of 60 MiB each, as a compiler might start them.
  auto job = python(
      "import os, time\nfor i in range(6):\n    if os.fork() == 0:\n"
      "        b = bytearray(60 << 20); time.sleep(60)\ntime.sleep(60)");
  job.may_fork = true;
  job.memory_bytes = 200 << 20;
  job.wall_ns = 30'000'000'000;
  const auto result = run_with(job);
  EXPECT_FALSE(result.timed_out && result.stopped.empty());
  EXPECT_EQ(result.stopped, "used more than 200 MiB of memory");
}

TEST_P(MemoryTest, BoundsWhatProcessesShareAndWhatTheyCloseTheirOutputFor) {
  auto job = python(
      "import mmap, os, time\nfor fd in (1, 2, 3): os.close(fd)\n"
      "m = mmap.mmap(-1, 300 << 20)\nfor i in range(0, 300 << 20, 4096): m[i] = 1\n"
      "time.sleep(60)");
  job.memory_bytes = 200 << 20;
  job.wall_ns = 30'000'000'000;
  EXPECT_EQ(run_with(job).stopped, "used more than 200 MiB of memory");
}

TEST_P(MemoryTest, BoundsFilesWithoutContent) {
  for (const char* make : {"os.mkdir(f'/tmp/{i}')", "os.symlink('x', f'/job/{i}')",
                           "os.close(os.open(f'/tmp/{i}', os.O_CREAT))"}) {
    auto job = python("import os\nfor i in range(2000000): " + std::string(make));
    job.memory_bytes = 2000 << 20;
    job.limits.cpu_s = 60;
    job.wall_ns = 60'000'000'000;
    EXPECT_EQ(run_with(job).stopped, "made more than 16384 files") << make;
  }
}

TEST_P(MemoryTest, LeavesOrdinaryProgramsAlone) {
  auto job = python(
      "b = bytearray(400 << 20)\nfor i in range(1000): open(f'/tmp/{i}', 'w').write('x')\n"
      "print(len(b) >> 20)");
  const auto result = run_with(job);
  EXPECT_EQ(result.out.text, "400\n") << result.err.text;
  EXPECT_EQ(result.stopped, "");
}

TEST_P(MemoryTest, SaysWhatHolds) {
  const std::string limits = sandbox_->limits();
  EXPECT_NE(limits.find("memory in all 640 MiB"), std::string::npos) << limits;
  EXPECT_NE(limits.find("a compiler: 64 processes"), std::string::npos) << limits;
  EXPECT_EQ(limits.find("control group)") != std::string::npos, GetParam()) << limits;
}

INSTANTIATE_TEST_SUITE_P(Bound, MemoryTest, testing::Bool(), [](const auto& test) {
  return test.param ? "ByControlGroup" : "ByWatch";
});

TEST_F(SandboxTest, HasNoMemoryThatNoLimitCounts) {
  const std::string libc = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n";
  for (const char* call :
       {"libc.shmget(0, 1 << 20, 0o1600)", "libc.shmat(0, None, 0)", "libc.msgget(0, 0o1600)",
        "libc.semget(0, 100, 0o1600)", "libc.memfd_create(b'x', 0)", "libc.inotify_init1(0)",
        "libc.fanotify_init(0, 0)", "libc.mq_open(b'/x', 0o102, 0o600, None)",
        "libc.setxattr(b'/tmp', b'user.x', bytes(1000), 1000, 0)",
        // numbers that every architecture has in common
        "libc.syscall(425, 8, bytes(200))",  // io_uring_setup
        "libc.syscall(430, b'tmpfs', 0)",    // fsopen
        "libc.syscall(434, 1, 0)",           // pidfd_open
        "libc.syscall(447, 0)",              // memfd_secret
        "libc.syscall(4000)"}) {             // of a kernel to come
    expect_held(libc + "r = " + call + "\nprint('held' if r == -1 else r)");
  }
  expect_held(libc +
              "print('held' if all(libc.syscall(n, b'user', b'x', b'y', 1, -3) == -1 for n in "
#if defined(__x86_64__)
              "(248, 249, 250, 321, 298, 323, 101, 135, 310)"
#else
              "(217, 218, 219, 280, 241, 282, 117, 92, 270)"
#endif
              ") else 'got in')");  // keys, bpf, perf, userfaultfd, ptrace, personality, ...
}

TEST_F(SandboxTest, BoundsWhatPipesAndSocketPairsHold) {
  const auto pipes =
      run(python("import os, fcntl\nheld = 0\ntry:\n    while True:\n        r, w = os.pipe()\n"
                 "        os.set_blocking(w, False)\n        try: fcntl.fcntl(w, 1031, 1 << 20)\n"
                 "        except OSError: pass\n        try:\n            while True: held += "
                 "os.write(w, bytes(65536))\n"
                 "        except BlockingIOError: pass\nexcept OSError: pass\nprint(held)"));
  EXPECT_GT(std::atoll(pipes.out.text.c_str()), 0) << pipes.err.text;
  EXPECT_LE(std::atoll(pipes.out.text.c_str()), 32 << 20);
  const auto pairs =
      run(python("import socket\nheld = 0\nkept = []\ntry:\n    while True:\n"
                 "        a, b = socket.socketpair()\n        kept.append((a, b))\n"
                 "        for s in (a, b):\n            s.setblocking(False)\n"
                 "            try: s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)\n"
                 "            except OSError: pass\n"
                 "            try:\n                while True: held += s.send(bytes(65536))\n"
                 "            except BlockingIOError: pass\nexcept OSError: pass\nprint(held)"));
  EXPECT_GT(std::atoll(pairs.out.text.c_str()), 0) << pairs.err.text;
  EXPECT_LE(std::atoll(pairs.out.text.c_str()), 64 << 20);
  expect_held(
      "import array, os, socket\na, b = socket.socketpair()\ntry:\n"
      "    a.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [0]))])\n"
      "except OSError: print('held')");
}

TEST_F(SandboxTest, BoundsTimersAndQueuedSignals) {
  const std::string fill =
      "import ctypes, os, signal\nlibc = ctypes.CDLL(None)\n"
      "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])\n"
      "n = 0\nwhile n < 100000 and libc.sigqueue(os.getpid(), signal.SIGRTMIN, None) == 0: n += 1\n"
      "t = ctypes.c_void_p()\nwhile n < 100000 and libc.timer_create(1, None, ctypes.byref(t)) == "
      "0: n += 1\n"
      "print(n)";
  const auto expect_bounded = [&] {
    const auto result = run(python(fill));
    EXPECT_GT(std::atoi(result.out.text.c_str()), 1000) << result.err.text;
    EXPECT_LE(std::atoi(result.out.text.c_str()), ChildLimits{}.n_pending_signals);
  };
  expect_bounded();
  // What the kernel has not yet let go of earlier jobs leaves room for later ones.
  for (int i = 0; i < 60; ++i) (void)run(python("print()"));
  expect_bounded();
}

TEST_F(SandboxTest, RunsWhatProgramsUse) {
  const auto result = run(python(
      "import asyncio, tempfile, os, time, random, hashlib, json, re, decimal, mmap, signal, "
      "select\n"
      "async def f():\n    await asyncio.sleep(0.001)\n    return 7\n"
      "assert asyncio.run(f()) == 7\n"
      "with tempfile.NamedTemporaryFile() as t: t.write(b'x'); t.flush(); os.rename(t.name, t.name "
      "+ 'y'); "
      "os.rename(t.name + 'y', t.name)\n"
      "signal.setitimer(signal.ITIMER_REAL, 100)\nm = mmap.mmap(-1, 4096)\n"
      "os.getrandom(8); time.sleep(0.001); select.select([], [], [], 0); os.sched_getaffinity(0)\n"
      "print('fine')"));
  EXPECT_EQ(result.out.text, "fine\n") << result.err.text;
}

TEST_F(SandboxTest, BoundsFilesAndScratch) {
  const auto one =
      run(python("import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
                 "try:\n    f = open('/tmp/a', 'wb')\n    f.write(bytes(17 << 20))\n"
                 "    f.flush()\nexcept OSError:\n    print('held')"));
  EXPECT_EQ(one.out.text, "held\n") << one.err.text;
  const auto many =
      run(python("try:\n    for i in range(200): open(f'/tmp/{i}', 'wb').write(bytes(1 << 20))\n"
                 "except OSError:\n    print('held')"));
  EXPECT_EQ(many.out.text, "held\n") << many.err.text;
}

TEST_F(SandboxTest, StartsNoProcessAndNoThread) {
  expect_held(attempt("os.fork()"));
  expect_held(attempt("os.posix_spawn('/bin/true', ['true'], {})"));
  expect_held(
      "import threading\ntry:\n    threading.Thread(target=print).start()\n"
      "except RuntimeError:\n    print('held')");
}

/// Whether this process is the kernel's root inside a user namespace that maps no other user: then
/// it cannot become nobody, and the kernel does not count root's processes.
bool is_root_without_nobody() {
  std::ifstream map("/proc/self/uid_map");
  long inside = 0, outside = 0, count = 0;
  map >> inside >> outside >> count;
  return ::geteuid() == 0 && outside == 0 && count <= 65534;
}

TEST_F(SandboxTest, AForkBombOfACompilerJobIsBounded) {
  auto job = python(
      "import os\nn = 0\ntry:\n    while n < 1000:\n        if os.fork() == 0:\n"
      "            import time; time.sleep(20); os._exit(0)\n        n += 1\n"
      "except OSError:\n    pass\nprint(n)");
  job.may_fork = true;
  const int64_t start = monotonic_ns();
  const auto result = run(job);
  if (!is_root_without_nobody()) {
    EXPECT_LT(std::atoi(result.out.text.c_str()), 64) << result.out.text << result.err.text;
  }
  EXPECT_LT(monotonic_ns() - start, 15'000'000'000) << "its children outlived it";
}

TEST_F(SandboxTest, EndsAnInfiniteLoopByItsProcessorTime) {
  auto job = python("while True: pass");
  job.limits.cpu_s = 1;
  job.wall_ns = 120'000'000'000;
  const auto result = run(job);
  EXPECT_NE(result.exit_code, 0);
  EXPECT_FALSE(result.timed_out);  // not by the wall clock, however busy the machine
}

TEST_F(SandboxTest, EndsASleeperByTheWallClock) {
  auto job =
      python("import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)");
  job.wall_ns = 500'000'000;
  const auto result = run(job);
  EXPECT_TRUE(result.timed_out);
  EXPECT_LT(result.wall_ns, 3'000'000'000);
}

TEST_F(SandboxTest, RefusesAMemoryBomb) {
  const auto result =
      run(python("try:\n    a = bytearray(1 << 30)\nexcept MemoryError:\n    print('held')"));
  EXPECT_EQ(result.out.text, "held\n");
  const auto list = run(python("x = [0]\nwhile True: x += x"));
  EXPECT_NE(list.exit_code, 0);
}

TEST_F(SandboxTest, AnOutputFloodIsReadAndThrownAway) {
  auto job = python(
      "import os\nb = b'x' * 65536\nfor i in range(3200): os.write(1, b)\nos.write(3, b'end')");
  const auto result = run(job);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out.text.size(), 64u << 10);
  EXPECT_TRUE(result.out.truncated);
  EXPECT_EQ(result.report.text, "end");
}

TEST_F(SandboxTest, CannotReachTheParent) {
  expect_held(
      "import os, signal\nr = set()\nfor pid in range(2, 40000):\n    if pid == os.getpid(): "
      "continue\n"
      "    try:\n        os.kill(pid, 0)\n        r.add(pid)\n    except OSError:\n        pass\n"
      "print('held' if not r else r)");
  // Its only other process is the container's own init; killing it ends the container.
  const auto result = run(python("import os\nos.kill(1, 9)\nprint('alive')"));
  EXPECT_EQ(result.out.text, "alive\n");
}

TEST_F(SandboxTest, SeesACleanEnvironmentAndNoDescriptors) {
  ::setenv("WHET_TEST_SECRET", "s3cret", 1);
  int leaked[2];
  ASSERT_EQ(::pipe(leaked), 0);  // without close-on-exec
  const auto result =
      run(python("import os\nprint('WHET_TEST_SECRET' in os.environ, 's3cret' in str(os.environ))\n"
                 "open_fds = []\nfor fd in range(5, 64):\n    try:\n        os.fstat(fd)\n        "
                 "open_fds.append(fd)\n"
                 "    except OSError:\n        pass\nprint(open_fds)"));
  EXPECT_EQ(result.out.text, "False False\n[]\n") << result.out.text;
  ::close(leaked[0]);
  ::close(leaked[1]);
  ::unsetenv("WHET_TEST_SECRET");
}

TEST_F(SandboxTest, HasNoPrivileges) {
  expect_held(attempt("os.chroot('/usr')"));
  expect_held(
      "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
      "calls = [libc.mount(b'none', b'/tmp', b'tmpfs', 0, None), libc.unshare(0x10000000),\n"
      "         libc.ptrace(0, 0, 0, 0), libc.umount2(b'/usr', 2), libc.sethostname(b'x', 1)]\n"
      "print('held' if all(c == -1 for c in calls) else calls)");
}

TEST_F(SandboxTest, RunsInParallel) {
  std::vector<std::thread> threads;
  std::array<SandboxRun, 6> runs;
  for (size_t i = 0; i < runs.size(); ++i) {
    threads.emplace_back([&, i] { runs[i] = run(python("print(" + std::to_string(i) + ")")); });
  }
  for (auto& thread : threads) thread.join();
  for (size_t i = 0; i < runs.size(); ++i) EXPECT_EQ(runs[i].out.text, std::to_string(i) + "\n");
}

TEST(SandboxProbe, SaysWhyThereIsNone) {
  const auto missing = Sandbox::create({.bwrap = "/nonexistent/bwrap"});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(missing.error().message(), "bubblewrap: no program /nonexistent/bwrap");
  const auto broken = Sandbox::create({.bwrap = "/bin/false"});
  ASSERT_FALSE(broken.ok());
  EXPECT_NE(broken.error().message().find("did not start"), std::string::npos);
  // A "sandbox" that merely runs the program must not pass.
  const auto bare = Sandbox::create({.bwrap = "/usr/bin/env"});
  EXPECT_FALSE(bare.ok());
}

}  // namespace
}  // namespace whet::eval
