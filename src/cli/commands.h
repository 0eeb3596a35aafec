// One function per subcommand: declares its flags on `app` and, when it is the one that the user
// called, runs it and leaves its exit status in `status`.
#pragma once

#include <CLI/CLI.hpp>

namespace whet {

void add_show_command(CLI::App& app, int& status);
void add_verify_command(CLI::App& app, int& status);
void add_tokenize_command(CLI::App& app, int& status);
void add_run_command(CLI::App& app, int& status);
void add_perplexity_command(CLI::App& app, int& status);
void add_bench_command(CLI::App& app, int& status);
void add_eval_command(CLI::App& app, int& status);
void add_doctor_command(CLI::App& app, int& status);
void add_synth_command(CLI::App& app, int& status);
void add_quantize_command(CLI::App& app, int& status);

}  // namespace whet
