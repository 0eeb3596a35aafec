#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/grammar_flags.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/prompt_input.h"
#include "cli/repl.h"
#include "cli/terminal.h"
#include "cli/timings.h"
#include "engine/base_tokens.h"
#include "strategy/registry.h"
#include "sys/json_text.h"
#include "sys/machine.h"

namespace whet {
namespace {

constexpr int kMaxSamples = 4096;

struct RunFlags {
  ModelFlags model;
  SamplingFlags sampling;
  GrammarFlags form;
  PromptInput prompt;
  std::string system;
  std::string strategy;
  int64_t n_predict = -1;
  int samples = 1;
  bool raw = false, ignore_eos = false, json = false, verbose = false;
  int top_logprobs = -1;
};

/// As OpenAI's: a token may end within a character, so its bytes are given beside the text.
nlohmann::ordered_json token_json(const TokenInfo& token) {
  nlohmann::ordered_json bytes = nlohmann::ordered_json::array();
  for (const char c : token.bytes) bytes.push_back(static_cast<unsigned char>(c));
  nlohmann::ordered_json json{{"token", token.bytes}, {"bytes", std::move(bytes)}};
  if (token.id) json["id"] = *token.id;
  json["logprob"] = token.logprob;
  return json;
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
      top.push_back(token_json(other));
    }
    nlohmann::ordered_json token = token_json(t);
    token["top"] = std::move(top);
    list.push_back(std::move(token));
  }
  return json;
}

/// 0 where another engine answers.
int64_t load_ns(const OpenedModel& model) {
  return model.engine != nullptr ? model.engine->loaded().load_ns : 0;
}

nlohmann::ordered_json to_json(const RunFlags& options, const OpenedModel& model,
                               const GenerateRequest& request, const GenerateResult& result) {
  nlohmann::ordered_json completions = nlohmann::ordered_json::array();
  nlohmann::ordered_json texts = nlohmann::ordered_json::array();
  for (const Completion& c : result.completions) {
    texts.push_back(c.text);
    completions.push_back(completion_json(c));
  }
  const auto threads = model.engine != nullptr ? nlohmann::ordered_json(model.engine->threads())
                                               : nlohmann::ordered_json(nullptr);
  nlohmann::ordered_json usage{{"prompt_tokens", result.n_prompt_tok},
                               {"completion_tokens", completion_tokens(result)},
                               {"total_tokens", result.n_prompt_tok + completion_tokens(result)}};
  if (model.engine != nullptr) {
    if (const auto counted = base_tokens(*model.engine, request.prompt, result)) {
      usage["base_tokens"] = {{"prompt", counted->n_prompt}, {"completion", counted->n_completion}};
    }
  }
  return {{"schema", "whet-run/1"},
          {"model", options.model.model},
          {"seed", request.samples[0].seed},
          {"threads", threads},
          {"texts", texts},
          {"completions", completions},
          {"usage", std::move(usage)},
          {"kv_committed_bytes", result.kv_committed_bytes},
          {"timings", timings_json(result, load_ns(model))},
          {"speculation", speculation_json(result.speculation)}};
}

/// One sample streams as it is decoded; several are decoded together and printed one by one.
int generate_once(const RunFlags& options, const OpenedModel& model, const GenerateRequest& request,
                  const AnswerForm& form) {
  const bool stream = request.samples.size() == 1 && !options.json;
  EventSink print;
  if (stream) {
    print = [](const GenerateEvent& event) {
      print_answer(event.text);
      return Continue::kYes;
    };
  }
  auto result = model.generator->generate(request, print, &interrupt_flag());
  if (!result.ok()) return fail(result.error());
  if (options.json) {
    fmt::print("{}\n", json_text(to_json(options, model, request, *result)));
  } else if (stream) {
    fmt::print("\n");
  } else {
    for (size_t i = 0; i < result->completions.size(); ++i) {
      fmt::print("--- sample {} of {} ({})\n{}\n", i + 1, result->completions.size(),
                 finish_reason_name(result->completions[i].finish), result->completions[i].text);
    }
  }
  std::fflush(stdout);
  if (options.verbose) {
    print_message(fmt::format("{}\n", timings_text(*result, load_ns(model))));
  }
  if (!options.sampling.seed && !options.json && request.samples[0].temperature > 0) {
    print_note(
        fmt::format("seed {0} was drawn; -s {0} gives this answer again", request.samples[0].seed));
  }
  for (size_t i = 0; form.grammar != nullptr && i < result->completions.size(); ++i) {
    const Completion& answer = result->completions[i];
    if (answer.finish != FinishReason::kStop || !answer.stop.empty()) {
      print_note(
          fmt::format("answer {} ended before its grammar did ({})", i + 1,
                      answer.stop.empty() ? finish_reason_name(answer.finish) : "stop string"));
    } else if (const Status checked = form.check(answer.text); !checked.ok()) {
      return fail(checked.error());
    }
  }
  return interrupt_flag().cancelled() ? exit_status(ErrorCode::kCancelled) : 0;
}

