#include "eval/execution.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "base/check.h"
#include "eval/answer.h"
#include "eval/program.h"
#include "eval/python_lines.h"
#include "eval/toolchain.h"

namespace whet::eval {
namespace {

constexpr size_t kMaxProgramBytes = kCompilerLimits.file_bytes;
constexpr size_t kMaxDetailBytes = 200;

Result<std::string> random_token() {
  uint64_t words[2];
  if (::getrandom(words, sizeof words, 0) != sizeof words) {
    return Error(ErrorCode::kUnavailable, "no random numbers from the kernel");
  }
  return fmt::format("{:016x}{:016x}", words[0], words[1]);
}

std::string shortened(std::string_view line) {
  return std::string(trimmed(line).substr(0, kMaxDetailBytes));
}

std::string last_line(std::string_view text) {
  text = trimmed(text);
  const size_t newline = text.rfind('\n');
  return shortened(newline == std::string_view::npos ? text : text.substr(newline + 1));
}

/// The line of `text` that says what went wrong: the first with one of `marks`, else the last.
std::string telling_line(std::string_view text, std::initializer_list<std::string_view> marks) {
  for (std::string_view mark : marks) {
    if (const size_t at = text.find(mark); at != std::string_view::npos) {
      return shortened(text.substr(at, text.find('\n', at) - at));
    }
  }
  return last_line(text);
}

/// Packages that candidates import and that a bare Python does not have.
constexpr std::string_view kPackages[] = {"numpy",
                                          "scipy",
                                          "pandas",
                                          "sympy",
                                          "torch",
                                          "tensorflow",
                                          "sklearn",
                                          "networkx",
                                          "jax",
                                          "matplotlib",
                                          "mpmath",
                                          "numba",
                                          "sortedcontainers",
                                          "requests",
                                          "regex",
                                          "nltk",
                                          "PIL",
                                          "cv2",
                                          "bs4",
                                          "lxml",
                                          "gmpy2",
                                          "pytest",
                                          "dateutil",
                                          "more_itertools"};

std::string why(const SandboxRun& run) {
  if (!run.stopped.empty()) return run.stopped;
  if (run.timed_out) return "timed out";
  // The container's init turns a signal of the program into status 128 + signal.
  const int signal = run.signal != 0 ? run.signal : std::max(run.exit_code - 128, 0);
  if (signal == SIGXCPU || signal == SIGKILL) return "used up its processor time";
  if (signal == SIGABRT && run.err.text.find("what():") != std::string::npos) {
    return telling_line(run.err.text, {"what():"});
  }
  if (signal != 0) return fmt::format("ended by {}", ::strsignal(signal));
  if (run.exit_code == 0) return "exited before the last assertion";
  const std::string& err = run.err.text;
  if (const size_t panic = err.find("panicked at"); panic != std::string::npos) {
    const size_t message = std::min(err.find('\n', panic), err.size());
    return shortened(telling_line(std::string_view(err).substr(message), {"assertion"}));
  }
  const std::string line = last_line(err);
  return line.empty() ? fmt::format("exited with status {}", run.exit_code) : line;
}

/// What a program asked for and the sandbox does not have; "" if its failure is its own. Packages
/// are named, so that an invented module is still an error of the candidate.
std::string lacking(AnswerKind kind, const SandboxRun& run) {
  const std::string_view err = run.err.text;
  const auto says = [&](std::string_view words) {
    return err.find(words) != std::string_view::npos;
  };
  if (kind == AnswerKind::kPython) {
    constexpr std::string_view kMissing = "ModuleNotFoundError: No module named '";
    const std::string line = last_line(err);
    if (line.starts_with(kMissing)) {
      const std::string_view name =
          std::string_view(line)
              .substr(kMissing.size())
              .substr(0, line.find_first_of(".'", kMissing.size()) - kMissing.size());
      const bool known =
          std::find(std::begin(kPackages), std::end(kPackages), name) != std::end(kPackages);
      return known ? fmt::format("the package {}", name) : "";
    }
    if (line == "RuntimeError: can't start new thread") return "threads";
    // What the filter refuses, such as os.fork(); an error with a file name is the program's own.
    const bool refused = line == "PermissionError: [Errno 1] Operation not permitted" ||
                         line == "OSError: [Errno 38] Function not implemented";
    return refused ? "processes or sockets" : "";
  }
  if (kind == AnswerKind::kRust) return says("failed to spawn thread") ? "threads" : "";
  return says("std::system_error") ? "threads" : "";
}

/// Examples run inside the strategy, where an endless loop is paid for by the user: they get less
/// time than the hidden tests.
constexpr int64_t kExampleCpuSeconds = 2;

struct Finished {
  SandboxRun run;
  Report report;
  std::string compile_error;  // not empty: it was not run
};

Result<Finished> run_python(const Sandbox& sandbox, const Toolchain& python,
                            const std::string& source, const std::string& assertions, Checks checks,
                            const ChildLimits& limits) {
  WHET_TRY(std::string token, random_token());
  SandboxJob job;
  job.limits = limits;
  // Not -I, which would also ignore the fixed hash seed; the environment holds nothing else.
  job.argv = {python.program, "-s", "-S", "-B", "/job/driver.py"};
  job.files = {{"/job/driver.py", python_driver()}};
  job.input = python_input(token, checks, source, assertions);
  WHET_TRY(SandboxRun run, sandbox.run(job));
  Report report = parse_report(run.report.text, token);
  return Finished{std::move(run), std::move(report), ""};
}

SandboxJob compile_job(AnswerKind kind, const Toolchain& compiler, std::string program) {
  SandboxJob job;
  job.may_fork = true;
  job.toolchain = compiler.directory;
  job.limits = kCompilerLimits;
  job.wall_ns = kCompilerWallNs;
  job.scratch_bytes = kCompilerScratchBytes;
  job.memory_bytes = kCompilerMemoryBytes;
  job.max_out_bytes = kMaxProgramBytes;
  // The program comes back through standard output: nothing is written to the host.
  std::string command;
  if (kind == AnswerKind::kRust) {
    job.files = {{"/job/main.rs", std::move(program)}};
    const std::string sysroot = compiler.directory.empty() ? "" : "--sysroot /toolchain ";
    command = fmt::format(
        "{} {}--edition 2021 --crate-name candidate --cap-lints allow -C opt-level=1 "
        "-C overflow-checks=on -C debuginfo=0 -C strip=symbols -C linker={} -o /tmp/program "
        "/job/main.rs",
        compiler.program, sysroot, compiler.linker);
  } else {
    job.files = {{"/job/main.cc", std::move(program)}};
    command = fmt::format("{} -std=c++20 -O1 -w -o /tmp/program /job/main.cc", compiler.program);
  }
  job.argv = {"/bin/sh", "-c", command + " >&2 && exec cat /tmp/program"};
  return job;
}

Result<Finished> compile_and_run(const Sandbox& sandbox, AnswerKind kind, const Toolchain& compiler,
                                 const std::string& source, const std::string& assertions,
                                 Checks checks, const ChildLimits& limits) {
  std::string program = kind == AnswerKind::kRust ? rust_program(source, assertions, checks)
                                                  : cpp_program(source, assertions, checks);
  WHET_TRY(SandboxRun compiled, sandbox.run(compile_job(kind, compiler, std::move(program))));
  const bool stopped = !compiled.stopped.empty();
  if (stopped || compiled.timed_out || compiled.exit_code != 0 || compiled.out.text.empty()) {
    std::string reason = stopped              ? "the compiler " + compiled.stopped
                         : compiled.timed_out ? "compiling timed out"
                                              : telling_line(compiled.err.text, {"error"});
    return Finished{std::move(compiled), {}, "does not compile: " + std::move(reason)};
  }
  WHET_TRY(std::string token, random_token());
  SandboxJob job;
  job.argv = {"/job/program"};
  job.files = {{"/job/program", std::move(compiled.out.text), true}};
  job.limits = limits;
  job.limits.file_bytes = kMaxProgramBytes;  // the program itself is copied in under this limit
  job.input = token;
  WHET_TRY(SandboxRun run, sandbox.run(job));
  Report report = parse_report(run.report.text, token);
  return Finished{std::move(run), std::move(report), ""};
}

Result<Finished> run_program(const Sandbox& sandbox, const Question& question,
                             const std::string& source, const std::string& assertions,
                             Checks checks, const ChildLimits& limits) {
  WHET_CHECK(is_code(question.kind));
  const auto& toolchain = toolchain_of(question.kind);
  if (!toolchain.ok()) return toolchain.error();
  const std::string whole =
      question.setup.empty() ? source : fmt::format("{}\n{}", question.setup, source);
  if (question.kind == AnswerKind::kPython) {
    return run_python(sandbox, *toolchain, with_future_imports_first(whole), assertions, checks,
                      limits);
  }
  return compile_and_run(sandbox, question.kind, *toolchain, whole, assertions, checks, limits);
}

}  // namespace

Result<Execution> run_tests(const Sandbox& sandbox, const Question& question,
                            const std::string& source, const std::string& tests,
                            const ChildLimits& limits) {
  WHET_TRY(Finished finished, run_program(sandbox, question, source, tests, Checks::kAll, limits));
  Execution execution;
  execution.wall_ns = finished.run.wall_ns;
  if (!finished.compile_error.empty()) {
    execution.detail = finished.compile_error;
  } else if (finished.run.exit_code == 0 && finished.run.stopped.empty() &&
             finished.report.complete) {
    execution.passed = true;
    execution.detail = "all assertions held";
  } else {
    execution.detail = why(finished.run);
    const std::string lack = finished.run.timed_out ? "" : lacking(question.kind, finished.run);
    if (!lack.empty()) {
      execution.lacks = true;
      execution.detail = fmt::format("the program needs {}, which the sandbox does not have", lack);
    }
  }
  return execution;
}

int64_t ExampleRun::n_held() const {
  return std::count_if(outcomes.begin(), outcomes.end(),
                       [](const ExampleOutcome& outcome) { return outcome.held; });
}

std::string ExampleRun::signature() const {
  std::string out;
  for (const ExampleOutcome& outcome : outcomes) {
    out += (outcome.held ? "1" : "0") + outcome.behaviour + "\n";
  }
  return out;
}

Result<ExampleRun> run_examples(const Sandbox& sandbox, const Question& question,
                                const std::string& source) {
  WHET_TRY(Finished finished, run_program(sandbox, question, source, question.examples,
                                          Checks::kEach, ChildLimits{.cpu_s = kExampleCpuSeconds}));
  ExampleRun examples;
  if (!finished.report.complete) return examples;
  for (const std::string& line : finished.report.lines) {
    if (!line.empty()) examples.outcomes.push_back({line[0] == '1', line.substr(1)});
  }
  return examples;
}

}  // namespace whet::eval
