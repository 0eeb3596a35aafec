// entropy-decoding: text is sampled as it comes while the model is sure; at a token whose
// distribution is wide (high entropy) or split (high varentropy) the token is taken back, a few
// short continuations are drawn hotter, and the one that the model finds likeliest goes on. Idea:
// optillm's entropy_decoding; see docs/strategies.md for what is left out, and why.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "strategy/makers.h"
#include "strategy/quotation.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

struct EntropyDecodingSettings {
  double entropy, varentropy;  // bits, bits^2
  size_t width;
  int64_t ahead, forks;
};

class EntropyDecoding : public Strategy {
 public:
  explicit EntropyDecoding(const EntropyDecodingSettings& settings) : s_(settings) {}

  std::string description() const override {
    return fmt::format(
        "One text; at up to {} unsure tokens {} continuations of {} tokens are compared.", s_.forks,
        s_.width, s_.ahead);
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    std::string text;
    int64_t n_left = context.max_tokens;
    for (int64_t fork = 0; fork <= s_.forks; ++fork) {
      WHET_TRY(const Stretch stretch, write(session, text, n_left, fork < s_.forks));
      if (!stretch.forked) break;
      text = stretch.text;
      if (n_left >= 0) n_left = std::max<int64_t>(n_left - stretch.n_tok, 1);
      WHET_TRY(const auto ahead, look_ahead(session, text, n_left));
      if (!ahead) break;
      const Candidate& best = session.candidates()[*ahead];
      text = best.text;
      if (n_left >= 0) n_left = std::max<int64_t>(n_left - best.n_completion_tok, 1);
      if (best.finish == FinishReason::kStop) {  // the text ended while looking ahead
        session.add(session.judged(text));
        break;
      }
    }
    return session.finish([&](std::vector<Candidate>& candidates, const std::vector<size_t>& all) {
      const int64_t n_forks =
          std::count_if(candidates.begin(), candidates.end(),
                        [](const Candidate& candidate) { return candidate.reason == kTakenBack; });
      return Selection{all.back(), fmt::format("the text, forked at {} tokens", n_forks)};
    });
  }

 private:
  static constexpr const char* kTakenBack = "taken back to its last sure token";

  struct Stretch {
    bool forked = false;
    std::string text;   // up to the unsure token
    int64_t n_tok = 0;  // of the stretch
  };

  bool is_unsure(const Spread& spread) const {
    const double bit = std::log(2.0);
    return spread.entropy / bit >= s_.entropy || spread.varentropy / (bit * bit) >= s_.varentropy;
  }

  static std::vector<ChatMessage> continuing(const Session& session, const std::string& text) {
    std::vector<ChatMessage> messages = session.question().messages;
    if (!text.empty()) messages.push_back({.role = "assistant", .content = text});
    return messages;
  }

  Result<Stretch> write(Session& session, const std::string& text, int64_t n_left,
                        bool may_fork) const {
    Stretch stretch;
    std::string seen = text;
    int64_t n_tok = 0;
    bool lacks_spread = false;
    const auto watch = [&](const GenerateEvent& event) {
      for (const TokenInfo& token : event.tokens) {
        lacks_spread |= !token.spread;
        if (stretch.forked || lacks_spread) break;
        // The first token behind a fork was looked at there.
        const bool may_end_here = n_tok > 0 && is_whole_text(seen) && !event.finish;
        if (may_fork && may_end_here && is_unsure(*token.spread)) {
          stretch = {true, seen, n_tok};
          return Continue::kEndSample;
        }
        seen += token.bytes;
        ++n_tok;
      }
      return Continue::kYes;
    };
    Ask ask{.samples = session.draws(1, session.context().sampling.temperature),
            .messages = continuing(session, text),
            .continues = !text.empty(),
            .max_tokens = n_left,
            .spread = true,
            .watch = watch,
            .ended_why = kTakenBack};
    WHET_TRY(const auto made, session.ask(std::move(ask)));
    if (made.empty()) stretch.forked = false;
    if (lacks_spread) {
      return Error(ErrorCode::kUnavailable,
                   "entropy-decoding needs the distribution of each token, and this engine gives "
                   "none; use baseline");
    }
    return stretch;
  }

  /// The likeliest of some short continuations of `text`; none if the session is stopped.
  Result<std::optional<size_t>> look_ahead(Session& session, const std::string& text,
                                           int64_t n_left) const {
    const double temperature = std::max(session.context().sampling.temperature, 0.5) * 1.5;
    WHET_TRY(const auto made,
             session.ask({.samples = session.draws(s_.width, temperature),
                          .stage = "look ahead",
                          .messages = continuing(session, text),
                          .continues = true,
                          .is_step = true,
                          .max_tokens = n_left >= 0 ? std::min(s_.ahead, n_left) : s_.ahead}));
    if (made.empty()) return std::optional<size_t>();
    return std::optional(best_by_logprob(session.candidates(), made));
  }

  EntropyDecodingSettings s_;
};

}  // namespace

std::unique_ptr<Strategy> make_entropy_decoding(OptionReader& options) {
  EntropyDecodingSettings s{};
  s.entropy = options.number("entropy", 3, 0, 30);
  s.varentropy = options.number("varentropy", 5, 0, 1000);
  s.width = static_cast<size_t>(options.integer("width", 3, 1, 64));
  s.ahead = options.integer("ahead", 16, 1, 1024);
  s.forks = options.integer("forks", 4, 0, 64);
  return std::make_unique<EntropyDecoding>(s);
}

}  // namespace whet::strategy
