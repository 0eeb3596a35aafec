// The whet program: parses the command line and runs one subcommand.
#pragma once

namespace whet {

/// Returns the exit status: 0 ok, 1 failure, 2 usage, 3 model or file, 5 memory, 130 interrupted.
int run_command_line(int argc, char** argv);

}  // namespace whet
