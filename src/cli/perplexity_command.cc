#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/model_flags.h"
#include "cli/prompt_input.h"
#include "cli/terminal.h"
#include "cli/text_score.h"
#include "sys/json_text.h"

namespace whet {
namespace {

constexpr uint64_t kMaxTextBytes = uint64_t{1} << 32;

struct Options {
  ModelFlags model;
  std::string file;
  bool parse_special = false;
  bool json = false;
};

int run(const Options& options) {
  auto text = read_stream(options.file, kMaxTextBytes);
  if (!text.ok()) return fail(text.error());
  auto engine = options.model.load();
  if (!engine.ok()) return fail(engine.error());
  auto tokens = (*engine)->tokenizer().encode(
      *text, {.add_special = false, .parse_special = options.parse_special});
  if (!tokens.ok()) return fail(tokens.error());
  int64_t start = monotonic_ns();
  auto tally = score_text(**engine, *tokens);
  if (!tally.ok()) return fail(tally.error());
  double seconds = static_cast<double>(monotonic_ns() - start) * 1e-9;

  const double bits_per_byte = tally->bits_per_byte(tokens->size(), text->size());
  double nats = tally->mean(), error = tally->standard_error();
  double perplexity = std::exp(nats);
  if (options.json) {
    nlohmann::ordered_json json{
        {"schema", "whet-perplexity/1"},
        {"model", options.model.model},
        {"file", options.file},
        {"n_bytes", text->size()},
        {"n_tokens", tokens->size()},
        {"n_scored", tally->n_tokens},
        {"n_windows", tally->n_windows},
        {"context", (*engine)->context()},
        {"sparsity", options.model.sparsity},
        {"nats_per_token", nats},
        {"nats_per_token_stderr", error},
        {"perplexity", perplexity},
        {"perplexity_stderr", perplexity * error},
        {"bits_per_byte", bits_per_byte},
        {"bits_per_byte_stderr", bits_per_byte * error / nats},
        {"tokens_per_second", static_cast<double>(tally->n_tokens) / seconds}};
    fmt::print("{}\n", json_text(json, 2));
  } else {
    fmt::print(
        "{:.4f} ± {:.4f} nats/token   perplexity {:.4f} ± {:.4f}   {:.4f} ± {:.4f} bits/byte\n",
        nats, error, perplexity, perplexity * error, bits_per_byte, bits_per_byte * error / nats);
    fmt::print("{} tokens scored of {} ({} bytes) in {} windows of {}, {:.1f} tok/s\n",
               tally->n_tokens, tokens->size(), text->size(), tally->n_windows,
               (*engine)->context(), static_cast<double>(tally->n_tokens) / seconds);
  }
  return 0;
}

}  // namespace

Command make_perplexity_command() {
  auto options = std::make_shared<Options>();
  Command command("perplexity", "How well a model predicts a text: nats/token, bits/byte");
  options->model.add_to(command);
  options->model.add_sparsity_to(command, SparseRows::kAll);
  command.add("-f,--file", &options->file, "the text").required().value_name("FILE");
  command.add("--parse-special", &options->parse_special,
              "control tokens that the text spells are control tokens, as in a chat");
  command.add("--json", &options->json, "one JSON object");
  command.action([options] { return run(*options); });
  return command;
}

}  // namespace whet
