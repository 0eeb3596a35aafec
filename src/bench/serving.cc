#include "bench/serving.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/rng.h"
#include "stats/bootstrap.h"
#include "stats/sample.h"

namespace whet {
namespace {

// Short and common: one token each, or nearly, in any vocabulary.
constexpr std::string_view kWords[] = {
    "time",  "year",  "people", "way",    "day",    "man",    "thing", "woman",
    "life",  "child", "world",  "school", "state",  "family", "group", "country",
    "hand",  "part",  "place",  "case",   "week",   "work",   "fact",  "night",
    "point", "home",  "water",  "room",   "mother", "area",   "money", "story"};
constexpr int64_t kFewWords = 32, kMoreWords = 160;  // of the requests that count tokens
constexpr auto kNap = std::chrono::milliseconds(1);

GenerateRequest serving_request(const Generator& model, std::string text, int64_t n_output,
                                bool ignore_eos) {
  GenerateRequest request;
  if (model.describe().has_chat_template) {
    request.conversation().messages.push_back({.role = "user", .content = std::move(text)});
  } else {
    request.prompt = std::move(text);
  }
  request.samples[0].temperature = 0;
  request.max_tokens = n_output;
  request.ignore_eos = ignore_eos;
  return request;
}

ServingSample ask(Generator& model, const GenerateRequest& request, int64_t due_ns,
                  const CancelFlag* cancel) {
  ServingSample sample;
  sample.due_ns = due_ns;
  // A sink, so that an engine streams.
  auto result = model.generate(
      request, [](const GenerateEvent&) { return Continue::kYes; }, cancel);
  if (!result.ok()) {
    sample.error = result.error();
    return sample;
  }
  Completion& completion = result->completions.front();
  if (completion.finish == FinishReason::kCancelled) {
    sample.error = Error(ErrorCode::kCancelled, "cancelled");
  }
  sample.first_token_ns = result->first_token_ns;
  sample.end_ns = result->end_ns;
  sample.token_ns = std::move(completion.token_ns);
  sample.n_prompt_tok = result->n_prompt_tok;
  sample.n_cached_tok = result->n_cached_tok;
  sample.n_output_tok = completion.n_completion_tok;
  if (sample.first_token_ns == 0 && !sample.error) {
    sample.error = Error(ErrorCode::kIo, "expected at least one token, none came");
  }
  return sample;
}

bool is_cancelled(const CancelFlag* cancel) {
  return cancel != nullptr && cancel->cancelled();
}

/// When each request is due, in seconds after the start: gaps of an exponential distribution.
std::vector<double> poisson_arrivals(double rate, int64_t n, uint64_t seed) {
  const CounterRng rng(seed, 1);
  std::vector<double> due;
  double at = 0;
  for (int64_t i = 0; i < n; ++i) {
    due.push_back(at);
    at -= std::log1p(-rng.uniform(static_cast<uint64_t>(i))) / rate;
  }
  return due;
}

double seconds(int64_t ns) {
  return static_cast<double>(ns) * 1e-9;
}

ServingFigures::Times times_of(std::vector<double> values) {
  ServingFigures::Times times;
  times.n = static_cast<int64_t>(values.size());
  if (values.empty()) return times;
  std::sort(values.begin(), values.end());
  const auto percentile = [&](double q, int64_t least) -> std::optional<double> {
    if (times.n < least) return std::nullopt;
    return stats::quantile_of_sorted(values, q);
  };
  times.mean = stats::mean(values);
  times.p50 = percentile(0.5, 1);
  times.p90 = percentile(0.9, 10);
  times.p95 = percentile(0.95, 20);
  times.p99 = percentile(0.99, 100);
  return times;
}

/// Of values by request: the median's interval draws requests.
ServingFigures::Times times_by_request(const std::vector<double>& values) {
  ServingFigures::Times times = times_of(values);
  times.p50_interval = stats::bootstrap_percentile(values.size(),
                                                   [&](std::span<const uint32_t> indices) {
                                                     std::vector<double> drawn;
                                                     for (const uint32_t i : indices)
                                                       drawn.push_back(values[i]);
                                                     return stats::median(std::move(drawn)).value();
                                                   },
                                                   {.n_resamples = 2000});
  return times;
}

double output_rate(const ServingRun& run) {
  int64_t n = 0;
  for (const ServingSample& sample : run.samples) {
    if (!sample.error) n += sample.n_output_tok;
  }
  return static_cast<double>(n) / seconds(run.end_ns - run.start_ns);
}

}  // namespace

std::string ServingLoad::name() const {
  return rate > 0 ? fmt::format("{:g}/s", rate) : fmt::format("{} at once", concurrency);
}

std::string UniquePrompts::text(uint64_t index, int64_t n_words) const {
  const CounterRng rng(seed_, index + 2);
  // What differs comes first: a cache of prefixes finds nothing but a template's own beginning.
  std::string text = fmt::format("{:08x}", rng.bits(0) & 0xffffffff);
  for (int64_t i = 1; i <= n_words; ++i) {
    text += ' ';
    text += kWords[rng.bits(static_cast<uint64_t>(i)) % std::size(kWords)];
  }
  return text;
}

Result<int64_t> words_for_tokens(Generator& model, const UniquePrompts& prompts, int64_t n_tokens,
                                 const CancelFlag* cancel) {
  // Far from the indices of measured prompts.
  constexpr uint64_t kIndex = uint64_t{1} << 40;
  const auto count = [&](int64_t n_words) -> Result<int64_t> {
    const GenerateRequest request = serving_request(
        model, prompts.text(kIndex + static_cast<uint64_t>(n_words), n_words), 1, false);
    WHET_TRY(const GenerateResult result, model.generate(request, nullptr, cancel));
    if (result.n_prompt_tok > 0) return result.n_prompt_tok;
    return Error(ErrorCode::kUnavailable,
                 "expected the engine to say how many tokens a prompt has (usage), found none");
  };
  WHET_TRY(const int64_t few, count(kFewWords));
  WHET_TRY(const int64_t more, count(kMoreWords));
  const double per_word =
      std::max(0.5, static_cast<double>(more - few) / static_cast<double>(kMoreWords - kFewWords));
  const double words =
      static_cast<double>(kFewWords) + static_cast<double>(n_tokens - few) / per_word;
  return std::max<int64_t>(1, std::llround(words));
}

Result<ServingRun> run_serving(Generator& model, const ServingLoad& load, int64_t n_words,
                               uint64_t first_prompt, const CancelFlag* cancel,
                               const std::function<void(int64_t n_done)>& on_progress) {
  const UniquePrompts prompts(load.seed);
  const auto request = [&](int64_t i) {
    const uint64_t index = first_prompt + static_cast<uint64_t>(i);
    return serving_request(model, prompts.text(index, n_words), load.output_tokens,
                           load.ignore_eos);
  };
  for (int64_t i = 0; i < load.n_warmup; ++i) {
    const ServingSample sample = ask(model, request(load.n_requests + i), 0, cancel);
    if (sample.error) return *sample.error;
  }
  ServingRun run;
  run.samples.resize(static_cast<size_t>(load.n_requests));
  const bool is_open = load.rate > 0;
  const std::vector<double> arrivals =
      is_open ? poisson_arrivals(load.rate, load.n_requests, load.seed + first_prompt)
              : std::vector<double>();
  std::atomic<int64_t> next{0};
  std::mutex mutex;
  int64_t n_done = 0;
  run.start_ns = monotonic_ns();
  const auto client = [&] {
    for (int64_t i; (i = next++) < load.n_requests;) {
      const GenerateRequest wanted = request(i);
      int64_t due_ns = monotonic_ns();
      if (is_open) {
        due_ns = run.start_ns + std::llround(arrivals[static_cast<size_t>(i)] * 1e9);
        while (monotonic_ns() < due_ns && !is_cancelled(cancel)) {
          const auto left = std::chrono::nanoseconds(due_ns - monotonic_ns());
          std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(left, 20 * kNap));
        }
      }
      if (is_cancelled(cancel)) return;
      run.samples[static_cast<size_t>(i)] = ask(model, wanted, due_ns, cancel);
      const std::lock_guard lock(mutex);
      ++n_done;
      if (on_progress) on_progress(n_done);
    }
  };
  {
    // In the open loop every request may be waiting at once.
    const int64_t n_clients =
        std::min<int64_t>(is_open ? load.n_requests : load.concurrency, load.n_requests);
    std::vector<std::jthread> clients;
    for (int64_t i = 0; i < n_clients; ++i) clients.emplace_back(client);
  }
  run.end_ns = monotonic_ns();
  if (is_cancelled(cancel)) return Error(ErrorCode::kCancelled, "cancelled");
  return run;
}

