#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/clock.h"
#include "cli/base_log_probs.h"
#include "cli/commands.h"
#include "cli/divergence_table.h"
#include "cli/model_flags.h"
#include "cli/prompt_input.h"
#include "cli/sparse_text_score.h"
#include "cli/terminal.h"
#include "cli/text_score.h"
#include "cli/window_pass.h"
#include "stats/divergence.h"
#include "sys/json_text.h"

namespace whet {
namespace {

constexpr uint64_t kMaxJudgedBytes = uint64_t{1} << 32;

struct PerplexityFlags {
  ModelFlags model;
  std::string file;
  std::string base_file;
  bool divergence = false;
  bool parse_special = false;
  bool json = false;
  std::optional<uint64_t> sparse_from;
};

/// With the special tokens that a prompt would have, as llama-perplexity reads a text.
Result<std::vector<int32_t>> read_tokens(const PerplexityFlags& options, const Engine& engine) {
  WHET_TRY(const std::string text, read_stream(options.file, kMaxJudgedBytes));
  return engine.tokenizer().encode(text,
                                   {.add_special = true, .parse_special = options.parse_special});
}

/// Scores the later half of each window and keeps what every token was given there.
Result<TextScore> write_base(Engine& engine, const ScoredWindows& windows,
                             const std::string& path) {
  WHET_TRY(BaseLogProbsWriter writer, BaseLogProbsWriter::create(path, windows));
  TextScore score;
  score.n_windows = windows.n_windows();
  WHET_TRY_STATUS(run_windows(engine, windows,
                              [&](int64_t, std::span<const float> logits, int32_t token) -> Status {
                                score.add(logits, token);
                                return writer.write(logits);
                              }));
  WHET_TRY_STATUS(writer.finish());
  return score;
}

int run_base(const PerplexityFlags& options) {
  auto engine = options.model.load();
  if (!engine.ok()) return fail(engine.error());
  auto tokens = read_tokens(options, **engine);
  if (!tokens.ok()) return fail(tokens.error());
  const auto windows = cut_windows(**engine, *tokens);
  if (!windows.ok()) return fail(windows.error());
  const auto score = write_base(**engine, *windows, options.base_file);
  if (!score.ok()) return fail(score.error());
  const double perplexity = std::exp(score->mean());
  if (options.json) {
    const nlohmann::ordered_json json{{"schema", "whet-perplexity-base/1"},
                                      {"model", options.model.model},
                                      {"file", options.file},
                                      {"kl_divergence_base", options.base_file},
                                      {"n_tokens", tokens->size()},
                                      {"n_scored", score->n_tokens},
                                      {"n_windows", score->n_windows},
                                      {"context", (*engine)->context()},
                                      {"perplexity", perplexity},
                                      {"perplexity_stderr", perplexity * score->standard_error()}};
    fmt::print("{}\n", json_text(json, 2));
  } else {
    fmt::print(
        "{}: log-probabilities of {} tokens, the later halves of {} windows of {} ({} tokens of {} "
        "left over)\nperplexity {:.4f} ± {:.4f}\n",
        options.base_file, score->n_tokens, score->n_windows, (*engine)->context(),
        tokens->size() - windows->tokens.size(), tokens->size(), perplexity,
        perplexity * score->standard_error());
  }
  return 0;
}

/// That the base is of this vocabulary, and of this text where one is given.
Status check_base(const PerplexityFlags& options, const Engine& engine,
                  const ScoredWindows& windows) {
  const int64_t n_vocab = engine.loaded().model.config.vocab_size;
  if (windows.n_vocab != n_vocab) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}: expected log-probabilities of this model's {} tokens, found {}; "
                             "both models must have one vocabulary",
                             options.base_file, n_vocab, windows.n_vocab));
  }
  if (options.file.empty()) return ok_status();
  WHET_TRY(const std::vector<int32_t> tokens, read_tokens(options, engine));
  if (tokens.size() >= windows.tokens.size() &&
      std::equal(windows.tokens.begin(), windows.tokens.end(), tokens.begin())) {
    return ok_status();
  }
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("{}: expected the tokens of {}, found those of another text or "
                           "tokenizer; without -f the text of the base is taken",
                           options.base_file, options.file));
}

