#include "experiment/outcome_event.h"

namespace whet::experiment {

void fill_event(results::Event& event, const strategy::Outcome& outcome, int64_t origin_ns) {
  event.start_ns = outcome.start_ns - origin_ns;
  event.end_ns = outcome.end_ns - origin_ns;
  if (outcome.first_token_ns) event.first_token_ns = *outcome.first_token_ns - origin_ns;
  event.prompt_tokens = outcome.n_prompt_tok;
  event.completion_tokens = outcome.n_completion_tok;
  event.n_calls = outcome.n_calls;
  event.how = outcome.how;
  event.fell_back = outcome.fell_back;
  for (const strategy::SkippedStage& skipped : outcome.skipped) {
    event.skipped.push_back({skipped.stage, skipped.reason});
  }
  if (!outcome.text.empty()) event.answer = outcome.text;
  if (outcome.kv_committed_bytes > 0) {
    event.kv_bytes = static_cast<int64_t>(outcome.kv_committed_bytes);
  }
  for (const strategy::Candidate& candidate : outcome.candidates) {
    results::Candidate out;
    out.stage = candidate.stage;
    out.text = candidate.text;
    out.tokens = candidate.n_completion_tok;
    out.finish = finish_reason_name(candidate.finish);
    out.temperature = candidate.temperature;
    out.logprob = candidate.mean_logprob;
    out.answer = candidate.answer;
    out.score = candidate.score;
    out.eligible = candidate.eligible;
    if (!candidate.reason.empty()) out.reason = candidate.reason;
    out.chosen = candidate.chosen;
    event.candidates.push_back(std::move(out));
  }
}

}  // namespace whet::experiment
