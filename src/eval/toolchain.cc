#include "eval/toolchain.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/check.h"
#include "eval/answer.h"
#include "eval/child.h"

namespace whet::eval {
namespace {

namespace fs = std::filesystem;

Error tool_unavailable(std::string message) {
  return Error(ErrorCode::kUnavailable, std::move(message));
}

/// The real path under /usr of the first of `names`: the sandbox has no /etc/alternatives.
Result<std::string> under_usr(std::initializer_list<const char*> names, const char* missing) {
  for (const char* name : names) {
    std::error_code error;
    const fs::path real = fs::canonical(fs::path("/usr/bin") / name, error);
    if (!error && real.string().starts_with("/usr/")) return real.string();
  }
  return tool_unavailable(missing);
}

/// `name` in the directories of PATH.
std::string on_path(const char* name) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path ? path : "";
  while (!rest.empty()) {
    const auto directory = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(directory.size() + 1, rest.size()));
    const std::string program = (fs::path(directory) / name).string();
    if (!directory.empty() && ::access(program.c_str(), X_OK) == 0) return program;
  }
  return "";
}

/// `rustc --print sysroot`, for a rustc that is a front of rustup.
Result<std::string> sysroot_of(const std::string& rustc) {
  ChildSpec spec;
  const char* home = std::getenv("HOME");
  // rustup asks for HOME and finds its proxies by name; run_child passes no environment.
  spec.argv = {"/usr/bin/env",
               fmt::format("HOME={}", home ? home : "/"),
               "PATH=/usr/bin:/bin",
               rustc,
               "--print",
               "sysroot"};
  spec.limits = {.cpu_s = 10, .address_bytes = int64_t{8} << 30, .n_open_files = 256};
  const auto run = run_child(spec);
  if (!run.ok()) return run.error();
  const std::string sysroot(trimmed(run->out.text));
  if (run->exit_code != 0 || sysroot.empty()) {
    return tool_unavailable(fmt::format("{} --print sysroot failed", rustc));
  }
  return sysroot;
}

Result<Toolchain> find_python() {
  WHET_TRY(std::string program, under_usr({"python3"}, "python3 is not installed under /usr"));
  return Toolchain{std::move(program), "", ""};
}

Result<Toolchain> find_cpp() {
  WHET_TRY(std::string program,
           under_usr({"g++", "c++", "clang++"}, "no C++ compiler is installed under /usr"));
  return Toolchain{std::move(program), "", ""};
}

Result<Toolchain> find_rust() {
  WHET_TRY(std::string linker,
           under_usr({"gcc", "cc", "clang"}, "rustc needs a linker (gcc) under /usr"));
  const std::string rustc = on_path("rustc");
  if (rustc.empty()) return tool_unavailable("rustc is not installed");
  if (auto program = under_usr({"rustc"}, ""); program.ok() && rustc == "/usr/bin/rustc") {
    return Toolchain{std::move(program).value(), "", std::move(linker)};
  }
  WHET_TRY(std::string sysroot, sysroot_of(rustc));
  if (::access((fs::path(sysroot) / "bin/rustc").c_str(), X_OK) != 0) {
    return tool_unavailable(fmt::format("no bin/rustc in the sysroot of {}", rustc));
  }
  return Toolchain{"/toolchain/bin/rustc", std::move(sysroot), std::move(linker)};
}

}  // namespace

const Result<Toolchain>& toolchain_of(AnswerKind kind) {
  static const Result<Toolchain> python = find_python();
  static const Result<Toolchain> rust = find_rust();
  static const Result<Toolchain> cpp = find_cpp();
  switch (kind) {
    case AnswerKind::kPython:
      return python;
    case AnswerKind::kRust:
      return rust;
    case AnswerKind::kCpp:
      return cpp;
    default:
      WHET_UNREACHABLE();
  }
}

}  // namespace whet::eval
