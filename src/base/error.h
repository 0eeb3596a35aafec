// Errors of input and environment: a code that decides exit status and HTTP status, a message, and
// context frames added on the way up. Programmer errors are WHET_CHECK, never an Error.
#pragma once

#include <string>
#include <string_view>

namespace whet {

enum class ErrorCode {
  kInvalidArgument,    // a flag, a request field, a prompt
  kInvalidModel,       // a model file or directory that is malformed or unsupported
  kNotFound,           // a path or name that does not exist
  kIo,                 // the operating system refused to read or write
  kResourceExhausted,  // memory, context length, disk
  kUnavailable,        // a tool or machine feature that is missing here
  kCancelled,          // the user asked to stop
  kInternal,           // a library failed in a way that no input explains
};

/// Exit status of the process for an error of this code; the table is in docs/cli.md.
int exit_status(ErrorCode code);
/// Stable lower-case name, e.g. "invalid_model", for JSON output.
std::string_view error_code_name(ErrorCode code);

class Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }

  /// Prefixes "frame: "; outer frames come first, as in "loading m.gguf: tensor x: expected ...".
  Error with_context(std::string_view frame) const&;

 private:
  ErrorCode code_;
  std::string message_;
};

}  // namespace whet
