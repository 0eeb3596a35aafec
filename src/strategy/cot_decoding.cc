// cot-decoding: one path for each of the k likeliest first tokens, greedy from there; an answer's
// weight is how sure the model was of its tokens, summed over the paths that reach it. Source: Wang
// and Zhou, "Chain-of-thought reasoning without prompting" (2024); as there, and unlike optillm,
// the margin is taken over the answer's tokens only.
#include <fmt/format.h>

#include <cmath>

#include "strategy/examples.h"
#include "strategy/makers.h"
#include "strategy/quotation.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

/// Mean of p(first) - p(second) over the tokens that spell the answer, or over all if the answer
/// has none of its own (free text, code). `begun`: bytes of the text before the first token.
double margin(const Candidate& candidate, size_t begun) {
  size_t first = 0, last = candidate.text.size();
  if (candidate.answer && !candidate.answer->empty()) {
    const size_t at = candidate.text.rfind(*candidate.answer);
    if (at != std::string::npos) {
      first = at;
      last = at + candidate.answer->size();
    }
  }
  double sum = 0;
  size_t n = 0;
  size_t at = begun;
  for (const TokenInfo& token : candidate.tokens) {
    const size_t end = at + token.bytes.size();
    if (end > first && at < last && token.top.size() >= 2) {
      sum += std::exp(token.top[0].logprob) - std::exp(token.top[1].logprob);
      ++n;
    }
    at = end;
  }
  return n > 0 ? sum / static_cast<double>(n) : 0;
}

/// A token that text can begin with: not the end of the turn, no part of a character.
bool can_begin(const TokenInfo& token) {
  const bool is_control =
      token.bytes.size() > 2 && token.bytes.front() == '<' && token.bytes.back() == '>';
  return !token.bytes.empty() && !is_control && is_whole_text(token.bytes);
}

class CotDecoding : public Strategy {
 public:
  explicit CotDecoding(int64_t k) : k_(k) {}

  std::string description() const override {
    return fmt::format(
        "Greedy paths from the {} likeliest first tokens, a vote weighted by how sure the answer's "
        "tokens are.",
        k_);
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    WHET_TRY(const auto probe, session.ask({.samples = session.draws(1, 0.0),
                                            .stage = "first token",
                                            .is_step = true,
                                            .max_tokens = 1,
                                            .top_logprobs = static_cast<int>(k_)}));
    std::vector<TokenInfo> branches;
    if (!probe.empty() && !session.candidates()[probe[0]].tokens.empty()) {
      branches = session.candidates()[probe[0]].tokens[0].top;
    }
    std::erase_if(branches, [](const TokenInfo& token) { return !can_begin(token); });
    std::vector<double> weights(session.candidates().size(), 0);
    for (const TokenInfo& branch : branches) {
      std::vector<ChatMessage> messages = question.messages;
      messages.push_back({.role = "assistant", .content = branch.bytes});
      const int64_t left = context.max_tokens > 0 ? std::max<int64_t>(context.max_tokens - 1, 1)
                                                  : context.max_tokens;
      WHET_TRY(const auto made, session.ask({.samples = session.draws(1, 0.0),
                                             .stage = "path",
                                             .messages = std::move(messages),
                                             .continues = true,
                                             .max_tokens = left,
                                             .top_logprobs = 2}));
      if (made.empty()) break;
      Candidate& path = session.candidates()[made[0]];
      path.score = margin(path, branch.bytes.size());
      weights.resize(session.candidates().size(), 0);
      weights[made[0]] = *path.score;
    }
    return session.finish([&](std::vector<Candidate>& candidates, std::vector<size_t> among) {
      weights.resize(candidates.size(), 0);
      keep_best_by_examples(question, context, candidates, among);
      return select_by_weighted_vote(candidates, among, weights);
    });
  }

 private:
  int64_t k_;
};

}  // namespace

std::unique_ptr<Strategy> make_cot_decoding(OptionReader& options) {
  return std::make_unique<CotDecoding>(options.integer("k", 10, 1, 64));
}

}  // namespace whet::strategy
