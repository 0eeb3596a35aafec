#include "strategy/examples.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "eval/code.h"
#include "eval/execution.h"

namespace whet::strategy {
namespace {

// Before the first run.
constexpr int64_t kInterpreterGuessNs = 50'000'000;
constexpr int64_t kCompilerGuessNs = 500'000'000;

std::atomic<int64_t>& usual_time(eval::AnswerKind kind) {
  static std::atomic<int64_t> interpreted{kInterpreterGuessNs}, compiled{kCompilerGuessNs};
  return kind == eval::AnswerKind::kPython ? interpreted : compiled;
}

/// A moving mean in which a program that runs into its time limit does not count for much.
void learn_usual_time(eval::AnswerKind kind, int64_t wall_ns) {
  std::atomic<int64_t>& usual = usual_time(kind);
  const int64_t before = usual;
  usual = before + (std::min(wall_ns, 2 * before) - before) / 4;
}

}  // namespace

bool can_run_examples(const eval::Question& question, const Context& context) {
  return eval::is_code(question.kind) && !question.examples.empty() && context.sandbox != nullptr;
}

Program program_of(const eval::Question& question, std::string_view text) {
  Program program;
  program.source = eval::extract_code(question, text)->source;
  program.key = eval::code_key(question.kind, program.source);
  return program;
}

Result<eval::ExampleRun> run_program(const eval::Question& question, const Context& context,
                                     const std::string& source) {
  try {
    const int64_t start_ns = monotonic_ns();
    auto run = eval::run_examples(*context.sandbox, question, source);
    learn_usual_time(question.kind, monotonic_ns() - start_ns);
    return run;
  } catch (const std::exception& error) {
    return Error(ErrorCode::kInternal,
                 fmt::format("running the public examples failed: {}", error.what()));
  }
}

int64_t usual_run_ns(eval::AnswerKind kind) {
  return usual_time(kind);
}

void run_programs(const eval::Question& question, const Context& context,
                  std::vector<Program>& programs, const std::function<bool()>& enough) {
  std::mutex mutex;
  size_t next = 0;
  bool over = false;
  const auto work = [&] {
    std::unique_lock lock(mutex);
    while (!over && next < programs.size()) {
      Program& program = programs[next++];
      if (program.run) continue;
      over = context.cancel && context.cancel->cancelled();
      if (over) return;
      lock.unlock();
      auto run = run_program(question, context, program.source);
      lock.lock();
      program.run = std::move(run);
      over = over || enough();
    }
  };
  std::vector<std::thread> threads;
  const auto n = std::min(programs.size(), static_cast<size_t>(std::max(context.n_threads, 1)));
  for (size_t i = 1; i < n; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
}

const ExampleRuns::Run* ExampleRuns::run(const eval::Question& question, const Context& context,
                                         std::string_view text) {
  const Program program = program_of(question, text);
  if (const Run* known = find(program.key)) return known;
  if (context.cancel && context.cancel->cancelled()) return nullptr;
  add(program.key, run_program(question, context, program.source));
  return find(program.key);
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
    Program program = program_of(question, candidates[i].text);
    const auto [place, is_new] = seen.emplace(program.key, programs.size());
    if (is_new) {
      programs.push_back(std::move(program));
      const auto* run = known != nullptr ? known->find(programs.back().key) : nullptr;
      if (run != nullptr) programs.back().run = *run;
    }
    programs[place->second].candidates.push_back(i);
  }
  // Running cannot tell a program from itself, and costs more than writing it did.
  if (programs.size() == 1 && !programs[0].run) {
    return {false, among.size() > 1 ? "all candidates are the same program" : "one candidate only"};
  }
  run_programs(question, context, programs, [] { return false; });
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
