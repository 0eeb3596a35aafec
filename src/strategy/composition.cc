#include "strategy/composition.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "eval/answer.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

using Parts = std::vector<std::unique_ptr<Strategy>>;

std::string names_of(const Parts& parts, std::string_view between) {
  std::vector<std::string_view> names;
  for (const auto& part : parts) names.push_back(part->name());
  return fmt::format("{}", fmt::join(names, between));
}

/// Adds the cost and the candidates of `part` to `whole`; none of them stays chosen. Returns where
/// the chosen one went.
std::optional<size_t> add_outcome(Outcome& whole, Outcome part, const std::string& name) {
  std::optional<size_t> chosen;
  for (Candidate& candidate : part.candidates) {
    candidate.stage = name + "/" + candidate.stage;
    if (candidate.chosen) chosen = whole.candidates.size();
    candidate.chosen = false;
    whole.candidates.push_back(std::move(candidate));
  }
  for (SkippedStage& skipped : part.skipped) {
    whole.skipped.push_back({name + "/" + skipped.stage, std::move(skipped.reason)});
  }
  whole.n_prompt_tok += part.n_prompt_tok;
  whole.n_completion_tok += part.n_completion_tok;
  whole.n_calls += part.n_calls;
  whole.kv_committed_bytes = std::max(whole.kv_committed_bytes, part.kv_committed_bytes);
  whole.cancelled |= part.cancelled;
  return chosen;
}

Outcome taken(Outcome whole, std::optional<size_t> chosen, std::string how,
              const Context& context) {
  whole.how = std::move(how);
  if (chosen) {
    Candidate& candidate = whole.candidates[*chosen];
    candidate.chosen = true;
    if (candidate.eligible) candidate.reason = whole.how;
    whole.text = candidate.text;
  }
  whole.fell_back = !chosen || !whole.candidates[*chosen].eligible;
  whole.end_ns = context.now_ns();
  return whole;
}

// Distances between the draws of parts, above any number of draws of one strategy. Pipelines stand
// within alternatives, so theirs differ.
constexpr size_t kStageStride = size_t{1} << 20;
constexpr size_t kAlternativeStride = size_t{1} << 32;

/// The context of a part: its text is not yet what the user reads, and its draws are its own.
Context context_of_part(const Context& context, size_t draws_before) {
  Context inner = context;
  inner.on_event = nullptr;
  inner.run_budget = nullptr;
  inner.seed = sample_seed(context.seed, draws_before);
  return inner;
}

bool stopped(const Outcome& whole, const Context& context) {
  return whole.cancelled || (context.cancel && context.cancel->cancelled()) ||
         (context.deadline_ns > 0 && context.now_ns() >= context.deadline_ns);
}

/// The question again, behind a draft of its answer.
eval::Question with_draft(const eval::Question& question, const std::string& draft) {
  eval::Question next = question;
  next.messages.push_back({.role = "assistant", .content = draft});
  next.messages.push_back(
      {.role = "user",
       .content = fmt::format("Check your answer for mistakes. Then answer the question again, "
                              "completely and in the same form:\n\n{}",
                              question.text())});
  return next;
}

class Pipeline : public Strategy {
 public:
  explicit Pipeline(Parts parts) : parts_(std::move(parts)) {}

  std::string description() const override {
    return fmt::format("{}: each answers with the draft of the one before.",
                       names_of(parts_, ", then "));
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Outcome whole;
    whole.start_ns = context.now_ns();
    eval::Question asked = question;
    std::optional<size_t> chosen;
    std::string how;
    for (size_t i = 0; i < parts_.size(); ++i) {
      const Strategy& part = *parts_[i];
      if (i + 1 < parts_.size()) {
        if (auto rewritten = part.rewritten(asked)) {
          asked = std::move(*rewritten);
          continue;
        }
      }
      if (stopped(whole, context) && whole.n_calls > 0) break;
      eval::Question next = asked;
      if (chosen) next = with_draft(asked, whole.candidates[*chosen].text);
      auto solved = part.solve(next, generator, context_of_part(context, i * kStageStride));
      if (!solved.ok() && chosen) {  // its prompt, with the draft in it, has outgrown the context
        how += fmt::format(" (left out: {})", part.name());
        whole.skipped.push_back({part.name(), solved.error().message()});
        break;
      }
      if (!solved.ok()) return solved.error();
      Outcome outcome = std::move(solved).value();
      const std::string part_how = fmt::format("{}: {}", part.name(), outcome.how);
      const auto place = add_outcome(whole, std::move(outcome), part.name());
      const bool is_better = place && (whole.candidates[*place].eligible || !chosen ||
                                       !whole.candidates[*chosen].eligible);
      const bool has_text = place && !eval::trimmed(whole.candidates[*place].text).empty();
      if (is_better && has_text) {
        chosen = place;
        how = part_how;
      } else if (chosen) {
        how += fmt::format(" ({} found no answer)", part.name());
      }
    }
    if (!chosen) how = "no candidate has any text";
    return taken(std::move(whole), chosen, std::move(how), context);
  }

 private:
  Parts parts_;
};

class Alternatives : public Strategy {
 public:
  explicit Alternatives(Parts parts) : parts_(std::move(parts)) {}

  std::string description() const override {
    return fmt::format("The answers of {}; the one that most agree on.", names_of(parts_, " and "));
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Outcome whole;
    whole.start_ns = context.now_ns();
    std::vector<size_t> chosen;
    for (size_t i = 0; i < parts_.size(); ++i) {
      WHET_TRY(Outcome outcome, parts_[i]->solve(question, generator, context_of_part(context, i)));
      if (const auto place = add_outcome(whole, std::move(outcome), parts_[i]->name())) {
        chosen.push_back(*place);
      }
      if (stopped(whole, context)) break;
    }
    std::vector<size_t> among;
    for (size_t i : chosen) {
      if (whole.candidates[i].eligible) among.push_back(i);
    }
    if (!among.empty()) {
      Selection selection = select_as_usual(question, context, whole.candidates, among);
      return taken(std::move(whole), selection.index, std::move(selection.how), context);
    }
    std::erase_if(chosen,
                  [&](size_t i) { return eval::trimmed(whole.candidates[i].text).empty(); });
    if (chosen.empty()) {
      return taken(std::move(whole), std::nullopt, "no candidate has any text", context);
    }
    const size_t best = best_by_logprob(whole.candidates, chosen);
    return taken(std::move(whole), best,
                 "no eligible candidate: the text with the highest mean logprob", context);
  }

 private:
  Parts parts_;
};

}  // namespace

std::unique_ptr<Strategy> make_pipeline(Parts parts) {
  WHET_CHECK(parts.size() >= 2);
  return std::make_unique<Pipeline>(std::move(parts));
}

std::unique_ptr<Strategy> make_alternatives(Parts parts) {
  WHET_CHECK(parts.size() >= 2);
  return std::make_unique<Alternatives>(std::move(parts));
}

}  // namespace whet::strategy
