#include "bench/speculation_speed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/clock.h"
#include "base/rng.h"
#include "stats/sample.h"

namespace whet {
namespace {

Result<SpeculationRun> run_once(Engine& engine, GenerateRequest request, bool speculate,
                                const CancelFlag* cancel) {
  request.speculate = speculate;
  WHET_TRY(GenerateResult result, engine.generate(request, nullptr, cancel));
  Completion& completion = result.completions.front();
  if (completion.finish == FinishReason::kCancelled) {
    return Error(ErrorCode::kCancelled, "cancelled");
  }
  const auto seconds = [](int64_t ns) { return static_cast<double>(ns) * 1e-9; };
  SpeculationRun run;
  run.first_token_s = seconds(result.first_token_ns - result.start_ns);
  run.decode_s = seconds(completion.end_ns - result.first_token_ns);
  run.total_s = seconds(result.end_ns - result.start_ns);
  run.tokens = std::move(completion.tokens);
  run.counts = std::move(result.speculation);
  return run;
}

Status check_same(const SpeculationRun& expected, const SpeculationRun& found) {
  if (expected.tokens == found.tokens) return ok_status();
  const auto [a, b] = std::ranges::mismatch(expected.tokens, found.tokens);
  const auto spell = [](const auto& end, const auto& at) {
    return at == end ? std::string("the end") : std::to_string(*at);
  };
  return Error(ErrorCode::kInternal,
               fmt::format("two runs of one request differ at token {}: expected {}, found {}; "
                           "this is a fault of whet, please report it",
                           a - expected.tokens.begin(), spell(expected.tokens.end(), a),
                           spell(found.tokens.end(), b)));
}

double over_one(std::span<const RowCost> costs, int64_t n_rows) {
  const auto above = std::ranges::lower_bound(costs, n_rows, {}, &RowCost::n_rows);
  if (above == costs.end()) return costs.back().over_one;
  if (above->n_rows == n_rows || above == costs.begin()) return above->over_one;
  const RowCost& below = *(above - 1);
  const double share = static_cast<double>(n_rows - below.n_rows) /
                       static_cast<double>(above->n_rows - below.n_rows);
  return below.over_one + share * (above->over_one - below.over_one);
}

}  // namespace

double SpeculationRun::seconds_per_token() const {
  return tokens.size() < 2 ? 0 : decode_s / static_cast<double>(tokens.size() - 1);
}

Result<SpeculationRuns> measure_speculation(Engine& engine, const GenerateRequest& request,
                                            const SpeculationPlan& plan,
                                            const std::function<void()>& on_run,
                                            const CancelFlag* cancel) {
  GenerateRequest warmup = request;
  warmup.max_tokens = 1;
  WHET_TRY_STATUS(run_once(engine, warmup, false, cancel));
  SpeculationRuns runs;
  const SpeculationRun* first = nullptr;
  const auto run = [&](bool speculate) -> Status {
    WHET_TRY(SpeculationRun one, run_once(engine, request, speculate, cancel));
    auto& list = speculate ? runs.speculative : runs.vanilla;
    list.reserve(static_cast<size_t>(2 * plan.iterations));
    if (first != nullptr) WHET_TRY_STATUS(check_same(*first, one));
    list.push_back(std::move(one));
    if (first == nullptr) first = &list.front();
    on_run();
    return ok_status();
  };
  for (int i = 0; i < plan.iterations; ++i) {
    // So that a machine that gets slower or faster meanwhile favours neither.
    for (const bool speculate : {false, true, true, false}) {
      if (!speculate && plan.skip_vanilla) continue;
      WHET_TRY_STATUS(run(speculate));
    }
  }
  return runs;
}

Result<std::vector<RowCost>> measure_row_costs(Engine& engine, int64_t depth, int64_t most_rows,
                                               int repetitions, const CancelFlag* cancel) {
  if (depth + most_rows > engine.context()) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("measuring steps of {} rows behind {} positions: expected a context "
                             "of that many, found {}; raise --ctx-size",
                             most_rows, depth, engine.context()));
  }
  WHET_TRY(KvSequence kv, KvSequence::create(engine.kv_shape()));
  const auto vocab = static_cast<uint64_t>(engine.describe().vocab_size);
  const CounterRng rng(1, 0);
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < std::max(depth, most_rows); ++i) {
    tokens.push_back(static_cast<int32_t>(rng.bits(static_cast<uint64_t>(i)) % vocab));
  }
  const auto step = [&](int64_t n) {
    const StepSegment segment{&kv, std::span(tokens).first(static_cast<size_t>(n)),
                              StepSegment::Logits::kAll};
    const int64_t start_ns = monotonic_ns();
    engine.step({&segment, 1});
    return static_cast<double>(monotonic_ns() - start_ns) * 1e-9;
  };
  for (int64_t done = 0; done < depth;) {
    const int64_t n = std::min<int64_t>(16, depth - done);
    step(n);
    done += n;
  }
  std::vector<int64_t> rows;
  for (int64_t m = 1; m <= most_rows; m += m < 8 ? 1 : 2) rows.push_back(m);
  if (rows.back() != most_rows) rows.push_back(most_rows);
  std::vector<std::vector<double>> seconds(rows.size());
  // Round and round, so that a slow spell hits all; the first round is not counted.
  for (int r = 0; r <= repetitions; ++r) {
    for (size_t i = 0; i < rows.size(); ++i) {
      if (cancel != nullptr && cancel->cancelled()) {
        return Error(ErrorCode::kCancelled, "cancelled");
      }
      const double s = step(rows[i]);
      kv.rewind(depth);
      if (r > 0) seconds[i].push_back(s);
    }
  }
  std::vector<RowCost> costs;
  const double one = stats::median(seconds.front()).value();
  for (size_t i = 0; i < rows.size(); ++i) {
    costs.push_back({rows[i], stats::median(seconds[i]).value() / one});
  }
  return costs;
}

double predicted_speedup(const SpeculationRun& run, std::span<const RowCost> costs,
                         double seconds_of_one) {
  double time = static_cast<double>(run.counts.draft_ns) * 1e-9 / seconds_of_one;
  const auto& steps = run.counts.steps_of_rows;
  for (size_t m = 1; m < steps.size(); ++m) {
    time += static_cast<double>(steps[m]) * over_one(costs, static_cast<int64_t>(m));
  }
  // The first token comes from the prompt's pass.
  const double tokens = static_cast<double>(run.tokens.size()) - 1;
  return time > 0 && tokens > 0 ? tokens / time : 1;
}

}  // namespace whet
