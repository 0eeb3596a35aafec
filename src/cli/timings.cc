#include "cli/timings.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace whet {
namespace {

double seconds(int64_t ns) {
  return static_cast<double>(ns) * 1e-9;
}

/// Tokens per second, or null where nothing was timed.
nlohmann::ordered_json rate(int64_t tokens, int64_t ns) {
  if (tokens <= 0 || ns <= 0) return nullptr;
  return static_cast<double>(tokens) / seconds(ns);
}

}  // namespace

int64_t completion_tokens(const GenerateResult& result) {
  int64_t n = 0;
  for (const Completion& c : result.completions) n += c.n_completion_tok;
  return n;
}

nlohmann::ordered_json speculation_json(const SpeculationCounts& counts) {
  auto sources = nlohmann::ordered_json::object();
  for (size_t i = 0; i < kDraftSources; ++i) {
    const DraftCounts& of = counts.of[i];
    if (of.n_drafts == 0) continue;
    sources[draft_source_name(static_cast<DraftSource>(i))] = {{"drafts", of.n_drafts},
                                                               {"drafted", of.n_drafted()},
                                                               {"accepted", of.n_accepted()},
                                                               {"drafted_at", of.drafted_at},
                                                               {"accepted_at", of.accepted_at}};
  }
  return {{"draft_n", counts.n_drafted()},
          {"draft_n_accepted", counts.n_accepted()},
          {"draft_ms", static_cast<double>(counts.draft_ns) * 1e-6},
          {"steps_of_rows", counts.steps_of_rows},
          {"sources", std::move(sources)}};
}

nlohmann::ordered_json timings_json(const GenerateResult& r, int64_t load_ns) {
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

std::string timings_text(const GenerateResult& r, int64_t load_ns) {
  const auto t = timings_json(r, load_ns);
  const auto number = [&](const char* key) {
    return t[key].is_null() ? std::string("-") : fmt::format("{:.1f}", t[key].get<double>());
  };
  const std::string load = load_ns > 0 ? fmt::format("load {} ms | ", number("load_ms")) : "";
  std::string drafts;
  for (size_t i = 0; i < kDraftSources; ++i) {
    const DraftCounts& of = r.speculation.of[i];
    if (of.n_drafts == 0) continue;
    drafts += fmt::format(" | {}: {} of {} proposed tokens drawn",
                          draft_source_name(static_cast<DraftSource>(i)), of.n_accepted(),
                          of.n_drafted());
  }
  return fmt::format(
      "{}{} prompt tokens, {} tok/s | first token {} ms | {} tokens, {} tok/s{} | total {} ms",
      load, r.n_prompt_tok, number("prompt_per_second"), number("ttft_ms"), completion_tokens(r),
      number("predicted_per_second"), drafts, number("total_ms"));
}

}  // namespace whet
