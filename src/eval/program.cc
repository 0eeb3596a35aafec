#include "eval/program.h"

#include <fmt/format.h>

#include <cctype>

#include "base/ascii.h"
#include "eval/answer.h"
#include "eval/child.h"

namespace whet::eval {
namespace {

// The names that the driver needs are bound before the candidate runs, so that a candidate which
// replaces print, sys.stdout or builtins changes nothing. A candidate that walks interpreter frames
// could still find the token; none that merely exits can.
constexpr const char* kPythonDriver = R"(
def drive():
    import sys, posix
    read, write, close, compile_, exec_, eval_ = posix.read, posix.write, posix.close, compile, exec, eval
    data = b""
    while chunk := read(4, 65536):
        data += chunk
    close(4)
    parts = []
    while data:
        size, _, data = data.partition(b"\n")
        parts.append(data[:int(size)])
        data = data[int(size):]
    token, mode, source, checks = parts
    module = type(sys)("candidate")
    sys.modules["candidate"] = module
    sys.path.pop(0)
    scope = module.__dict__
    exec_(compile_(source, "candidate.py", "exec"), scope)
    if mode == b"all":
        exec_(compile_(checks, "tests.py", "exec"), scope)
        write(3, token + b"\n")
        return
    import _ast
    def statements(text):
        return compile_(text, "examples.py", "exec", _ast.PyCF_ONLY_AST).body
    try:
        nodes = statements(checks)
    except SyntaxError:
        nodes = []
        for line in checks.splitlines():
            try:
                nodes += statements(line)
            except SyntaxError:
                nodes.append(None)
    lines = []
    for node in nodes:
        held, behaviour = "0", ""
        if node is None:
            lines.append("0is not Python")
            continue
        try:
            test = getattr(node, "test", None)
            if isinstance(node, _ast.Assert) and isinstance(test, _ast.Compare) and \
                    len(test.ops) == 1 and isinstance(test.ops[0], _ast.Eq):
                value = eval_(compile_(_ast.Expression(test.left), "examples.py", "eval"), scope)
                behaviour = ascii(value)
                wanted = eval_(compile_(_ast.Expression(test.comparators[0]), "examples.py", "eval"), scope)
                held = "1" if value == wanted else "0"
            else:
                exec_(compile_(_ast.Module([node], []), "examples.py", "exec"), scope)
                held, behaviour = "1", "held"
        except Exception as error:
            behaviour = "raised " + type(error).__name__
        lines.append(held + behaviour.replace("\n", " ")[:400])
    write(3, token + b"\n" + "".join(line + "\n" for line in lines).encode())
drive()
)";

constexpr const char* kRustReport = R"(
mod whet_report {{
    pub fn send(lines: &[bool], each: bool) {{
        use std::io::{{Read, Write}};
        use std::os::fd::FromRawFd;
        let mut text = String::new();
        unsafe {{ std::fs::File::from_raw_fd({input}) }}.read_to_string(&mut text).unwrap();
        text.push('\n');
        for held in lines {{
            if each {{ text.push_str(if *held {{ "1held\n" }} else {{ "0failed\n" }}); }}
        }}
        unsafe {{ std::fs::File::from_raw_fd({report}) }}.write_all(text.as_bytes()).unwrap();
    }}
}}
)";

constexpr const char* kCppPrelude = R"(#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <exception>
#include <numeric>
#include <string>
#include <vector>
)";

constexpr const char* kCppReport = R"(
#undef assert
#define assert(...) ((__VA_ARGS__) ? void() : throw ::whet_report::Failed())
namespace whet_report {{
struct Failed : std::exception {{
  const char* what() const noexcept override {{ return "assertion failed"; }}
}};
std::string lines;
void send() {{
  char token[256];
  const ssize_t n = ::read({input}, token, sizeof token);
  std::string text(token, n > 0 ? n : 0);
  text += "\n" + lines;
  if (::write({report}, text.data(), text.size()) < 0) ::_exit(1);
}}
}}  // namespace whet_report
)";

/// `fn main(` becomes `fn candidate_main(`: the program's main is ours.
std::string without_main(std::string source) {
  for (size_t at = source.find("main"); at != std::string::npos; at = source.find("main", at + 1)) {
    const auto before = std::string_view(source).substr(0, at);
    const auto after = trimmed(std::string_view(source).substr(at + 4));
    const auto bare = trimmed(before);
    const bool is_definition = after.starts_with('(') && bare.size() < before.size() &&
                               bare.ends_with("fn") &&
                               (bare.size() == 2 || !is_word_byte(bare[bare.size() - 3]));
    if (!is_definition) continue;
    source.insert(at, "candidate_");
    at += 10;
  }
  return source;
}

std::vector<std::string> assertion_lines(const std::string& assertions) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < assertions.size();) {
    const size_t end = std::min(assertions.find('\n', at), assertions.size());
    const auto line = trimmed(std::string_view(assertions).substr(at, end - at));
    if (!line.empty()) lines.emplace_back(line);
    at = end + 1;
  }
  return lines;
}

}  // namespace

std::string python_driver() {
  return kPythonDriver;
}

std::string python_input(const std::string& token, Checks checks, const std::string& source,
                         const std::string& assertions) {
  std::string input;
  for (const std::string& part :
       {token, std::string(checks == Checks::kAll ? "all" : "each"), source, assertions}) {
    input += fmt::format("{}\n{}", part.size(), part);
  }
  return input;
}

std::string rust_program(const std::string& source, const std::string& assertions, Checks checks) {
  std::string program = without_main(source) + "\n";
  program += fmt::format(kRustReport, fmt::arg("input", kInputFd), fmt::arg("report", kReportFd));
  program += "fn main() {\n    let mut lines: Vec<bool> = Vec::new();\n";
  if (checks == Checks::kAll) {
    program += "    {\n" + assertions + "\n    }\n";
  } else {
    for (const std::string& line : assertion_lines(assertions)) {
      program += "    lines.push(std::panic::catch_unwind(|| { " + line + " }).is_ok());\n";
    }
  }
  program += fmt::format("    whet_report::send(&lines, {});\n}}\n", checks == Checks::kEach);
  return program;
}

std::string cpp_program(const std::string& source, const std::string& assertions, Checks checks) {
  std::string program = kCppPrelude;
  program += "#define main candidate_main\n" + source + "\n#undef main\n";
  program += fmt::format(kCppReport, fmt::arg("input", kInputFd), fmt::arg("report", kReportFd));
  program += "int main() {\n";
  if (checks == Checks::kAll) {
    program += "  {\n" + assertions + "\n  }\n";
  } else {
    for (const std::string& line : assertion_lines(assertions)) {
      program += "  try { " + line +
                 " whet_report::lines += \"1held\\n\"; } "
                 "catch (...) { whet_report::lines += \"0failed\\n\"; }\n";
    }
  }
  return program + "  whet_report::send();\n}\n";
}

Report parse_report(const std::string& text, const std::string& token) {
  Report report;
  if (!text.starts_with(token + "\n")) return report;
  report.complete = true;
  for (size_t at = token.size() + 1; at < text.size();) {
    const size_t end = text.find('\n', at);
    if (end == std::string::npos) break;
    report.lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return report;
}

}  // namespace whet::eval
