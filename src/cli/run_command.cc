#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/repl.h"
#include "cli/terminal.h"
#include "sys/file_bytes.h"
#include "sys/json_text.h"

namespace whet {
namespace {

constexpr uint64_t kMaxPromptBytes = uint64_t{1} << 28;
constexpr int kMaxSamples = 4096;

struct Options {
  ModelFlags model;
  SamplingFlags sampling;
  std::string prompt, prompt_file, system;
  int64_t n_predict = -1;
  int samples = 1;
  bool raw = false, ignore_eos = false, json = false, verbose = false;
  int top_logprobs = -1;
};

double seconds(int64_t ns) {
  return static_cast<double>(ns) * 1e-9;
}

/// Tokens per second, or null where nothing was timed.
nlohmann::ordered_json rate(int64_t tokens, int64_t ns) {
  if (tokens <= 0 || ns <= 0) return nullptr;
  return static_cast<double>(tokens) / seconds(ns);
}

int64_t completion_tokens(const GenerateResult& result) {
  int64_t n = 0;
  for (const Completion& c : result.completions) n += c.n_completion_tok;
  return n;
}

nlohmann::ordered_json timings(const GenerateResult& r, int64_t load_ns) {
  auto ms = [](int64_t ns) { return static_cast<double>(ns) * 1e-6; };
  // The first token of each sample comes from the prompt's pass, so decoding yields the others.
  int64_t decoded = completion_tokens(r) - static_cast<int64_t>(r.completions.size());
  bool first = r.first_token_ns > 0;
  return {
      {"load_ms", ms(load_ns)},
      {"ttft_ms", first ? nlohmann::ordered_json(ms(r.first_token_ns - r.start_ns)) : nullptr},
      {"prompt_n", r.n_prompt_tok},
      {"prompt_ms", ms(r.prefill_end_ns - r.start_ns)},
      {"prompt_per_second", rate(r.n_prompt_tok, r.prefill_end_ns - r.start_ns)},
      {"predicted_n", completion_tokens(r)},
      {"predicted_ms", first ? nlohmann::ordered_json(ms(r.end_ns - r.first_token_ns)) : nullptr},
      {"predicted_per_second", first ? rate(decoded, r.end_ns - r.first_token_ns) : nullptr},
      {"total_ms", ms(r.end_ns - r.start_ns)}};
}

nlohmann::ordered_json completion_json(const Completion& c) {
  nlohmann::ordered_json json{{"text", c.text},
                              {"finish_reason", finish_reason_name(c.finish)},
                              {"tokens", c.n_completion_tok}};
  if (c.logprobs.empty()) return json;
  auto& list = json["logprobs"] = nlohmann::ordered_json::array();
  for (const TokenInfo& t : c.logprobs) {
    nlohmann::ordered_json top = nlohmann::ordered_json::array();
    for (const TokenInfo& other : t.top) {
      top.push_back({{"id", other.id.value_or(-1)}, {"logprob", other.logprob}});
    }
    list.push_back({{"id", t.id.value_or(-1)}, {"logprob", t.logprob}, {"top", top}});
  }
  return json;
}

nlohmann::ordered_json to_json(const Options& options, const Engine& engine,
                               const GenerateRequest& request, const GenerateResult& result) {
  nlohmann::ordered_json completions = nlohmann::ordered_json::array();
  nlohmann::ordered_json texts = nlohmann::ordered_json::array();
  for (const Completion& c : result.completions) {
    texts.push_back(c.text);
    completions.push_back(completion_json(c));
  }
  return {{"schema", "whet-run/1"},
          {"model", options.model.model},
          {"seed", request.samples[0].seed},
          {"threads", engine.threads()},
          {"texts", texts},
          {"completions", completions},
          {"usage",
           {{"prompt_tokens", result.n_prompt_tok},
            {"completion_tokens", completion_tokens(result)},
            {"total_tokens", result.n_prompt_tok + completion_tokens(result)}}},
          {"kv_committed_bytes", result.kv_committed_bytes},
          {"timings", timings(result, engine.loaded().load_ns)}};
}

void print_timings(const Options& options, const Engine& engine, const GenerateResult& r) {
  if (!options.verbose) return;
  auto t = timings(r, engine.loaded().load_ns);
  auto number = [&](const char* key) {
    return t[key].is_null() ? std::string("-") : fmt::format("{:.1f}", t[key].get<double>());
  };
  fmt::print(stderr,
             "load {} ms | {} prompt tokens, {} tok/s | first token {} ms | {} tokens, {} tok/s | "
             "total {} ms\n",
             number("load_ms"), r.n_prompt_tok, number("prompt_per_second"), number("ttft_ms"),
             completion_tokens(r), number("predicted_per_second"), number("total_ms"));
}

/// One sample streams as it is decoded; several are decoded together and printed one by one.
int generate_once(const Options& options, Engine& engine, const GenerateRequest& request) {
  const bool stream = request.samples.size() == 1 && !options.json;
  EventSink print;
  if (stream) {
    print = [](const GenerateEvent& event) {
      std::fwrite(event.text.data(), 1, event.text.size(), stdout);
      std::fflush(stdout);
      return Continue::kYes;
    };
  }
  auto result = engine.generate(request, print, &interrupt_flag());
  if (!result.ok()) return fail(result.error());
  if (options.json) {
    fmt::print("{}\n", json_text(to_json(options, engine, request, *result)));
  } else if (stream) {
    fmt::print("\n");
  } else {
    for (size_t i = 0; i < result->completions.size(); ++i) {
      fmt::print("--- sample {} of {} ({})\n{}\n", i + 1, result->completions.size(),
                 finish_reason_name(result->completions[i].finish), result->completions[i].text);
    }
  }
  std::fflush(stdout);
  print_timings(options, engine, *result);
  return interrupt_flag().cancelled() ? exit_status(ErrorCode::kCancelled) : 0;
}

Result<GenerateRequest> make_request(const Options& options, const Engine& engine,
                                     bool has_prompt) {
  GenerateRequest request;
  WHET_TRY(SamplingParams sampling, options.sampling.resolve());
  if (options.samples < 1 || options.samples > kMaxSamples) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("--samples: expected 1 to {}, found {}",
                                                          kMaxSamples, options.samples));
  }
  if (options.n_predict < -1) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("-n: expected -1 (until the context is full) or more, found {}",
                             options.n_predict));
  }
  request.samples.assign(static_cast<size_t>(options.samples), sampling);
  for (size_t i = 0; i < request.samples.size(); ++i) request.samples[i].seed = sampling.seed + i;
  request.max_tokens = options.n_predict;
  request.stop = options.sampling.stop;
  request.ignore_eos = options.ignore_eos;
  request.top_logprobs = options.top_logprobs;

  std::string prompt = options.prompt;
  if (!options.prompt_file.empty()) {
    if (has_prompt) return Error(ErrorCode::kInvalidArgument, "give one of -p and -f, not both");
    WHET_TRY(prompt, read_file(options.prompt_file, kMaxPromptBytes));
  }
  if (options.raw || !engine.describe().has_chat_template) {
    if (!options.system.empty()) {
      return Error(ErrorCode::kInvalidArgument,
                   "--system needs a chat template, and this prompt is raw");
    }
    request.prompt = std::move(prompt);
  } else {
    auto& messages = request.conversation().messages;
    if (!options.system.empty()) messages.push_back({.role = "system", .content = options.system});
    messages.push_back({.role = "user", .content = std::move(prompt)});
  }
  return request;
}