Result<stats::DivergenceSummary> diverge(Engine& engine, const BaseLogProbs& base) {
  std::vector<stats::TokenDivergence> found;
  BaseRow row;
  const OnRow compare = [&](int64_t index, std::span<const float> logits, int32_t token) -> Status {
    WHET_TRY_STATUS(base.read(index, row));
    found.push_back(
        stats::divergence_at(row.log_probs, logits, static_cast<size_t>(token), row.cut_at));
    return ok_status();
  };
  WHET_TRY_STATUS(run_windows(engine, base.windows(), compare));
  return stats::summarise(found);
}

int run_divergence(const PerplexityFlags& options) {
  const auto base = BaseLogProbs::open(options.base_file);
  if (!base.ok()) return fail(base.error());
  const ScoredWindows& windows = base->windows();
  ModelFlags flags = options.model;
  if (flags.engine.context != 0 && flags.engine.context != windows.context) {
    return fail(Error(ErrorCode::kInvalidArgument,
                      fmt::format("-c: expected {}, the windows of {}, found {}; leave it out",
                                  windows.context, options.base_file, flags.engine.context)));
  }
  flags.engine.context = windows.context;
  auto engine = flags.load();
  if (!engine.ok()) return fail(engine.error());
  const Status fits = check_base(options, **engine, windows);
  if (!fits.ok()) return fail(fits.error());
  const auto summary = diverge(**engine, *base);
  if (!summary.ok()) return fail(summary.error());
  if (!options.json) {
    print_divergence(*summary);
    return 0;
  }
  nlohmann::ordered_json json{{"schema", "whet-divergence/1"},
                              {"model", options.model.model},
                              {"kl_divergence_base", options.base_file},
                              {"context", windows.context},
                              {"n_windows", windows.n_windows()}};
  json.update(divergence_json(*summary));
  fmt::print("{}\n", json_text(json, 2));
  return 0;
}

nlohmann::ordered_json score_json(const TextScore& score) {
  const double perplexity = std::exp(score.mean());
  return {{"nats_per_token", score.mean()},
          {"nats_per_token_stderr", score.standard_error()},
          {"perplexity", perplexity},
          {"perplexity_stderr", perplexity * score.standard_error()}};
}

void print_score(const char* name, const TextScore& score) {
  const double perplexity = std::exp(score.mean());
  fmt::print("{:<7} {:.4f} ± {:.4f} nats/token   perplexity {:.4f} ± {:.4f}\n", name, score.mean(),
             score.standard_error(), perplexity, perplexity * score.standard_error());
}

/// Share of the weights that sparse rows met and skipped.
double share_counted(Engine& engine) {
  const SparsityCount count = engine.sparsity_count();
  return count.met == 0 ? 0 : static_cast<double>(count.skipped) / static_cast<double>(count.met);
}

/// A prompt that is read dense and an answer that is decoded sparse, beside all of it dense.
int run_sparse_from(const PerplexityFlags& options) {
  if (options.model.sparsity == "off") {
    return fail(Error(ErrorCode::kInvalidArgument,
                      "--sparse-from: expected --sparsity PLAN beside it, found off"));
  }
  auto text = read_stream(options.file, kMaxJudgedBytes);
  if (!text.ok()) return fail(text.error());
  auto engine = options.model.load();
  if (!engine.ok()) return fail(engine.error());
  auto tokens = (*engine)->tokenizer().encode(
      *text, {.add_special = false, .parse_special = options.parse_special});
  if (!tokens.ok()) return fail(tokens.error());
  (*engine)->count_sparsity();
  const auto score =
      compare_sparse_text(**engine, *tokens, static_cast<int64_t>(*options.sparse_from));
  if (!score.ok()) return fail(score.error());
  const double rise = std::expm1(score->difference);
  const double rise_error = std::exp(score->difference) * score->difference_error;
  if (options.json) {
    const nlohmann::ordered_json json{{"schema", "whet-sparse-perplexity/1"},
                                      {"model", options.model.model},
                                      {"file", options.file},
                                      {"n_bytes", text->size()},
                                      {"n_tokens", tokens->size()},
                                      {"n_scored", score->sparse.n_tokens},
                                      {"n_windows", score->sparse.n_windows},
                                      {"context", (*engine)->context()},
                                      {"sparsity", options.model.sparsity},
                                      {"sparse_share", (*engine)->loaded().model.sparsity->share},
                                      {"sparse_share_counted", share_counted(**engine)},
                                      {"sparse_from", *options.sparse_from},
                                      {"dense", score_json(score->dense)},
                                      {"sparse", score_json(score->sparse)},
                                      {"difference_nats", score->difference},
                                      {"difference_nats_stderr", score->difference_error},
                                      {"perplexity_rise", rise},
                                      {"perplexity_rise_stderr", rise_error}};
    fmt::print("{}\n", json_text(json, 2));
    return 0;
  }
  print_score("dense", score->dense);
  print_score("sparse", score->sparse);
  fmt::print(
      "sparse over dense {:+.2f} ± {:.2f} % of perplexity, token by token\n"
      "{} tokens scored of {} in {} windows of {}, behind {} that are read dense\n"
      "{:.2f} % of the layers' weights skipped, counted\n",
      100 * rise, 100 * rise_error, score->sparse.n_tokens, tokens->size(), score->sparse.n_windows,
      (*engine)->context(), *options.sparse_from, 100 * share_counted(**engine));
  return 0;
}

