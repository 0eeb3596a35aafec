// deepconf: a vote weighted by confidence, in which samples that lose confidence are ended while
// they are generated. Confidence of a token is the negative mean log-probability of its likeliest
// alternatives; of a sample, its lowest mean over a sliding window. Source: Fu et al., "Deep think
// with confidence" (2025).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>

#include "strategy/examples.h"
#include "strategy/makers.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

double token_confidence(const TokenInfo& token) {
  if (token.top.empty()) return 0;
  double sum = 0;
  for (const TokenInfo& other : token.top) sum -= other.logprob;
  return sum / static_cast<double>(token.top.size());
}

/// The lowest mean over `size` tokens in a row seen so far; of a text that is shorter, its mean.
class Window {
 public:
  explicit Window(size_t size) : size_(size) {}

  void push(double confidence) {
    values_.push_back(confidence);
    sum_ += confidence;
    if (values_.size() > size_) {
      sum_ -= values_.front();
      values_.pop_front();
    }
    const double mean = sum_ / static_cast<double>(values_.size());
    if (is_full()) lowest_ = was_full_ ? std::min(lowest_, mean) : mean;
    if (!is_full()) lowest_ = mean;
    was_full_ = is_full();
  }
  bool is_full() const { return values_.size() == size_; }
  double lowest() const { return lowest_; }

 private:
  size_t size_;
  std::deque<double> values_;
  double sum_ = 0;
  double lowest_ = 0;
  bool was_full_ = false;
};

struct DeepconfSettings {
  size_t n, warmup, window;
  int top;
  double keep, consensus;
  std::optional<double> temperature;
};

class DeepConf : public Strategy {
 public:
  explicit DeepConf(const DeepconfSettings& settings) : s_(settings) {}

  std::string description() const override {
    return fmt::format(
        "{} samples, then up to {} of which those that lose confidence end early; a vote weighted "
        "by confidence.",
        s_.warmup, s_.n - s_.warmup);
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    const double temperature = s_.temperature.value_or(context.sampling.temperature);
    WHET_TRY_STATUS(session.ask({.samples = session.draws(s_.warmup, temperature),
                                 .stage = "warm-up",
                                 .top_logprobs = s_.top}));
    rate(session);
    const auto threshold = threshold_of(session);
    if (threshold && s_.n > s_.warmup && leader_share(session) < s_.consensus) {
      std::vector<Window> windows(s_.n - s_.warmup, Window(s_.window));
      WHET_TRY_STATUS(session.ask(
          {.samples = session.draws(s_.n - s_.warmup, temperature),
           .top_logprobs = s_.top,
           .watch =
               [&](const GenerateEvent& event) {
                 Window& window = windows[event.sample];
                 for (const TokenInfo& token : event.tokens) window.push(token_confidence(token));
                 const bool is_weak = window.is_full() && window.lowest() < *threshold;
                 return is_weak && !event.finish ? Continue::kEndSample : Continue::kYes;
               },
           .ended_why = fmt::format("ended early: confidence fell below {:.3f}", *threshold)}));
      rate(session);
    }
    return session.finish([&](std::vector<Candidate>& candidates, std::vector<size_t> among) {
      std::vector<size_t> sure;
      std::vector<double> weights(candidates.size(), 0);
      for (size_t i : among) {
        weights[i] = candidates[i].score.value_or(0);
        if (threshold && weights[i] >= *threshold) sure.push_back(i);
      }
      if (!sure.empty()) among = sure;
      keep_best_by_examples(question, context, candidates, among);
      return select_by_weighted_vote(candidates, among, weights);
    });
  }

 private:
  void rate(Session& session) const {
    for (Candidate& candidate : session.candidates()) {
      if (candidate.tokens.empty()) continue;
      Window window(s_.window);
      for (const TokenInfo& token : candidate.tokens) window.push(token_confidence(token));
      candidate.score = window.lowest();
    }
  }

  /// The confidence that the surest `keep` of the warm-up have; none if none is eligible.
  std::optional<double> threshold_of(Session& session) const {
    std::vector<double> scores;
    for (size_t i : session.eligible()) scores.push_back(session.candidates()[i].score.value_or(0));
    if (scores.empty()) return std::nullopt;
    std::sort(scores.rbegin(), scores.rend());
    const auto n_kept =
        static_cast<size_t>(std::ceil(s_.keep * static_cast<double>(scores.size())));
    return scores[std::clamp<size_t>(n_kept, 1, scores.size()) - 1];
  }

  double leader_share(Session& session) const {
    std::map<std::string, double> votes;
    double total = 0, most = 0;
    for (size_t i : session.eligible()) {
      const Candidate& candidate = session.candidates()[i];
      const double weight = candidate.score.value_or(0);
      total += weight;
      most = std::max(most, votes[candidate.key] += weight);
    }
    return total > 0 ? most / total : 0;
  }

  DeepconfSettings s_;
};

}  // namespace

std::unique_ptr<Strategy> make_deepconf(OptionReader& options) {
  DeepconfSettings s{};
  s.n = static_cast<size_t>(options.integer("n", 16, 1, 256));
  s.warmup = std::min(s.n, static_cast<size_t>(options.integer("warmup", 8, 1, 256)));
  s.temperature = options.temperature("temperature", 0.7);
  s.window = static_cast<size_t>(options.integer("window", 32, 1, 4096));
  s.top = static_cast<int>(options.integer("top", 20, 2, 100));
  s.keep = options.number("keep", 0.9, 0.01, 1);
  s.consensus = options.number("consensus", 0.95, 0.5, 1);
  return std::make_unique<DeepConf>(s);
}

}  // namespace whet::strategy
