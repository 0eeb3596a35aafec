#include "cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <optional>

#include "cli/commands.h"
#include "cli/terminal.h"
#include "cli/version.h"
#include "kernels/kernels.h"

namespace whet {
namespace {

std::string version_text() {
  return fmt::format("whet {} ({})\ncompiler: {}\nkernels:  {}\n", version_string(),
                     commit_string(), compiler_string(), kernels::isa_name(kernels::kernels().isa));
}

/// CLI11 only says that a subcommand is missing; the user should see the word that is not one.
std::optional<Error> unknown_command(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return std::nullopt;
  std::string names;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == argv[1]) return std::nullopt;
    names += (names.empty() ? "" : ", ") + command->get_name();
  }
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("{} is not a command; expected one of {}", argv[1], names));
}

}  // namespace

int run_command_line(int argc, char** argv) {
  if (auto isa = kernels::configured_isa(); !isa.ok()) {
    print_error(isa.error());
    return exit_status(isa.error().code());
  }
  CLI::App app(
      "Run open language models locally. Sharpen them at inference time. Prove what it bought.",
      "whet");
  app.require_subcommand(1);
  app.set_version_flag("--version", [] { return version_text(); });
  app.get_formatter()->column_width(34);

  int status = 0;
  add_run_command(app, status);
  add_eval_command(app, status);
  add_bench_command(app, status);
  add_perplexity_command(app, status);
  add_show_command(app, status);
  add_verify_command(app, status);
  add_tokenize_command(app, status);
  add_doctor_command(app, status);
  add_synth_command(app, status);
  add_quantize_command(app, status);
  if (auto unknown = unknown_command(app, argc, argv)) {
    print_error(*unknown);
    return exit_status(unknown->code());
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    app.exit(error, std::cerr, std::cerr);
    return exit_status(ErrorCode::kInvalidArgument);
  } catch (const std::bad_alloc&) {
    print_error(Error(ErrorCode::kResourceExhausted, "out of memory"));
    return exit_status(ErrorCode::kResourceExhausted);
  }
  return status;
}

}  // namespace whet
