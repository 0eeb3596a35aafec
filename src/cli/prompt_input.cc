#include "cli/prompt_input.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cli/terminal.h"

namespace whet {
namespace {

constexpr uint64_t kMaxPromptBytes = uint64_t{1} << 28;
constexpr int kPatienceMs = 1000;

Error unreadable(std::string_view name) {
  return Error(ErrorCode::kIo, fmt::format("cannot read {}: {}", name, std::strerror(errno)));
}

Result<std::string> read_descriptor(int fd, const std::string& name, uint64_t limit_bytes) {
  std::string text;
  char buffer[1 << 16];
  while (true) {
    const ssize_t n = ::read(fd, buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return unreadable(name);
    if (n == 0) return text;
    text.append(buffer, static_cast<size_t>(n));
    if (text.size() > limit_bytes) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("{}: expected at most {} bytes, found more", name, limit_bytes));
    }
  }
}

}  // namespace

Result<std::string> read_stdin(uint64_t limit_bytes) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  if (::poll(&input, 1, kPatienceMs) == 0) {
    print_note("reading standard input until its end (Ctrl-D; < /dev/null where there is none)");
  }
  return read_descriptor(STDIN_FILENO, "standard input", limit_bytes);
}

Result<std::string> read_stream(const std::string& path, uint64_t limit_bytes) {
  if (path == "-" || path == "/dev/stdin") return read_stdin(limit_bytes);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return Error(ErrorCode::kNotFound,
                 fmt::format("cannot open {}: {}", path, std::strerror(errno)));
  }
  auto text = read_descriptor(fd, path, limit_bytes);
  ::close(fd);
  return text;
}

Result<std::optional<std::string>> PromptInput::read() const {
  const int sources = int{!words.empty()} + int{argument.has_value()} + int{!file.empty()};
  if (sources > 1) {
    return Error(ErrorCode::kInvalidArgument,
                 "expected the prompt once, found several of -p, -f and a prompt behind the model");
  }
  const bool from_stdin = (argument && *argument == "-") || file == "-" || file == "/dev/stdin" ||
                          (words.size() == 1 && words[0] == "-");
  std::optional<std::string> prompt;
  if (!from_stdin && argument) prompt = argument;
  if (!from_stdin && !words.empty()) prompt = fmt::format("{}", fmt::join(words, " "));
  if (!from_stdin && !file.empty()) {
    WHET_TRY(prompt, read_stream(file, kMaxPromptBytes));
  }
  if (!from_stdin && stdin_is_terminal()) return prompt;

  WHET_TRY(std::string piped, read_stdin(kMaxPromptBytes));
  if (piped.ends_with('\n')) piped.pop_back();
  if (!prompt) return std::optional(std::move(piped));
  if (!piped.empty()) *prompt += "\n\n" + piped;
  return prompt;
}

}  // namespace whet
