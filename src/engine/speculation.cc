#include "engine/speculation.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "draft/draft_lengths.h"

namespace whet {
namespace {

using Phase = SequenceState::Phase;

// With more sequences their own rows use what speculation would.
constexpr size_t kMostParticipants = 8;
// Proposals of a step, over all sequences: their logits must be stored.
constexpr int64_t kMostProposals = kMostDraftTokens;
// A source that does not seem to pay is tried with one token after so many steps, then twice as
// many, up to the last.
constexpr int64_t kFirstProbe = 16, kLastProbe = 256;
// The draft model goes ahead of this many sequences at most, one after the other.
constexpr int64_t kMostModelled = 2;
// Of the text, what the model reads before its first proposal: its reading must not cost much of
// the time that the answer takes.
constexpr int64_t kLeastToRead = 64, kMostToRead = 1024;
// Steps of several rows after which one of a single row is measured again.
constexpr int64_t kScaleLasts = 64;
// Expected of the draft model below which it is not asked.
constexpr double kLeastModelGain = 1.03;

}  // namespace

Speculation::Speculation(const SpeculationOptions& options, TokenIndex phrases,
                         std::unique_ptr<DraftModel> draft_model, const Decoder& target,
                         const Tokenizer& tokenizer, ThreadPool& pool)
    : options_(options),
      phrases_(std::move(phrases)),
      draft_model_(std::move(draft_model)),
      target_(target),
      tokenizer_(tokenizer),
      pool_(pool) {}

bool Speculation::Probing::is_due() {
  if (++n_idle <= after) return false;
  n_idle = 0;
  after = std::clamp(2 * after, kFirstProbe, kLastProbe);
  return true;
}

void Speculation::Probing::reset() {
  n_idle = 0;
  after = kFirstProbe;
}

void Speculation::admit(SequenceId id, const std::string& scope) {
  participants_.try_emplace(id, scope, &acceptance_);
}

const TokenIndex* Speculation::index_of(DraftSource source, const Participant& p) const {
  switch (source) {
    case DraftSource::kNgram:
      return &p.text;
    case DraftSource::kSession:
      return session_.find(p.scope);
    case DraftSource::kPhrase:
      return &phrases_;
    case DraftSource::kModel:
      return nullptr;
  }
  WHET_UNREACHABLE();
}

Speculation::Draft Speculation::offer(DraftSource source, const Participant& participant,
                                      const Sequence& sequence) const {
  Draft draft{source, {}, {}, {}};
  const TokenIndex* index = options_.uses(source) ? index_of(source, participant) : nullptr;
  const int64_t n_most = std::min(options_.n_max, sequence.room() - 1);
  if (index == nullptr || n_most <= 0) return draft;
  const TokenIndex::Match match = index->find(sequence.ids());
  const auto proposed = index->following(match, static_cast<size_t>(n_most));
  const size_t n = sequence.n_admitted(proposed);
  double chance = 1;
  for (size_t i = 0; i < n; ++i) {
    const auto c = DraftClass::of_match(source, match.length + static_cast<int64_t>(i));
    const double expected = participant.acceptance.expected(c);
    if (expected < options_.p_min) break;
    chance *= expected;
    draft.tokens.push_back(proposed[i]);
    draft.classes.push_back(c);
    draft.chances.push_back(chance);
  }
  return draft;
}

Speculation::Draft Speculation::best_offer(const Participant& participant, const Sequence& sequence,
                                           int64_t n_other_rows) const {
  Draft best;
  double best_gain = 0;
  for (const DraftSource source :
       {DraftSource::kNgram, DraftSource::kSession, DraftSource::kPhrase}) {
    Draft draft = offer(source, participant, sequence);
    if (draft.tokens.empty()) continue;
    // Of two that do not pay, the one to try is the likelier.
    const double gain =
        choose_draft_lengths({&draft.chances, 1}, n_other_rows, kMostProposals, step_cost_).gain +
        1e-3 * draft.chances.front();
    if (gain <= best_gain) continue;
    best_gain = gain;
    best = std::move(draft);
  }
  return best;
}

DraftTimes Speculation::model_times(int64_t n_to_read) const {
  const StepCost& cost = draft_model_->cost();
  const auto mine = cost.seconds_of_one(), targets = step_cost_.seconds_of_one();
  // What a step takes is mostly reading weights.
  const double one = mine && targets ? *mine / *targets
                                     : static_cast<double>(draft_model_->bytes_per_step()) /
                                           static_cast<double>(weight_bytes_of_step(target_));
  const int64_t known = std::min(n_to_read, StepCost::kMostRows);
  const double reading =
      cost.over_one(known) * static_cast<double>(n_to_read) / static_cast<double>(known);
  return {one * reading, one};
}

void Speculation::ask_model(Participant& p, Sequence& sequence, int64_t n_other_rows) {
  const int64_t n_most = std::min(options_.n_max, sequence.room() - 1);
  if (n_most <= 0) return;
  const int64_t n_to_read = std::clamp(sequence.room(), kLeastToRead, kMostToRead);
  DraftTimes times = model_times(1);
  if (p.model != nullptr) {
    const int64_t backlog = p.model->n_to_read(sequence.ids(), n_to_read);
    // What was left unread while the model was not asked is read once, for many drafts.
    times = model_times(std::min<int64_t>(backlog, 1 + options_.n_max / 4));
  }
  const double acceptance = p.acceptance.expected(DraftClass::of_model());
  DraftBudget budget(step_cost_, times, acceptance, n_most);
  const double others =
      p.draft.tokens.empty()
          ? 1
          : choose_draft_lengths({&p.draft.chances, 1}, n_other_rows, kMostProposals, step_cost_)
                .gain;
  const bool pays = !options_.adaptive ? p.draft.tokens.empty()
                                       : budget.expected_gain() > std::max(others, kLeastModelGain);
  if (pays) {
    p.of_model.reset();
  } else if (!options_.adaptive || others > 1 || !p.of_model.is_due()) {
    return;
  }
  if (p.model == nullptr) {
    auto made = draft_model_->same_vocabulary()
                    ? make_id_drafter(*draft_model_, target_.config.vocab_size)
                    : make_text_drafter(*draft_model_, tokenizer_);
    // Without addresses for another text there is no draft of it, and none is needed.
    if (!made.ok()) return;
    p.model = std::move(made).value();
  }
  int64_t n_drafted = 0;
  const auto go_on = [&](double probability) {
    ++n_drafted;
    if (probability < options_.p_min) return false;
    if (!options_.adaptive) return n_drafted < n_most;
    return budget.go_on(p.acceptance.expected(DraftClass::of_probability(probability)));
  };
  const auto draw = [&](std::span<const float> logits, std::span<const int32_t> ahead) {
    return sequence.foresee(logits, ahead);
  };
  auto drafted =
      p.model->draft(sequence.ids(), pays ? n_to_read : kLeastToRead, draw, go_on, pool_);
  if (!drafted.ok() || drafted->tokens.empty()) return;
  Draft draft{DraftSource::kModel, {}, {}, {}};
  double chance = 1;
  const size_t n = std::min(sequence.n_admitted(drafted->tokens), static_cast<size_t>(n_most));
  for (size_t i = 0; i < n; ++i) {
    const auto c = DraftClass::of_probability(drafted->probabilities[i]);
    if (drafted->probabilities[i] < options_.p_min) break;
    chance *= p.acceptance.expected(c);
    draft.tokens.push_back(drafted->tokens[i]);
    draft.classes.push_back(c);
    draft.chances.push_back(chance);
  }
  if (!draft.tokens.empty()) p.draft = std::move(draft);
}

void Speculation::propose(Scheduler& scheduler, const FindSequence& find) {
  const int64_t start_ns = monotonic_ns();
  std::vector<std::pair<SequenceId, Participant*>> drafting;
  int64_t n_decoding = 0;
  for (const SequenceState& state : scheduler.sequences()) {
    if (state.phase != Phase::kDecode) continue;
    ++n_decoding;
    const auto it = participants_.find(state.id);
    if (it == participants_.end()) continue;
    it->second.draft = {};
    drafting.emplace_back(state.id, &it->second);
  }
  if (drafting.empty() || drafting.size() > kMostParticipants) return;
  if (options_.adaptive && n_decoding == 1 && step_cost_.n_since_one() >= kScaleLasts) return;

  std::vector<std::vector<double>> chances;
  for (auto& [id, p] : drafting) {
    Sequence& sequence = find(id);
    p->text.append(sequence.ids().subspan(p->text.tokens().size()));
    p->draft = best_offer(*p, sequence, n_decoding - 1);
    if (draft_model_ != nullptr && options_.uses(DraftSource::kModel) &&
        n_decoding <= kMostModelled) {
      ask_model(*p, sequence, n_decoding - 1);
    }
    chances.push_back(p->draft.chances);
  }
  const auto n_others = n_decoding - static_cast<int64_t>(drafting.size());
  const DraftLengths lengths = choose_draft_lengths(chances, n_others, kMostProposals, step_cost_);
  for (size_t i = 0; i < drafting.size(); ++i) {
    auto& [id, p] = drafting[i];
    auto n = options_.adaptive ? static_cast<size_t>(lengths.n[i]) : p->draft.tokens.size();
    if (n > 0) {
      p->of_texts.reset();
    } else if (!p->draft.tokens.empty() &&
               (p->draft.source == DraftSource::kModel || p->of_texts.is_due())) {
      n = 1;  // of the model: it was asked, and nothing is learnt unless it is answered
    }
    p->draft.tokens.resize(n);
    if (n > 0) {
      find(id).draft = p->draft.tokens;
      scheduler.propose(id, static_cast<int64_t>(n));
    }
  }
  // In equal parts, whoever the time was spent on.
  const int64_t spent = (monotonic_ns() - start_ns) / static_cast<int64_t>(drafting.size());
  for (auto& [id, p] : drafting) p->counts.draft_ns += spent;
}

void Speculation::note(const StepPlan& plan, std::span<const SegmentOutcome> outcomes,
                       const FindSequence& find, double forward_seconds) {
  int64_t n_rows = 0;
  bool decodes_only = true;
  for (size_t i = 0; i < plan.segments.size(); ++i) {
    const Segment& segment = plan.segments[i];
    n_rows += segment.n_tokens;
    const bool decodes = segment.n_tokens == 1 + segment.n_draft;
    decodes_only = decodes_only && decodes;
    const auto it = participants_.find(segment.sequence);
    if (it == participants_.end()) continue;
    const Sequence& sequence = find(segment.sequence);
    // What gave way reads its own tokens again.
    if (segment.first < sequence.n_prompt() || !decodes) continue;
    Participant& p = it->second;
    p.counts.note_step(segment.n_tokens);
    if (segment.n_draft == 0) continue;
    auto drawn = sequence.ids().subspan(static_cast<size_t>(segment.first) + 1);
    drawn = drawn.first(std::min(drawn.size(), static_cast<size_t>(outcomes[i].n_valid)));
    int64_t n_accepted = 0;
    for (size_t k = 0; k < std::min(drawn.size(), p.draft.tokens.size()); ++k) {
      const bool accepted = drawn[k] == p.draft.tokens[k];
      p.acceptance.note(p.draft.classes[k], accepted);
      acceptance_.note(p.draft.classes[k], accepted);
      if (p.draft.source == DraftSource::kModel) {
        p.acceptance.note(DraftClass::of_model(), accepted);
        acceptance_.note(DraftClass::of_model(), accepted);
      }
      n_accepted += accepted;
    }
    p.counts.note_draft(p.draft.source, segment.n_draft, n_accepted);
  }
  if (decodes_only && n_rows > 0) step_cost_.note(n_rows, forward_seconds);
}

SpeculationCounts Speculation::dismiss(SequenceId id, const Sequence& sequence) {
  const auto it = participants_.find(id);
  if (it == participants_.end()) return {};
  if (options_.uses(DraftSource::kSession)) {
    session_.add(it->second.scope,
                 sequence.ids().subspan(static_cast<size_t>(sequence.n_prompt())));
  }
  SpeculationCounts counts = std::move(it->second.counts);
  participants_.erase(it);
  return counts;
}

}  // namespace whet