nlohmann::ordered_json to_json(const RunFlags& options, const strategy::Strategy& strategy,
                               uint64_t seed, const strategy::Outcome& outcome) {
  nlohmann::ordered_json candidates = nlohmann::ordered_json::array();
  for (const strategy::Candidate& c : outcome.candidates) {
    candidates.push_back(
        {{"stage", c.stage},
         {"text", c.text},
         {"temperature", c.temperature},
         {"finish_reason", finish_reason_name(c.finish)},
         {"tokens", c.n_completion_tok},
         {"mean_logprob", c.mean_logprob ? nlohmann::ordered_json(*c.mean_logprob) : nullptr},
         {"answer", c.answer ? nlohmann::ordered_json(*c.answer) : nullptr},
         {"score", c.score ? nlohmann::ordered_json(*c.score) : nullptr},
         {"eligible", c.eligible},
         {"chosen", c.chosen},
         {"reason", c.reason}});
  }
  return {{"schema", "whet-run-strategy/1"},
          {"model", options.model.model},
          {"strategy", strategy.name()},
          {"seed", seed},
          {"text", outcome.text},
          {"how", outcome.how},
          {"fell_back", outcome.fell_back},
          {"calls", outcome.n_calls},
          {"candidates", std::move(candidates)},
          {"usage",
           {{"prompt_tokens", outcome.n_prompt_tok},
            {"completion_tokens", outcome.n_completion_tok},
            {"total_tokens", outcome.n_prompt_tok + outcome.n_completion_tok}}}};
}

/// The prompt answered by a strategy: its text on stdout, how it was chosen beside it.
int answer_by_strategy(const RunFlags& options, const OpenedModel& model,
                       const GenerateRequest& request) {
  auto made = strategy::make_strategy(options.strategy);
  if (!made.ok()) return fail(made.error());
  eval::Question question;
  strategy::Context context;
  if (const auto* text = std::get_if<std::string>(&request.prompt)) {
    question.messages = eval::user_turn(*text);
    context.raw_prompt = true;
  } else {
    question.messages = std::get<Conversation>(request.prompt).messages;
  }
  context.sampling = request.samples[0];
  context.seed = request.samples[0].seed;
  context.max_tokens = request.max_tokens;
  context.cancel = &interrupt_flag();
  context.n_threads =
      model.engine != nullptr ? model.engine->threads() : cpu_limits().usable_threads();
  bool streamed = false;
  if (!options.json) {
    context.on_event = [&](const GenerateEvent& event) {
      streamed = true;
      print_answer(event.text);
      return Continue::kYes;
    };
  }
  auto outcome = (*made)->solve(question, *model.generator, context);
  if (!outcome.ok()) return fail(outcome.error());
  if (options.json) {
    fmt::print("{}\n", json_text(to_json(options, **made, context.seed, *outcome)));
  } else {
    fmt::print("{}\n", streamed ? "" : outcome->text);
    print_note(fmt::format("{}: {}; {} calls, {} tokens", (*made)->name(), outcome->how,
                           outcome->n_calls, outcome->n_prompt_tok + outcome->n_completion_tok));
  }
  std::fflush(stdout);
  if (options.verbose) {
    for (const strategy::Candidate& c : outcome->candidates) {
      fmt::print(stderr, "--- {}{}: {} ({} tokens)\n{}\n", c.stage, c.chosen ? ", chosen" : "",
                 c.reason, c.n_completion_tok, c.text);
    }
  }
  if (outcome->text.empty() && !interrupt_flag().cancelled()) {
    return fail(Error(ErrorCode::kUnavailable, "the model answered with no text at all"));
  }
  return interrupt_flag().cancelled() ? exit_status(ErrorCode::kCancelled) : 0;
}

/// Everything but the prompt.
Result<GenerateRequest> make_request(const RunFlags& options) {
  GenerateRequest request;
  WHET_TRY(SamplingParams sampling, options.sampling.resolve());
  if (options.top_logprobs >= 0 && !options.json) {
    return Error(ErrorCode::kInvalidArgument, "--logprobs: expected --json too, which prints them");
  }
  request.samples.assign(static_cast<size_t>(options.samples), sampling);
  for (size_t i = 0; i < request.samples.size(); ++i) request.samples[i].seed = sampling.seed + i;
  request.max_tokens = options.n_predict;
  request.stop = options.sampling.stop;
  request.ignore_eos = options.ignore_eos;
  request.top_logprobs = options.top_logprobs;
  return request;
}

