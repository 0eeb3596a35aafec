// autothink: a thinking block with a budget of tokens: one that ends too early is opened again with
// "Wait,", one that grows too long is closed, and then the answer is written. How hard the question
// looks decides the budget: hard is where the model's first words are unsure. Sources: Muennighoff
// et al., "s1: simple test-time scaling" (2025, budget forcing); optillm's autothink and
// thinkdeeper (the budgets). Its steering vectors need training and are left out.
#include <fmt/format.h>

#include <algorithm>

#include "eval/answer.h"
#include "eval/reply.h"
#include "strategy/makers.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

constexpr std::string_view kOpen = "<think>\n";
constexpr std::string_view kClose = "</think>";

struct AutothinkSettings {
  int64_t low, high;  // most tokens of thinking, of a simple and of a hard question
  int64_t waits;      // how often a thought that ends early is taken up again
  double hard_below;  // mean logprob of the first words under which a question is hard
};

class AutoThink : public Strategy {
 public:
  explicit AutoThink(const AutothinkSettings& settings) : s_(settings) {}

  std::string description() const override {
    return fmt::format(
        "Thinking of {} to {} tokens for a simple question, {} to {} for a hard one, then the "
        "answer.",
        s_.low / 4, s_.low, s_.high / 4, s_.high);
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    constexpr int64_t kProbeTokens = 16;
    std::string text(kOpen);
    int64_t n_thought = 0;
    WHET_TRY(auto stretch, think(session, text, kProbeTokens));
    const bool is_hard = stretch.mean_logprob.value_or(0) < s_.hard_below;
    const int64_t most = is_hard ? s_.high : s_.low;
    const int64_t least = most / 4;
    int64_t n_waits = 0;
    bool was_cut = false;
    while (true) {
      n_thought += stretch.n_tok;
      text = stretch.text;
      if (session.stopped() || (stretch.closed && (n_thought >= least || n_waits == s_.waits))) {
        break;
      }
      if (!stretch.closed && n_thought >= most) {
        was_cut = true;
        break;
      }
      if (stretch.closed) {
        text += "\nWait,";
        ++n_waits;
      }
      WHET_TRY(stretch, think(session, text, most - n_thought));
      if (stretch.n_tok == 0) break;
    }
    std::vector<ChatMessage> messages = question.messages;
    messages.push_back({.role = "assistant", .content = fmt::format("{}\n{}\n\n", text, kClose)});
    WHET_TRY(auto made, answer(session, messages));
    // A model that was not made for thinking takes the end of the thought for the end of its turn.
    if (!made.empty() && eval::has_text_answer(question.kind) &&
        eval::trimmed(eval::without_reasoning(session.candidates()[made[0]].text)).empty()) {
      messages.back().content += "Answer:";
      WHET_TRY(made, answer(session, messages));
    }
    return session.finish_preferring(
        made.empty() ? std::nullopt : std::optional(made[0]),
        fmt::format("{} question, {} tokens of thinking{}{}", is_hard ? "hard" : "simple",
                    n_thought, n_waits > 0 ? fmt::format(", taken up again {} times", n_waits) : "",
                    was_cut ? ", closed at the budget" : ""));
  }

 private:
  struct Stretch {
    std::string text;     // all of the thinking so far, without the closing tag
    bool closed = false;  // the model ended its thinking, or its turn
    int64_t n_tok = 0;
    std::optional<double> mean_logprob;
  };

  static Result<std::vector<size_t>> answer(Session& session,
                                            const std::vector<ChatMessage>& messages) {
    return session.ask({.samples = session.draws(1, session.context().sampling.temperature),
                        .stage = "answer",
                        .messages = messages,
                        .continues = true});
  }

  Result<Stretch> think(Session& session, const std::string& text, int64_t most) const {
    std::vector<ChatMessage> messages = session.question().messages;
    messages.push_back({.role = "assistant", .content = text});
    std::string seen;
    const auto watch = [&](const GenerateEvent& event) {
      seen += event.text;
      return seen.find(kClose) != std::string::npos && !event.finish ? Continue::kEndSample
                                                                     : Continue::kYes;
    };
    WHET_TRY(const auto made,
             session.ask({.samples = session.draws(1, session.context().sampling.temperature),
                          .stage = "thinking",
                          .messages = std::move(messages),
                          .continues = true,
                          .is_step = true,
                          .max_tokens = std::max<int64_t>(most, 1),
                          .watch = watch}));
    Stretch stretch{text, true, 0, std::nullopt};
    if (made.empty()) return stretch;
    const Candidate& candidate = session.candidates()[made[0]];
    stretch.text = candidate.text;
    stretch.n_tok = candidate.n_completion_tok;
    stretch.mean_logprob = candidate.mean_logprob;
    const size_t close = candidate.text.find(kClose, text.size());
    stretch.closed = close != std::string::npos || candidate.finish == FinishReason::kStop;
    if (close != std::string::npos) stretch.text.resize(close);
    stretch.text.erase(stretch.text.find_last_not_of(" \n") + 1);
    return stretch;
  }

  AutothinkSettings s_;
};

}  // namespace

std::unique_ptr<Strategy> make_autothink(OptionReader& options) {
  AutothinkSettings s{};
  s.low = options.integer("low", 256, 16, 65536);
  s.high = options.integer("high", 1024, 16, 65536);
  s.waits = options.integer("waits", 1, 0, 16);
  s.hard_below = options.number("hard", -0.6, -100, 0);
  return std::make_unique<AutoThink>(s);
}

}  // namespace whet::strategy
