#include "strategy/examples.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "eval/code.h"
#include "eval/execution.h"

namespace whet::strategy {
namespace {

struct Program {
  std::string source, key;
  std::vector<size_t> candidates;
  std::optional<ExampleRuns::Run> run;
};

void run_all(const eval::Question& question, const Context& context,
             std::vector<Program>& programs) {
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < programs.size(); i = next++) {
      if (programs[i].run) continue;
      if (context.cancel && context.cancel->cancelled()) return;
      programs[i].run = eval::run_examples(*context.sandbox, question, programs[i].source);
    }
  };
  std::vector<std::thread> threads;
  const auto n = std::min(programs.size(), static_cast<size_t>(std::max(context.n_threads, 1)));
  for (size_t i = 1; i < n; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

bool can_run_examples(const eval::Question& question, const Context& context) {
  return eval::is_code(question.kind) && !question.examples.empty() && context.sandbox != nullptr;
}

const ExampleRuns::Run* ExampleRuns::run(const eval::Question& question, const Context& context,
                                         std::string_view text) {
  const std::string source = eval::extract_code(question, text)->source;
  const std::string key = eval::code_key(question.kind, source);
  if (const Run* known = find(key)) return known;
  if (context.cancel && context.cancel->cancelled()) return nullptr;
  add(key, eval::run_examples(*context.sandbox, question, source));
  return find(key);
}

const ExampleRuns::Run* ExampleRuns::find(const std::string& key) const {
  const auto found = runs_.find(key);
  return found == runs_.end() ? nullptr : &found->second;
}

void ExampleRuns::add(const std::string& key, Run run) {
  runs_.emplace(key, std::move(run));
}

ExampleScores score_by_examples(const eval::Question& question, const Context& context,
                                std::vector<Candidate>& candidates, std::vector<size_t>& among,
                                ExampleRuns* known) {
  if (question.examples.empty()) return {false, "the question has no public examples"};
  if (!context.sandbox) return {false, "code execution is off"};
  std::map<std::string, size_t> seen;
  std::vector<Program> programs;
  for (size_t i : among) {
    std::string source = eval::extract_code(question, candidates[i].text)->source;
    std::string key = eval::code_key(question.kind, source);
    const auto [place, is_new] = seen.emplace(key, programs.size());
    if (is_new) {
      programs.push_back({std::move(source), std::move(key), {}, std::nullopt});
      const auto* run = known != nullptr ? known->find(programs.back().key) : nullptr;
      if (run != nullptr) programs.back().run = *run;
    }
    programs[place->second].candidates.push_back(i);
  }
  // Running cannot tell a program from itself, and costs more than writing it did.
  if (programs.size() == 1 && among.size() > 1 && !programs[0].run) {
    return {false, "all candidates are the same program"};
  }
  run_all(question, context, programs);
  for (const Program& program : programs) {
    if (known != nullptr && program.run) known->add(program.key, *program.run);
  }
  for (const Program& program : programs) {
    if (!program.run) return {false, "cancelled"};
    if (!program.run->ok()) return {false, program.run->error().message()};
  }
  std::vector<size_t> started;
  for (const Program& program : programs) {
    const eval::ExampleRun& run = **program.run;
    for (size_t i : program.candidates) {
      if (run.outcomes.empty()) {
        candidates[i].score = 0;
        continue;
      }
      candidates[i].score =
          static_cast<double>(run.n_held()) / static_cast<double>(run.outcomes.size());
      candidates[i].key = run.signature();
      started.push_back(i);
    }
  }
  if (started.empty()) return {true, ""};
  for (size_t i : among) {
    if (std::find(started.begin(), started.end(), i) != started.end()) continue;
    candidates[i].eligible = false;
    candidates[i].reason = "does not run";
  }
  std::sort(started.begin(), started.end());
  among = std::move(started);
  return {true, ""};
}

void keep_best_by_examples(const eval::Question& question, const Context& context,
                           std::vector<Candidate>& candidates, std::vector<size_t>& among) {
  if (!eval::is_code(question.kind)) return;
  if (!score_by_examples(question, context, candidates, among).ran) return;
  double best = 0;
  for (size_t i : among) best = std::max(best, candidates[i].score.value_or(0));
  std::erase_if(among, [&](size_t i) { return candidates[i].score.value_or(0) < best; });
}

}  // namespace whet::strategy
