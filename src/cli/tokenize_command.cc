#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>
#include <iterator>
#include <memory>

#include "cli/commands.h"
#include "cli/terminal.h"
#include "formats/model_file.h"
#include "sys/file_bytes.h"
#include "token/describe_token.h"
#include "token/tokenizer_factory.h"

namespace whet {
namespace {

constexpr uint64_t kMaxTextBytes = uint64_t{1} << 30;

struct Options {
  std::string model, prompt, file;
  bool from_stdin = false;
  bool ids = false, no_bos = false, no_parse_special = false, show_count = false;
};

Result<std::string> read_text(const Options& options, bool has_prompt) {
  int sources = int{has_prompt} + int{!options.file.empty()} + int{options.from_stdin};
  if (sources != 1) {
    return Error(ErrorCode::kInvalidArgument,
                 "tokenize: give exactly one of -p TEXT, -f FILE and --stdin");
  }
  if (!options.file.empty()) return read_file(options.file, kMaxTextBytes);
  if (options.from_stdin) return std::string(std::istreambuf_iterator<char>(std::cin), {});
  return options.prompt;
}

int run(const Options& options, bool has_prompt) {
  auto text = read_text(options, has_prompt);
  if (!text.ok()) return fail(text.error());
  auto file = open_model_file(options.model);
  if (!file.ok()) return fail(file.error().with_context("loading " + options.model));
  auto tokenizer = make_tokenizer(*file);
  if (!tokenizer.ok()) return fail(tokenizer.error().with_context("loading " + options.model));
  auto ids = (*tokenizer)
                 ->encode(*text, {.add_special = !options.no_bos,
                                  .parse_special = !options.no_parse_special});
  if (!ids.ok()) return fail(ids.error());

  if (options.ids) {
    fmt::print("[{}]\n", fmt::join(*ids, ", "));
  } else {
    for (TokenId id : *ids) fmt::print("{}\n", describe_token(**tokenizer, id));
  }
  if (options.show_count) fmt::print("Total number of tokens: {}\n", ids->size());
  return 0;
}

}  // namespace

void add_tokenize_command(CLI::App& app, int& status) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("tokenize", "Text to token ids, with llama-tokenize's flags");
  command->add_option("-m,--model", options->model, "GGUF file or SafeTensors directory")
      ->required();
  CLI::Option* prompt = command->add_option("-p,--prompt", options->prompt, "the text");
  command->add_option("-f,--file", options->file, "file that holds the text");
  command->add_flag("--stdin", options->from_stdin, "read the text from standard input");
  command->add_flag("--ids", options->ids, "print ids only, as [1, 2, 3]");
  command->add_flag("--no-bos", options->no_bos, "do not add a BOS token");
  command->add_flag("--no-parse-special", options->no_parse_special,
                    "treat control tokens as plain text");
  command->add_flag("--show-count", options->show_count, "print the number of tokens");
  command->callback([options, prompt, &status] { status = run(*options, prompt->count() > 0); });
}

}  // namespace whet
