#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/model_flags.h"
#include "cli/model_source.h"
#include "cli/prompt_input.h"
#include "cli/terminal.h"
#include "token/describe_token.h"
#include "token/phrase_tokenizer.h"

namespace whet {
namespace {

struct TokenizeFlags {
  std::string model, file;
  std::optional<std::string> text;
  bool from_stdin = false;
  bool ids = false, no_bos = false, no_parse_special = false, show_count = false;
};

Result<std::string> read_text(const TokenizeFlags& options) {
  const bool from_stdin = options.from_stdin || options.file == "-";
  const int sources =
      int{options.text.has_value()} + int{!options.file.empty()} + int{options.from_stdin};
  if (sources != 1) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("expected one of -p TEXT, -f FILE and --stdin, found {}",
                             sources == 0 ? "none" : "several"));
  }
  if (options.text) return *options.text;
  return from_stdin ? read_stdin(kMaxTextBytes) : read_stream(options.file, kMaxTextBytes);
}

int run_tokenize(const TokenizeFlags& options) {
  auto text = read_text(options);
  if (!text.ok()) return fail(text.error());
  const auto tokenizer = load_named_tokenizer(options.model);
  if (!tokenizer.ok()) return fail(tokenizer.error());
  auto ids = (*tokenizer)
                 ->encode(*text, {.add_special = !options.no_bos,
                                  .parse_special = !options.no_parse_special});
  if (!ids.ok()) return fail(ids.error());

  if (options.ids) {
    fmt::print("[{}]\n", fmt::join(*ids, ", "));
  } else {
    for (TokenId id : *ids) fmt::print("{}\n", describe_token(**tokenizer, id));
  }
  if (options.show_count) {
    fmt::print("Total number of tokens: {}\n", ids->size());
    if (phrases_of(**tokenizer) != nullptr) {
      fmt::print("Tokens of the base vocabulary: {}\n", count_base_tokens(**tokenizer, *ids));
    }
  }
  return 0;
}

}  // namespace

Command make_tokenize_command() {
  auto options = std::make_shared<TokenizeFlags>();
  Command command("tokenize", "Text to token ids, with llama-tokenize's flags");
  command.add("MODEL,-m,--model", &options->model, kModelHelp).required();
  command.add("TEXT,-p,--prompt", &options->text, "the text");
  command.add("-f,--file", &options->file, "file that holds the text (- = stdin)")
      .value_name("FILE");
  command.add("--stdin", &options->from_stdin, "read the text from standard input");
  command.add("--ids", &options->ids, "print ids only, as [1, 2, 3]");
  command.add("--no-bos", &options->no_bos, "do not add a BOS token");
  command.add("--no-parse-special", &options->no_parse_special,
              "treat control tokens as plain text");
  command.add("--show-count", &options->show_count, "print the number of tokens");
  command.action([options] { return run_tokenize(*options); });
  return command;
}

}  // namespace whet
