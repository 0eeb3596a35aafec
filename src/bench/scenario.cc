#include "bench/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "bench/serving.h"

namespace whet {
namespace {

constexpr int64_t kMostTokens = 1 << 20;
// Far from the indices of runs.
constexpr uint64_t kCountingIndex = uint64_t{1} << 40;

GenerateRequest scenario_request(uint64_t index, int64_t n_words, int64_t n_gen, bool ignore_eos) {
  GenerateRequest request;
  request.prompt = UniquePrompts(1).text(index, n_words);
  request.samples[0].temperature = 0;
  request.max_tokens = n_gen;
  request.ignore_eos = ignore_eos;
  return request;
}

}  // namespace

std::vector<Scenario> built_in_scenarios() {
  return {{"short", 20, 15}, {"medium", 100, 75}, {"code", 150, 112}, {"long", 200, 150}};
}

Result<std::vector<Scenario>> parse_scenarios(std::string_view text, const std::string& origin) {
  const auto bad = [&](std::string_view found) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}: expected an array of objects with name (a string), "
                             "prompt_tokens (1 to {}) and generated_tokens (2 to {}), found {}",
                             origin, kMostTokens, kMostTokens, found));
  };
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return bad("no JSON");
  if (!json.is_array() || json.empty()) return bad(json.is_array() ? "none" : json.type_name());
  std::vector<Scenario> scenarios;
  for (const auto& entry : json) {
    const std::string where = fmt::format("in entry {} ", scenarios.size() + 1);
    if (!entry.is_object()) return bad(where + entry.type_name());
    Scenario scenario;
    for (const auto& [key, value] : entry.items()) {
      const bool is_count = value.is_number_integer() && value >= 1 && value <= kMostTokens;
      if (key == "name" && value.is_string() && value != "") {
        scenario.name = value.get<std::string>();
      } else if (key == "prompt_tokens" && is_count) {
        scenario.n_prompt = value.get<int64_t>();
      } else if (key == "generated_tokens" && is_count && value >= 2) {
        scenario.n_gen = value.get<int64_t>();
      } else {
        return bad(fmt::format("{}{}: {}", where, key, value.dump(-1, ' ', true).substr(0, 80)));
      }
    }
    if (scenario.name.empty() || scenario.n_prompt == 0 || scenario.n_gen == 0) {
      return bad(where + "not all three");
    }
    if (std::ranges::any_of(scenarios,
                            [&](const Scenario& s) { return s.name == scenario.name; })) {
      return bad(fmt::format("{}the name \"{}\" again", where, scenario.name));
    }
    scenarios.push_back(std::move(scenario));
  }
  return scenarios;
}

Result<int64_t> ScenarioSubject::tokens_of(int64_t n_words, const CancelFlag* cancel) {
  const GenerateRequest request =
      scenario_request(kCountingIndex + static_cast<uint64_t>(n_words), n_words, 1, false);
  WHET_TRY(const std::optional<int64_t> counted, model_.count_prompt_tokens(request));
  if (counted) return *counted;
  WHET_TRY(const GenerateResult result, model_.generate(request, nullptr, cancel));
  if (result.n_prompt_tok > 0) return result.n_prompt_tok;
  return Error(ErrorCode::kUnavailable,
               "expected the engine to say how many tokens a prompt has (usage), found none");
}

Result<int64_t> ScenarioSubject::words_for(int64_t n_tokens, const CancelFlag* cancel) {
  for (const auto& [tokens, words] : known_words_) {
    if (tokens == n_tokens) return words;
  }
  int64_t best = 1, off_by = kMostTokens, n_words = n_tokens;
  for (int look = 0; look < 6 && off_by > 0; ++look) {
    WHET_TRY(const int64_t found, tokens_of(n_words, cancel));
    if (std::abs(found - n_tokens) < off_by) {
      off_by = std::abs(found - n_tokens);
      best = n_words;
    }
    const double per_word = static_cast<double>(found) / static_cast<double>(n_words);
    n_words = std::max<int64_t>(
        1, n_words + std::llround(static_cast<double>(n_tokens - found) / per_word));
  }
  known_words_.emplace_back(n_tokens, best);
  return best;
}

Result<ScenarioRun> ScenarioSubject::run(const Scenario& scenario, uint64_t index,
                                         const CancelFlag* cancel) {
  WHET_TRY(const int64_t n_words, words_for(scenario.n_prompt, cancel));
  // A sink, so that an engine streams.
  WHET_TRY(const GenerateResult result,
           model_.generate(
               scenario_request(index, n_words, scenario.n_gen, ignores_eos_),
               [](const GenerateEvent&) { return Continue::kYes; }, cancel));
  const Completion& completion = result.completions.front();
  if (completion.finish == FinishReason::kCancelled) {
    return Error(ErrorCode::kCancelled, "cancelled");
  }
  if (completion.n_completion_tok < 2) {
    return Error(ErrorCode::kUnavailable,
                 fmt::format("{}: expected 2 or more tokens to time, found {}", scenario.name,
                             completion.n_completion_tok));
  }
  const auto seconds = [&](int64_t ns) { return static_cast<double>(ns - result.start_ns) * 1e-9; };
  return ScenarioRun{.n_prompt_tok = result.n_prompt_tok,
                     .n_cached_tok = result.n_cached_tok,
                     .n_output_tok = completion.n_completion_tok,
                     .first_token_s = seconds(result.first_token_ns),
                     .total_s = seconds(result.end_ns),
                     .kv_committed_bytes = result.kv_committed_bytes};
}

}  // namespace whet