int run_plain(const PerplexityFlags& options) {
  auto text = read_stream(options.file, kMaxJudgedBytes);
  if (!text.ok()) return fail(text.error());
  auto engine = options.model.load();
  if (!engine.ok()) return fail(engine.error());
  auto tokens = (*engine)->tokenizer().encode(
      *text, {.add_special = false, .parse_special = options.parse_special});
  if (!tokens.ok()) return fail(tokens.error());
  const bool sparse = options.model.sparsity != "off";
  if (sparse) (*engine)->count_sparsity();
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
    if (sparse) json["sparse_share_counted"] = share_counted(**engine);
    fmt::print("{}\n", json_text(json, 2));
  } else {
    fmt::print(
        "{:.4f} ± {:.4f} nats/token   perplexity {:.4f} ± {:.4f}   {:.4f} ± {:.4f} bits/byte\n",
        nats, error, perplexity, perplexity * error, bits_per_byte, bits_per_byte * error / nats);
    fmt::print("{} tokens scored of {} ({} bytes) in {} windows of {}, {:.1f} tok/s\n",
               tally->n_tokens, tokens->size(), text->size(), tally->n_windows,
               (*engine)->context(), static_cast<double>(tally->n_tokens) / seconds);
    if (sparse) {
      fmt::print("{:.2f} % of the layers' weights skipped, counted\n",
                 100 * share_counted(**engine));
    }
  }
  return 0;
}

int run_perplexity(const PerplexityFlags& options) {
  if (options.divergence && options.base_file.empty()) {
    return fail(Error(ErrorCode::kInvalidArgument,
                      "--kl-divergence: expected --kl-divergence-base FILE beside it, written "
                      "before by the base model with --kl-divergence-base alone"));
  }
  if (options.divergence && options.sparse_from) {
    return fail(Error(ErrorCode::kInvalidArgument,
                      "--sparse-from: not with --kl-divergence, whose rows are all sparse"));
  }
  if (options.divergence) return run_divergence(options);
  if (options.file.empty()) {
    return fail(
        Error(ErrorCode::kInvalidArgument, "perplexity: expected a text, found no FILE (-f FILE)"));
  }
  if (options.sparse_from) {
    if (options.base_file.empty()) return run_sparse_from(options);
    return fail(Error(ErrorCode::kInvalidArgument,
                      "--sparse-from: not with --kl-divergence-base, whose rows are all sparse"));
  }
  return options.base_file.empty() ? run_plain(options) : run_base(options);
}

}  // namespace

Command make_perplexity_command() {
  auto options = std::make_shared<PerplexityFlags>();
  Command command("perplexity", "How well a model predicts a text: nats/token, bits/byte");
  options->model.add_to(command);
  options->model.add_sparsity_to(command, SparseRows::kAll);
  command
      .add("--sparse-from", &options->sparse_from,
           "with --sparsity: so many tokens of each window are read dense, as a prompt is; only "
           "those behind them are scored, beside the same model dense")
      .at_least(0)
      .default_text("all are sparse")
      .value_name("N");
  command.add("-f,--file", &options->file, "the text").value_name("FILE");
  command
      .add("--kl-divergence-base,--save-all-logits", &options->base_file,
           "write what the model gives every token there; with --kl-divergence: read it")
      .value_name("FILE");
  command.add("--kl-divergence", &options->divergence,
              "compare with the base model of that file: Kullback-Leibler divergence");
  command.add("--parse-special", &options->parse_special,
              "control tokens that the text spells are control tokens, as in a chat");
  command.add("--json", &options->json, "one JSON object");
  command.action([options] { return run_perplexity(*options); });
  return command;
}

}  // namespace whet
