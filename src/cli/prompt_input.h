// Where a prompt comes from: the command line, a file, a pipe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace whet {

/// Of a text that a command reads whole.
inline constexpr uint64_t kMaxTextBytes = uint64_t{1} << 30;

/// Standard input until its end. Says on stderr after a second without a byte that it waits.
Result<std::string> read_stdin(uint64_t limit_bytes);
/// A file, a pipe or a device until its end; "-" is standard input.
/// Errors: cannot be opened or read, a directory, more than the limit.
Result<std::string> read_stream(const std::string& path, uint64_t limit_bytes);

struct PromptInput {
  std::vector<std::string> words;       // operands
  std::optional<std::string> argument;  // -p
  std::string file;                     // -f

  /// The argument, the words joined by blanks, or the file; behind it what is piped in, after an
  /// empty line and without its last line feed. None: nothing was given, and stdin is a terminal.
  /// Errors: two of them; an unreadable file.
  Result<std::optional<std::string>> read() const;
};

}  // namespace whet
