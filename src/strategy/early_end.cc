#include "strategy/early_end.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

namespace whet::strategy {
namespace {

/// A program is run beside its siblings once they have been written for as many times as long as it
/// will take: what is left of them is likely to be shorter than what was, and the run takes a core
/// from them.
constexpr int64_t kRunsOfWriting = 2;

}  // namespace

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
      n_open_(n - std::min(n, session.candidates().size())),
      runs_programs_(can_run_examples(session.question(), session.context())) {
  if (rule_ == EndRule::kAllExamples && !runs_programs_) rule_ = EndRule::kNever;
  for (size_t i : session.eligible()) add(i, session.candidates()[i]);
  count();
}

Status EarlyEnd::draw(std::vector<SamplingParams> samples) {
  texts_.assign(samples.size(), "");
  first_event_ns_ = 0;
  const size_t n_before = finished_.size();
  EventSink watch;
  if (rule_ != EndRule::kNever) {
    watch = [this](const GenerateEvent& event) { return see(event); };
  }
  const auto asked = session_.ask(
      {.samples = std::move(samples), .watch = std::move(watch), .ended_why = ended_why()});
  if (!asked.ok()) return asked.error();
  if (asked->size() != texts_.size()) {  // refused: there are no candidates
    finished_.erase(finished_.begin() + static_cast<std::ptrdiff_t>(n_before), finished_.end());
    if (decided() && *decided_at_ >= n_before) decided_at_.reset();
    rule_ = EndRule::kNever;
    return ok_status();
  }
  for (size_t i = n_before; i < finished_.size(); ++i) {
    finished_[i].place = asked->at(finished_[i].place);
  }
  settle();
  if (!decided_at_) return ok_status();
  for (size_t i = *decided_at_ + 1; i < finished_.size(); ++i) {
    session_.end(finished_[i].place, ended_why());
  }
  return ok_status();
}

Continue EarlyEnd::see(const GenerateEvent& event) {
  if (decided()) return Continue::kEndRequest;
  if (first_event_ns_ == 0) first_event_ns_ = session_.context().now_ns();
  texts_[event.sample] += event.text;
  if (event.finish) {
    --n_open_;
    const Candidate judged = session_.judged(texts_[event.sample], *event.finish);
    if (judged.eligible) add(event.sample, judged);
  }
  collect_run(false);
  count();
  if (decided()) return Continue::kEndRequest;
  start_run();
  return Continue::kYes;
}

void EarlyEnd::add(size_t place, const Candidate& candidate) {
  finished_.push_back({place, n_open_, candidate.key, ""});
  if (!runs_programs_) return;
  Program program = program_of(session_.question(), candidate.text);
  finished_.back().key = std::move(program.key);
  finished_.back().source = std::move(program.source);
}

void EarlyEnd::count() {
  while (rule_ != EndRule::kNever && !decided() && n_counted_ < finished_.size()) {
    const Finished& text = finished_[n_counted_];
    if (text.n_open == 0) return;  // the last one ends nothing
    const ExampleRuns::Run* run = runs_programs_ ? runs_.find(text.key) : nullptr;
    if (runs_programs_ && run == nullptr) return;
    if (run != nullptr && !run->ok()) {
      rule_ = EndRule::kNever;  // behaviours are not known, and nothing can be counted
      return;
    }
    count_one(text, run != nullptr ? &**run : nullptr);
    ++n_counted_;
  }
}

void EarlyEnd::count_one(const Finished& text, const eval::ExampleRun* run) {
  // One that does not start has no vote while another does, and one that leads does.
  if (run != nullptr && run->outcomes.empty()) return;
  bool decides = false;
  if (rule_ == EndRule::kAllExamples) {
    decides = run->n_held() == static_cast<int64_t>(run->outcomes.size());
  } else {
    keys_.push_back(run != nullptr ? run->signature() : text.key);
    const Votes votes = count_votes(keys_);
    decides = votes.leader > votes.second + text.n_open;
  }
  if (decides) decided_at_ = n_counted_;
}

bool EarlyEnd::could_decide() const {
  if (rule_ == EndRule::kNever || decided()) return false;
  for (size_t i = n_counted_; i < finished_.size(); ++i) {
    if (finished_[i].n_open == 0) break;
    if (rule_ == EndRule::kAllExamples || i + 1 > finished_[i].n_open) return true;
  }
  return false;
}

void EarlyEnd::start_run() {
  if (!runs_programs_ || running_.valid() || !could_decide()) return;
  const eval::Question& question = session_.question();
  const Context& context = session_.context();
  if (context.cancel && context.cancel->cancelled()) return;
  const int64_t written_ns = context.now_ns() - first_event_ns_;
  if (written_ns < kRunsOfWriting * usual_run_ns(question.kind)) return;
  // All before it are known, or it would not be the next to be counted.
  const Finished& next = finished_[n_counted_];
  running_key_ = next.key;
  running_ = std::async(std::launch::async, [&question, &context, source = next.source] {
    return run_program(question, context, source);
  });
}

void EarlyEnd::collect_run(bool wait) {
  using std::chrono::seconds;
  if (!running_.valid()) return;
  if (!wait && running_.wait_for(seconds(0)) != std::future_status::ready) return;
  runs_.add(running_key_, running_.get());
}

bool EarlyEnd::are_one_program() const {
  return std::all_of(finished_.begin(), finished_.end(),
                     [&](const Finished& text) { return text.key == finished_[0].key; });
}

void EarlyEnd::settle() {
  if (rule_ == EndRule::kNever || decided() || !runs_programs_) return;
  collect_run(true);
  if (n_open_ == 0 && are_one_program()) return settle_one_program();
  count();
  if (!could_decide()) return;
  std::vector<Program> programs;
  for (size_t i = n_counted_; i < finished_.size(); ++i) {
    const Finished& text = finished_[i];
    const bool listed = std::any_of(programs.begin(), programs.end(),
                                    [&](const Program& p) { return p.key == text.key; });
    if (listed || runs_.find(text.key) != nullptr) continue;
    programs.push_back({text.source, text.key, {}, std::nullopt});
  }
  run_programs(session_.question(), session_.context(), programs, [&] {
    for (const Program& program : programs) {
      if (program.run) runs_.add(program.key, *program.run);
    }
    count();
    return decided() || rule_ == EndRule::kNever;
  });
}

void EarlyEnd::settle_one_program() {
  const eval::ExampleRun holds{{{.held = true, .behaviour = ""}}};
  keys_.clear();
  for (n_counted_ = 0; n_counted_ < finished_.size() && !decided(); ++n_counted_) {
    if (finished_[n_counted_].n_open == 0) break;
    count_one(finished_[n_counted_], &holds);
  }
  is_one_program_ = true;
}

std::string EarlyEnd::ended_why() const {
  if (rule_ != EndRule::kAllExamples) return "ended early: the vote was decided";
  return is_one_program_ ? "the same program as the one that ended first"
                         : "ended early: another program holds all public examples";
}

std::string EarlyEnd::note() const {
  return decided()
             ? fmt::format("; decided after {} of {}", n_ - finished_[*decided_at_].n_open, n_)
             : "";
}

}  // namespace whet::strategy