ServingFigures serving_figures(const std::vector<ServingRun>& runs) {
  ServingFigures figures;
  std::vector<double> ttft, itl, tpot, latency, rates;
  for (const ServingRun& run : runs) {
    figures.seconds += seconds(run.end_ns - run.start_ns);
    rates.push_back(output_rate(run));
    for (const ServingSample& s : run.samples) {
      if (s.error) {
        ++figures.n_failed;
        continue;
      }
      ++figures.n_ok;
      figures.n_prompt_tok += s.n_prompt_tok;
      figures.n_cached_tok += s.n_cached_tok;
      figures.n_output_tok += s.n_output_tok;
      ttft.push_back(seconds(s.first_token_ns - s.due_ns));
      latency.push_back(seconds(s.end_ns - s.due_ns));
      if (s.token_ns.size() > 1) {
        const double whole = seconds(s.token_ns.back() - s.token_ns.front());
        tpot.push_back(whole / static_cast<double>(s.token_ns.size() - 1));
      }
      for (size_t i = 1; i < s.token_ns.size(); ++i) {
        itl.push_back(seconds(s.token_ns[i] - s.token_ns[i - 1]));
      }
    }
  }
  if (figures.seconds > 0) {
    figures.requests_per_second = static_cast<double>(figures.n_ok) / figures.seconds;
    figures.output_tokens_per_second = static_cast<double>(figures.n_output_tok) / figures.seconds;
  }
  constexpr size_t kLeastRuns = 3;
  if (rates.size() >= kLeastRuns) {
    figures.output_rate_interval =
        stats::bootstrap_percentile(rates.size(),
                                    [&](std::span<const uint32_t> indices) {
                                      double sum = 0;
                                      for (const uint32_t i : indices) sum += rates[i];
                                      return sum / static_cast<double>(indices.size());
                                    },
                                    {.n_resamples = 2000});
  }
  figures.ttft = times_by_request(ttft);
  figures.tpot = times_by_request(tpot);
  figures.latency = times_by_request(latency);
  figures.itl = times_of(std::move(itl));  // gaps of one answer are no independent units
  return figures;
}

}  // namespace whet
