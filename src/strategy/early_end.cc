#include "strategy/early_end.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace whet::strategy {

Votes count_votes(const std::vector<std::string>& keys) {
  std::map<std::string_view, size_t> groups;
  for (const std::string& key : keys) ++groups[key];
  Votes votes;
  for (const auto& [key, n] : groups) {
    if (n > votes.leader) {
      votes.second = votes.leader;
      votes.leader = n;
    } else {
      votes.second = std::max(votes.second, n);
    }
  }
  return votes;
}

EarlyEnd::EarlyEnd(Session& session, EndRule rule, size_t n)
    : session_(session),
      rule_(session.context().every_candidate ? EndRule::kNever : rule),
      n_(n),
      n_left_(n - std::min(n, session.candidates().size())) {
  for (size_t i : session.eligible()) take(session.candidates()[i]);
}

Status EarlyEnd::draw(std::vector<SamplingParams> samples) {
  texts_.assign(samples.size(), "");
  EventSink watch;
  if (rule_ != EndRule::kNever) {
    watch = [this](const GenerateEvent& event) { return see(event); };
  }
  const auto asked =
      session_.ask({.samples = std::move(samples),
                    .watch = std::move(watch),
                    .ended_why = rule_ == EndRule::kAllExamples
                                     ? "ended early: another program holds all public examples"
                                     : "ended early: the vote was decided"});
  return asked.ok() ? ok_status() : Status(asked.error());
}

Continue EarlyEnd::see(const GenerateEvent& event) {
  if (decided_) return Continue::kEndRequest;
  texts_[event.sample] += event.text;
  if (!event.finish) return Continue::kYes;
  --n_left_;
  const Candidate judged = session_.judged(texts_[event.sample], *event.finish);
  if (judged.eligible) take(judged);
  return decided_ ? Continue::kEndRequest : Continue::kYes;
}

void EarlyEnd::take(const Candidate& candidate) {
  if (rule_ == EndRule::kNever || n_left_ == 0) return;  // no program is run for nothing
  const eval::Question& question = session_.question();
  std::string key = candidate.key;
  if (can_run_examples(question, session_.context())) {
    const auto* run = runs_.run(question, session_.context(), candidate.text);
    if (run == nullptr || !run->ok()) {
      rule_ = EndRule::kNever;  // behaviours are not known, and nothing can be counted
      return;
    }
    // One that does not start has no vote while another does, and one that leads does.
    if ((*run)->outcomes.empty()) return;
    if (rule_ == EndRule::kAllExamples) {
      decided_ = (*run)->n_held() == static_cast<int64_t>((*run)->outcomes.size());
      return;
    }
    key = (*run)->signature();
  }
  if (rule_ != EndRule::kVote) return;
  keys_.push_back(std::move(key));
  const Votes votes = count_votes(keys_);
  decided_ = votes.leader > votes.second + n_left_;
}

std::string EarlyEnd::note() const {
  return decided_ ? fmt::format("; decided after {} of {}", n_ - n_left_, n_) : "";
}

}  // namespace whet::strategy
