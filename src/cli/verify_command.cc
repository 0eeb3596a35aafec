#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/model_source.h"
#include "cli/terminal.h"
#include "engine/engine.h"
#include "formats/structure_check.h"
#include "sys/json_text.h"

namespace whet {
namespace {

struct VerifyFlags {
  std::string path;
  bool json = false;
  bool quick = false;
};

// Blocks of each tensor that --quick reads.
constexpr uint64_t kQuickBlocks = 4096;

/// Text goes through the tokenizer and back unchanged.
CheckFinding check_round_trip(const Tokenizer& tokenizer) {
  const std::string text = "Hello, world! 12 + 34 = 46\n\tdef f(x): return x * 2  # naïve ✓ 你好";
  auto ids = tokenizer.encode(text, {.add_special = false, .parse_special = false});
  if (!ids.ok()) return {"tokenizer round trip", false, ids.error().message()};
  std::string back = tokenizer.decode(*ids, /*render_special=*/false, /*at_start=*/true);
  bool same = back == text;
  return {"tokenizer round trip", same,
          same ? fmt::format("{} bytes, {} tokens", text.size(), ids->size())
               : fmt::format("expected the text back, found \"{}\"", back)};
}

/// Those of real models stay below a hundred; a damaged norm gives 1e30.
constexpr float kLargestLogit = 1e4f;

/// The model predicts something for a short input, and every logit is a number.
CheckFinding check_trial_pass(Engine& engine) {
  const ModelConfig& c = engine.loaded().model.config;
  auto kv = KvSequence::create(engine.kv_shape());
  if (!kv.ok()) return {"trial forward pass", false, kv.error().message()};
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < std::min<int64_t>(8, engine.context()); ++i) {
    tokens.push_back(static_cast<int32_t>(i * 7919 % c.vocab_size));
  }
  StepSegment segment{&*kv, tokens, StepSegment::Logits::kAll};
  std::span<const float> logits = engine.step({&segment, 1});
  for (size_t i = 0; i < logits.size(); ++i) {
    if (!std::isfinite(logits[i])) {
      return {"trial forward pass", false,
              fmt::format("expected finite logits, found {} for token {} at position {}", logits[i],
                          i % static_cast<size_t>(c.vocab_size),
                          i / static_cast<size_t>(c.vocab_size))};
    }
  }
  auto [low, high] = std::minmax_element(logits.begin(), logits.end());
  if (std::max(-*low, *high) > kLargestLogit) {
    return {"trial forward pass", false,
            fmt::format("expected logits below {:g}, found {:.3g} to {:.3g}: weights of a wrong "
                        "scale",
                        kLargestLogit, *low, *high)};
  }
  if (*low == *high) return {"trial forward pass", false, "all logits are equal"};
  return {"trial forward pass", true,
          fmt::format("{} tokens, logits from {:.3g} to {:.3g}", tokens.size(), *low, *high)};
}

/// What needs the model as a whole: binding, tokenizer, chat template, arithmetic.
void check_behaviour(const std::string& path, CheckFindings& findings) {
  auto loaded = load_model(path);
  if (!loaded.ok()) {
    findings.push_back({"weights, tokenizer and template load", false, loaded.error().message()});
    return;
  }
  bool has_template = !loaded->chat_template_source.empty();
  // Float activations: rounded to eight bits, a NaN would become a number.
  EngineOptions options;
  options.exact = true;
  auto engine = Engine::create(std::move(loaded).value(), options);
  if (!engine.ok()) {
    findings.push_back({"weights, tokenizer and template load", false, engine.error().message()});
    return;
  }
  findings.push_back({"weights, tokenizer and template load", true,
                      (*engine)->loaded().model.config.architecture});
  findings.push_back(check_round_trip((*engine)->tokenizer()));
  if (has_template) {
    Conversation conversation;
    conversation.messages.push_back({.role = "user", .content = "Hi"});
    auto parts = (*engine)->render_chat(conversation);
    findings.push_back(
        {"chat template renders", parts.ok(),
         parts.ok() ? fmt::format("{} bytes", text_of(*parts).size()) : parts.error().message()});
  }
  findings.push_back(check_trial_pass(**engine));
}

void print_findings(const CheckFindings& findings, const std::string& path, bool json,
                    bool all_ok) {
  if (json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const CheckFinding& f : findings)
      list.push_back({{"check", f.check}, {"ok", f.ok}, {"detail", f.detail}});
    nlohmann::ordered_json document{
        {"schema", "whet-verify/1"}, {"path", path}, {"ok", all_ok}, {"findings", list}};
    fmt::print("{}\n", json_text(document, 2));
    return;
  }
  for (const CheckFinding& f : findings)
    fmt::print("{} {:<40} {}\n", f.ok ? "ok    " : "FAILED", f.check, f.detail);
}

int run_verify(const VerifyFlags& given) {
  auto path = model_path(given.path);
  if (!path.ok()) return fail(path.error());
  VerifyFlags options = given;
  options.path = std::move(*path);
  StructureCheckOptions structure;
  if (options.quick) structure.max_blocks_per_tensor = kQuickBlocks;
  CancelFlag& cancel = interrupt_flag();
  structure.progress = [&](std::string_view, uint64_t) { return !cancel.cancelled(); };
  auto findings = check_structure(options.path, structure);
  if (!findings.ok()) return fail(findings.error());
  check_behaviour(options.path, *findings);
  bool all_ok = true;
  for (const CheckFinding& f : *findings) all_ok = all_ok && f.ok;
  print_findings(*findings, options.path, options.json, all_ok);
  return all_ok ? 0 : exit_status(ErrorCode::kInvalidModel);
}

}  // namespace

Command make_verify_command() {
  auto options = std::make_shared<VerifyFlags>();
  Command command("verify",
                  "Check a model file: structure, tokenizer, numbers, a trial pass, SHA-256");
  command.add("MODEL,-m,--model", &options->path, kModelHelp).required();
  command.add("--json", &options->json, "one JSON object");
  command.add("--quick", &options->quick,
              "look for NaN and infinity in a sample of each tensor only");
  command.action([options] { return run_verify(*options); });
  return command;
}

}  // namespace whet
