// Where words go: data to stdout, everything else to stderr.
#pragma once

#include <string_view>

#include "base/error.h"

namespace whet {

/// "whet: error: ..." on stderr; control characters of the message are escaped.
void print_error(const Error& error);
/// Prints the error and gives its exit status.
int fail(const Error& error);

bool stdout_is_terminal();
bool stderr_is_terminal();
/// Terminal on stdout and NO_COLOR unset.
bool colour_stdout();

}  // namespace whet
