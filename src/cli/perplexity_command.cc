#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <numbers>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/prompt_input.h"
#include "cli/terminal.h"
#include "report/progress.h"
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

/// Sums over all scored tokens.
struct Tally {
  int64_t n_tokens = 0;
  int64_t n_windows = 0;
  double nats = 0;
  double nats_squared = 0;

  double mean() const { return nats / static_cast<double>(n_tokens); }
  double standard_error() const {
    auto n = static_cast<double>(n_tokens);
    double variance = n > 1 ? std::max(0.0, (nats_squared - nats * nats / n) / (n - 1)) : 0;
    return std::sqrt(variance / n);
  }
};

/// The text in consecutive windows of the context, each scored on its own. With a BOS token in
/// front every token of the text is scored; without one the first of each window is not.
Result<Tally> measure(Engine& engine, const std::vector<int32_t>& text) {
  const Tokenizer& tokenizer = engine.tokenizer();
  const bool bos = tokenizer.adds_bos() && tokenizer.bos().has_value();
  if (engine.context() < 2) {
    return Error(
        ErrorCode::kInvalidArgument,
        fmt::format("-c: expected 2 tokens or more, of which one predicts the next, found {}",
                    engine.context()));
  }
  const auto room = static_cast<size_t>(engine.context()) - (bos ? 1 : 0);
  Tally tally;
  report::Progress progress("perplexity", static_cast<int64_t>(text.size()));
  for (size_t first = 0; first < text.size(); first += room) {
    std::vector<int32_t> window;
    if (bos) window.push_back(*tokenizer.bos());
    size_t n = std::min(room, text.size() - first);
    window.insert(window.end(), text.begin() + static_cast<ptrdiff_t>(first),
                  text.begin() + static_cast<ptrdiff_t>(first + n));
    WHET_TRY(std::vector<double> scores, engine.score(window, &interrupt_flag()));
    for (double logprob : scores) {
      tally.nats -= logprob;
      tally.nats_squared += logprob * logprob;
    }
    tally.n_tokens += static_cast<int64_t>(scores.size());
    ++tally.n_windows;
    progress.update(static_cast<int64_t>(first + n));
  }
  progress.finish();
  if (tally.n_tokens == 0) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("the text has {} tokens; expected at least 2", text.size()));
  }
  return tally;
}

int run(const Options& options) {
  auto text = read_stream(options.file, kMaxTextBytes);
  if (!text.ok()) return fail(text.error());
  auto engine = options.model.load();
  if (!engine.ok()) return fail(engine.error());
  auto tokens = (*engine)->tokenizer().encode(
      *text, {.add_special = false, .parse_special = options.parse_special});
  if (!tokens.ok()) return fail(tokens.error());
  int64_t start = monotonic_ns();
  auto tally = measure(**engine, *tokens);
  if (!tally.ok()) return fail(tally.error());
  double seconds = static_cast<double>(monotonic_ns() - start) * 1e-9;

  // Bits per byte makes different tokenizers comparable. It counts the bytes of the whole text, so
  // it is exact only if every token was scored.
  double scored_share = static_cast<double>(tally->n_tokens) / static_cast<double>(tokens->size());
  double bits_per_byte =
      tally->nats / std::numbers::ln2 / (static_cast<double>(text->size()) * scored_share);
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
  command.add("-f,--file", &options->file, "the text").required().value_name("FILE");
  command.add("--parse-special", &options->parse_special,
              "control tokens that the text spells are control tokens, as in a chat");
  command.add("--json", &options->json, "one JSON object");
  command.action([options] { return run(*options); });
  return command;
}

}  // namespace whet
