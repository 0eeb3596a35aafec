// Where words go: data to stdout, everything else to stderr.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/error.h"

namespace whet {

/// "whet: error: ..." on stderr; control characters of the message are escaped.
void print_error(const Error& error);
/// A piece of a model's answer on stdout. On a terminal its control characters are escaped: a model
/// may say anything, and must not drive the terminal.
void print_answer(std::string_view text);
/// "whet: warning: ...": the answer may not be worth what it seems.
void print_warning(std::string_view message);
/// "whet: note: ...": what was asked for and makes no difference.
void print_note(std::string_view message);
/// Words of the program, as they are, on stderr. A stderr that cannot be written loses them: no
/// command fails for that (fmt::print would throw).
void print_message(std::string_view text);
/// Prints the error and gives its exit status.
int fail(const Error& error);

/// Of the terminal, between 60 and 100; 80 where stdout is none.
size_t stdout_columns();
bool stdin_is_terminal();
bool stdout_is_terminal();
bool stderr_is_terminal();
/// Terminal on stdout and NO_COLOR unset.
bool colour_stdout();

}  // namespace whet
