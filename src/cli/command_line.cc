#include "cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>
#include <optional>

#include "cli/commands.h"
#include "cli/standard_streams.h"
#include "cli/terminal.h"
#include "cli/version.h"
#include "kernels/kernels.h"
#include "sys/mapping_fault.h"

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

int dispatch(int argc, char** argv) {
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
  }
  return status;
}

/// No exception leaves the program: each becomes an error line and an exit status.
int dispatch_without_exceptions(int argc, char** argv) {
  try {
    return dispatch(argc, argv);
  } catch (const std::bad_alloc&) {
    return fail(Error(ErrorCode::kResourceExhausted, "out of memory"));
  } catch (const std::exception& error) {
    // fmt throws where stdout cannot be written, which run_command_line reports.
    if (std::ferror(stdout) != 0) return exit_status(ErrorCode::kIo);
    return fail(Error(ErrorCode::kInternal, fmt::format("internal error: {}", error.what())));
  }
}

}  // namespace

int run_command_line(int argc, char** argv) {
  open_closed_streams();
  exit_on_mapping_fault(exit_status(ErrorCode::kInvalidModel));
  const int status = dispatch_without_exceptions(argc, argv);
  const Status flushed = flush_stdout();
  if (flushed.ok()) return status;
  const int lost = fail(flushed.error());
  return status == 0 ? lost : status;
}

}  // namespace whet