/// The system message, if there is one, and the prompt; as a raw text where no template applies.
Status set_prompt(const RunFlags& options, const Generator& model,
                  const std::optional<std::string>& prompt, GenerateRequest& request) {
  if (options.raw || !model.describe().has_chat_template) {
    if (!options.system.empty()) {
      return Error(ErrorCode::kInvalidArgument,
                   "--system needs a chat template, and this prompt is raw");
    }
    request.prompt = prompt.value_or("");
    return ok_status();
  }
  auto& messages = request.conversation().messages;
  if (!options.system.empty()) messages.push_back({.role = "system", .content = options.system});
  if (prompt) messages.push_back({.role = "user", .content = *prompt});
  return ok_status();
}

int run_run(RunFlags options) {
  auto request = make_request(options);
  if (!request.ok()) return fail(request.error());
  const auto form = options.form.resolve();
  if (!form.ok()) return fail(form.error());
  request->grammar = form->grammar;
  auto prompt = options.prompt.read();
  if (!prompt.ok()) return fail(prompt.error());
  const bool chat = !prompt->has_value();
  options.model.use = {.lives_long = chat, .rows_per_step = options.samples};
  if (chat && (options.json || options.samples > 1)) {
    return fail(Error(ErrorCode::kInvalidArgument,
                      "--json and --samples: expected a prompt (-p, -f or a pipe), found none"));
  }
  if (!chat && (*prompt)->empty()) {
    return fail(Error(ErrorCode::kInvalidArgument, "the prompt is empty; expected some text"));
  }
  if (!options.strategy.empty()) {
    const bool is_plain = options.samples == 1 && options.sampling.stop.empty() &&
                          form->grammar == nullptr && !options.ignore_eos &&
                          options.top_logprobs < 0;
    if (chat || !is_plain) {
      return fail(Error(ErrorCode::kInvalidArgument,
                        "--strategy: expected a prompt, and none of --samples, --stop, "
                        "--ignore-eos, --logprobs and grammars, which a strategy does not take"));
    }
    if (auto known = strategy::make_strategy(options.strategy); !known.ok()) {
      return fail(known.error());
    }
  }
  auto model = options.model.open();
  if (!model.ok()) return fail(model.error());
  if (Status set = set_prompt(options, *model->generator, *prompt, *request); !set.ok())
    return fail(set.error());
  if (!options.strategy.empty()) return answer_by_strategy(options, *model, *request);
  if (!chat) return generate_once(options, *model, *request, *form);
  return run_repl(*model->generator, *request, options.verbose);
}

}  // namespace

Command make_run_command() {
  auto options = std::make_shared<RunFlags>();
  Command command("run", "Generate text; without a prompt, chat in the terminal");
  options->model.add_to(command, "auto in a chat, else off");
  options->model.add_sparsity_to(command, SparseRows::kDecoded);
  command.add("PROMPT", &options->prompt.words, "the prompt, as with -p");
  command.add("-p,--prompt", &options->prompt.argument, "the prompt (- = read it from stdin)");
  command.add("-f,--file", &options->prompt.file, "file that holds the prompt (- = stdin)")
      .value_name("FILE");
  command.add("-sys,--system,--system-prompt", &options->system, "system message");
  command.add("-no-cnv,--raw,--no-conversation", &options->raw, "do not apply the chat template");
  command
      .add("-n,--predict,--n-predict", &options->n_predict,
           "most tokens to generate (-1 = until the context is full)")
      .at_least(-1);
  command.add("--samples", &options->samples, "completions decoded together")
      .between(1, kMaxSamples);
  command
      .add("--strategy", &options->strategy,
           "answer by a test-time strategy: NAME[:KEY=VALUE,...], a&b, a|b (whet eval --help)")
      .value_name("SPEC");
  command.add("--ignore-eos", &options->ignore_eos, "never end before -n tokens");
  command
      .add("--logprobs", &options->top_logprobs,
           "log-probabilities of each token and of this many alternatives (with --json)")
      .between(0, 1e6)
      .default_text("");
  command.add("--json", &options->json, "print one JSON object: texts, token counts, timings");
  command.add("-v,--verbose", &options->verbose, "timings on stderr");
  options->model.add_speculation_to(command);
  options->sampling.add_to(command);
  options->sampling.add_run_flags(command);
  options->form.add_to(command);
  options->model.add_remote_to(command);
  command.action([options] { return run_run(*options); });
  return command;
}

}  // namespace whet
