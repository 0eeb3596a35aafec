#include "eval/sandbox.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
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
