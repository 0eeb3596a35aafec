#include "report/gnuplot.h"

#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "report/text.h"

extern char** environ;

namespace whet::report {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
/// An unnamed temporary file. Files instead of pipes: nothing can block or raise SIGPIPE.
using TemporaryFile = std::unique_ptr<std::FILE, CloseFile>;

TemporaryFile temporary_file() {
  return TemporaryFile(std::tmpfile());
}

std::string content_of(std::FILE* file) {
  std::string content;
  std::rewind(file);
  char buffer[65536];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, file)) > 0;) content.append(buffer, n);
  return content;
}

/// The environment with a UTF-8 locale that exists everywhere, so that labels are read as UTF-8.
std::vector<std::string> child_environment() {
  std::vector<std::string> result{"LC_ALL=C.UTF-8"};
  for (char** variable = environ; *variable; ++variable) {
    const std::string_view text = *variable;
    if (!text.starts_with("LC_") && !text.starts_with("LANG") && !text.starts_with("GNUPLOT"))
      result.emplace_back(text);
  }
  return result;
}

/// Exit status of the child, or nothing if it was killed at the deadline.
std::optional<int> wait_until(pid_t child, int64_t deadline_ns) {
  for (;;) {
    int status = 0;
    const pid_t done = waitpid(child, &status, WNOHANG);
    if (done == child) return status;
    if (done < 0 && errno != EINTR) return -1;
    if (monotonic_ns() > deadline_ns) {
      kill(-child, SIGKILL);  // its own process group
      while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
      }
      return std::nullopt;
    }
    const timespec pause{0, 2'000'000};
    nanosleep(&pause, nullptr);
  }
}

std::string first_complaint(const std::string& output) {
  for (size_t begin = 0; begin < output.size();) {
    const size_t end = std::min(output.find('\n', begin), output.size());
    std::string line = one_line(output.substr(begin, end - begin));
    begin = end + 1;
    if (line.find("line ") != std::string::npos) return truncate(line, 200);
  }
  return truncate(one_line(output), 200);
}

}  // namespace

std::string gnuplot_quote(std::string_view text) {
  std::string quoted = "'";
  for (char c : one_line(text)) {
    if (c == '\'') {
      quoted += "\u2019";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

namespace {

/// The script of all pictures: each written to its own open file, and a line of standard output
/// once it is: the number of the error that it had, 0 for none, and its text. gnuplot goes on after
/// an error.
std::string joined(std::span<const std::string> scripts, std::span<const TemporaryFile> outputs) {
  std::string all;
  for (size_t i = 0; i < scripts.size(); ++i) {
    const size_t terminal_end = std::min(scripts[i].find('\n'), scripts[i].size());
    all += fmt::format(
        "reset session\nreset errors\n{}\nset output '/dev/fd/{}'\n{}\nset output\n"
        "set print '-'\nprint sprintf('%d %s', GPVAL_ERRNO, GPVAL_ERRMSG)\n",
        std::string_view(scripts[i]).substr(0, terminal_end), fileno(outputs[i].get()),
        std::string_view(scripts[i]).substr(terminal_end));
  }
  return all;
}

/// Runs a script to its end; `said`: the lines of its standard output. Errors: those of run_gnuplot
/// that concern the child and no single picture.
Status run_child(const std::string& script, double time_limit_s, const std::string& name,
                 std::vector<std::string>& said) {
  const TemporaryFile input = temporary_file();
  const TemporaryFile output = temporary_file();
  const TemporaryFile complaints = temporary_file();
  if (!input || !output || !complaints ||
      std::fwrite(script.data(), 1, script.size(), input.get()) != script.size() ||
      std::fflush(input.get()) != 0) {
    return Error(ErrorCode::kIo, "gnuplot: no temporary file for the script");
  }
  std::rewind(input.get());

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fileno(input.get()), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(output.get()), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(complaints.get()), STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);

  std::string program = name;
  std::string defaults = "-d";  // no start-up files
  char* arguments[] = {program.data(), defaults.data(), nullptr};
  std::vector<std::string> environment = child_environment();
  std::vector<char*> variables;
  for (auto& variable : environment) variables.push_back(variable.data());
  variables.push_back(nullptr);

  pid_t child = 0;
  const int failure =
      posix_spawnp(&child, program.c_str(), &actions, &attributes, arguments, variables.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) {
    return Error(
        ErrorCode::kUnavailable,
        fmt::format("charts need gnuplot, which is not installed here ({}: {}); on Debian: "
                    "apt install gnuplot-nox fonts-dejavu-core",
                    program, std::strerror(failure)));
  }
  const auto status = wait_until(child, monotonic_ns() + static_cast<int64_t>(time_limit_s * 1e9));
  const std::string text = content_of(output.get());
  for (size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    said.push_back(text.substr(at, end - at));
  }
  if (!status) {
    return Error(ErrorCode::kInternal,
                 fmt::format("gnuplot did not finish within {} s", time_limit_s));
  }
  if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0) {
    return Error(ErrorCode::kInternal,
                 "gnuplot failed: " + first_complaint(content_of(complaints.get())));
  }
  return ok_status();
}

/// `said`: the line of joined().
Result<std::string> picture_of(std::string picture, const std::string& said) {
  const size_t space = std::min(said.find(' '), said.size());
  if (said.substr(0, space) != "0") {
    return Error(ErrorCode::kInternal,
                 "gnuplot failed: " + truncate(one_line(said.substr(space)), 200));
  }
  if (picture.empty()) {
    return Error(ErrorCode::kInternal, "gnuplot failed: it drew nothing");
  }
  return picture;
}

}  // namespace

std::vector<Result<std::string>> run_gnuplot(std::span<const std::string> scripts,
                                             const GnuplotOptions& options) {
  std::vector<Result<std::string>> pictures;
  while (pictures.size() < scripts.size()) {
    const auto rest = scripts.subspan(pictures.size());
    std::vector<TemporaryFile> outputs;
    for (size_t i = 0; i < rest.size(); ++i) outputs.push_back(temporary_file());
    if (std::ranges::any_of(outputs, [](const TemporaryFile& file) { return !file; })) {
      pictures.insert(pictures.end(), rest.size(),
                      Error(ErrorCode::kIo, "gnuplot: no temporary file for the picture"));
      break;
    }
    const auto limit_s = options.time_limit_s * static_cast<double>(rest.size());
    std::vector<std::string> said;
    const Status ran = run_child(joined(rest, outputs), limit_s, options.program, said);
    if (!ran.ok() && ran.error().code() != ErrorCode::kInternal) {
      pictures.insert(pictures.end(), rest.size(), ran.error());
      break;
    }
    for (size_t i = 0; i < std::min(said.size(), rest.size()); ++i) {
      pictures.push_back(picture_of(content_of(outputs[i].get()), said[i]));
    }
    if (said.size() >= rest.size()) continue;
    // The one that the child was at.
    pictures.push_back(ran.ok() ? Error(ErrorCode::kInternal, "gnuplot failed: it ended early")
                                : ran.error());
  }
  return pictures;
}

Result<std::string> run_gnuplot(std::string_view script, const GnuplotOptions& options) {
  const std::string one(script);
  return std::move(run_gnuplot(std::span(&one, 1), options).front());
}

}  // namespace whet::report
