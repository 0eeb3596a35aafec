#include "cli/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "cli/command_export.h"
#include "cli/command_help.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/nearest_name.h"
#include "cli/standard_streams.h"
#include "cli/terminal.h"
#include "cli/version.h"
#include "kernels/kernels.h"
#include "sys/mapping_fault.h"

namespace whet {
namespace {

std::vector<Command> all_commands() {
  std::vector<Command> commands;
  commands.push_back(make_run_command());
  commands.push_back(make_serve_command());
  commands.push_back(make_eval_command());
  commands.push_back(make_tasks_command());
  commands.push_back(make_compare_command());
  commands.push_back(make_report_command());
  commands.push_back(make_diff_command());
  commands.push_back(make_recommend_command());
  commands.push_back(make_adapt_vocab_mine_command());
  commands.push_back(make_adapt_vocab_apply_command());
  commands.push_back(make_adapt_larosa_command());
  commands.push_back(make_adapt_magnitudes_command());
  commands.push_back(make_bench_command());
  commands.push_back(make_bench_serve_command());
  commands.push_back(make_perplexity_command());
  commands.push_back(make_show_command());
  commands.push_back(make_verify_command());
  commands.push_back(make_tokenize_command());
  commands.push_back(make_doctor_command());
  commands.push_back(make_pull_command());
  commands.push_back(make_ls_command());
  commands.push_back(make_rm_command());
  commands.push_back(make_ps_command());
  commands.push_back(make_synth_command());
  commands.push_back(make_imatrix_command());
  commands.push_back(make_quantize_command());
  commands.push_back(make_convert_command());
  return commands;
}

int print_version() {
  fmt::print("whet {} ({})\ncompiler: {}\nkernels:  {}\n", version_string(), commit_string(),
             compiler_string(), kernels::isa_name(kernels::kernels().isa));
  return 0;
}

Result<Command*> find_command(std::vector<Command>& commands, const std::string& name) {
  std::vector<std::string> names;
  for (Command& command : commands) {
    if (command.name() == name) return &command;
    names.push_back(command.name());
  }
  std::vector<std::string> longer;
  std::copy_if(names.begin(), names.end(), std::back_inserter(longer),
               [&](const std::string& known) { return known.starts_with(name + " "); });
  if (!longer.empty()) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{} begins several commands; expected one of {}", name,
                             fmt::join(longer, ", ")));
  }
  const auto nearest = nearest_name(name, names);
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("\"{}\" is not a command{}; expected one of {}", name,
                           nearest ? fmt::format(" (did you mean {}?)", *nearest) : "",
                           fmt::join(names, ", ")));
}

std::string name_at(const std::vector<std::string>& arguments, size_t begin, size_t n_words) {
  std::string name = arguments[begin];
  for (size_t i = 1; i < n_words; ++i) name += " " + arguments[begin + i];
  return name;
}

/// How many of the arguments from `begin` on are a command's name or begin one: "bench serve" and
/// "adapt vocab" are two.
size_t words_of_name(const std::vector<Command>& commands,
                     const std::vector<std::string>& arguments, size_t begin) {
  constexpr size_t kMostWords = 3;
  for (size_t n = std::min(kMostWords, arguments.size() - begin); n > 1; --n) {
    const std::string name = name_at(arguments, begin, n);
    if (std::any_of(commands.begin(), commands.end(), [&](const Command& command) {
          return command.name() == name || command.name().starts_with(name + " ");
        })) {
      return n;
    }
  }
  return 1;
}

int print_help(std::vector<Command>& commands, const std::vector<std::string>& arguments) {
  if (arguments.size() < 2) {
    fmt::print("{}", overview_text(commands, stdout_columns()));
    return 0;
  }
  auto command =
      find_command(commands, name_at(arguments, 1, words_of_name(commands, arguments, 1)));
  if (!command.ok()) return fail(command.error());
  fmt::print("{}", help_text(**command, stdout_columns()));
  return 0;
}

/// What other programs read, where `flag` asks for it.
std::optional<std::string> exported(const std::vector<Command>& commands, const std::string& flag) {
  if (flag == "--man-page") return man_page(commands, version_string());
  if (flag == "--completion-bash") return bash_completion(commands);
  if (flag == "--completion-zsh") return zsh_completion(commands);
  if (flag == "--completion-fish") return fish_completion(commands);
  return std::nullopt;
}

int dispatch(const std::vector<std::string>& arguments) {
  if (auto isa = kernels::configured_isa(); !isa.ok()) return fail(isa.error());
  std::vector<Command> commands = all_commands();
  const std::string first = arguments.empty() ? "help" : arguments.front();
  if (first == "help" || first == "-h" || first == "--help") return print_help(commands, arguments);
  if (first == "version" || first == "-v" || first == "--version") return print_version();
  if (const auto text = exported(commands, first)) {
    fmt::print("{}", *text);
    return 0;
  }

  const size_t n_words = words_of_name(commands, arguments, 0);
  auto command = find_command(commands, name_at(arguments, 0, n_words));
  if (!command.ok()) return fail(command.error());
  auto parsed =
      (*command)->parse({arguments.begin() + static_cast<ptrdiff_t>(n_words), arguments.end()});
  if (!parsed.ok()) return fail(parsed.error());
  if (parsed->help) {
    fmt::print("{}", help_text(**command, stdout_columns()));
    return 0;
  }
  for (const std::string& note : parsed->notes) print_note(note);
  const int status = (*command)->run();
  return status == exit_status(ErrorCode::kCancelled) ? interrupted_status() : status;
}

/// No exception leaves the program: each becomes an error line and an exit status.
int dispatch_without_exceptions(int argc, char** argv) {
  try {
    return dispatch({argv + std::min(argc, 1), argv + argc});
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