int run(const Options& options, bool has_prompt) {
  auto engine = options.model.load();
  if (!engine.ok()) return fail(engine.error());
  auto request = make_request(options, **engine, has_prompt);
  if (!request.ok()) return fail(request.error());
  if (has_prompt || !options.prompt_file.empty()) return generate_once(options, **engine, *request);
  if (options.json || options.samples > 1) {
    return fail(
        Error(ErrorCode::kInvalidArgument, "--json and --samples need a prompt (-p or -f)"));
  }
  request->prompt = Conversation{};
  if (!options.system.empty()) {
    request->conversation().messages.push_back({.role = "system", .content = options.system});
  }
  return run_repl(**engine, *request, options.verbose);
}

}  // namespace

void add_run_command(CLI::App& app, int& status) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("run", "Generate text; without a prompt, chat in the terminal");
  options->model.add_to(*command);
  CLI::Option* prompt = command->add_option("-p,--prompt", options->prompt, "the prompt");
  command->add_option("-f,--file", options->prompt_file, "file that holds the prompt");
  command->add_option("--system", options->system, "system message");
  command->add_flag("--raw", options->raw, "do not apply the chat template");
  command
      ->add_option("-n,--predict,--n-predict", options->n_predict,
                   "most tokens to generate (-1 = until the context is full)")
      ->capture_default_str();
  command->add_option("--samples", options->samples, "completions decoded together")
      ->capture_default_str();
  command->add_flag("--ignore-eos", options->ignore_eos, "never end before -n tokens");
  command->add_option(
      "--logprobs", options->top_logprobs,
      "log-probabilities of each token and of this many alternatives (with --json)");
  command->add_flag("--json", options->json, "print one JSON object: texts, token counts, timings");
  command->add_flag("--verbose", options->verbose, "timings on stderr");
  options->sampling.add_to(*command);
  command->callback([options, prompt, &status] { status = run(*options, prompt->count() > 0); });
}

}  // namespace whet
