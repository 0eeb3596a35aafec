#include "results/event_log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <set>
#include <sstream>

#include "results/codec.h"
#include "sys/json_text.h"

namespace whet::results {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

EventHeader header() {
  return {"2026-01-31T12:00:00Z",
          "f00d",
          {{"model", "m.gguf"}, {"isa", "scalar"}},
          {"whet", "eval", "-m", "\xff.gguf"}};
}

Event event(int64_t sequence, const std::string& task, uint64_t seed) {
  Event event;
  event.strategy = "baseline";
  event.task = task;
  event.family = "f";
  event.seed = seed;
  event.sequence = sequence;
  event.question = "Question?";
  event.reference = "3";
  event.start_ns = 1000 * sequence;
  event.first_token_ns = event.start_ns + 10;
  event.end_ns = event.start_ns + 500;
  event.prompt_tokens = 7;
  event.completion_tokens = 5;
  event.n_calls = 1;
  event.answer = "Answer: 3";
  event.how = "only";
  event.grade = eval::GradeStatus::kCorrect;
  event.grade_rule = "answer_line";
  Candidate candidate;
  candidate.text = "Answer: 3";
  candidate.tokens = 5;
  candidate.finish = "stop";
  candidate.logprob = -.5;
  candidate.chosen = true;
  event.candidates = {candidate};
  return event;
}

class EventLogTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "event_log.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }

  fs::path file() const { return directory_ / "events.jsonl"; }
  std::string directory() const { return directory_; }

  /// A record of three runs and a warm-up.
  std::string record() const {
    fs::remove(file());
    auto log = EventLog::create(directory(), header());
    EXPECT_TRUE(log.ok()) << log.error().message();
    Event warmup = event(0, "b", 1);
    warmup.warmup = true;
    for (const Event& one : {warmup, event(1, "a", 1), event(2, "a", 2), event(3, "b", 1)}) {
      EXPECT_TRUE(log->append(one).ok());
    }
    std::ifstream in(file());
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }

  static Result<EventRecord> read(const std::string& content, const std::string& path) {
    WHET_TRY(EventRecord record, parse_events(content, path));
    WHET_TRY_STATUS(check_same_experiment(record.header, header(), path));
    return record;
  }

  static std::string problem(const std::string& content) {
    const auto parsed = read(content, "events.jsonl");
    return parsed.ok() ? "" : parsed.error().message();
  }

  /// The record with one line changed as JSON; line 1 is the header.
  std::string with(size_t line, const std::function<void(json&)>& change) const {
    std::istringstream in(record());
    std::string out, text;
    for (size_t i = 1; std::getline(in, text); ++i) {
      json value = json::parse(text);
      if (i == line) change(value);
      out += json_text(value) + "\n";
    }
    return out;
  }

  fs::path directory_;
};

TEST_F(EventLogTest, ReadsWhatItWrote) {
  const auto parsed = read(record(), "e");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message();
  EXPECT_EQ(parsed->header.created, header().created);
  ASSERT_EQ(parsed->events.size(), 4u);
  EXPECT_TRUE(parsed->events[0].warmup);
  EXPECT_EQ(to_json(parsed->events[3]), to_json(event(3, "b", 1)));
}

TEST_F(EventLogTest, EveryFieldOfTheHeaderHasItsType) {
  for (const char* key : {"schema", "created", "fingerprint", "fingerprint_parts", "command"}) {
    for (const json& wrong :
         {json(5), json(nullptr), json(true), json({1, 2}), json({{"model", 7}})}) {
      const std::string message = problem(with(1, [&](json& line) { line[key] = wrong; }));
      EXPECT_NE(
          message.find(std::string("events.jsonl:1: expected a whet-events/1 header: ") + key),
          std::string::npos)
          << key << " " << wrong << " " << message;
    }
    EXPECT_NE(problem(with(1, [&](json& line) { line.erase(key); })), "") << key;
  }
  EXPECT_NE(problem(with(1, [](json& line) { line["schema"] = "whet-events/2"; })), "");
  EXPECT_NE(problem(with(1, [](json& line) { line = json::array(); })), "");
  EXPECT_NE(problem("").find("header"), std::string::npos);
  EXPECT_NE(problem("{\"schema\":5}\n").find("found 5"), std::string::npos);
}

TEST_F(EventLogTest, SaysWhatDiffersOfAnotherExperiment) {
  const std::string message = problem(with(1, [](json& line) {
    line["fingerprint"] = "beef";
    line["fingerprint_parts"]["isa"] = "avx2";
  }));
  EXPECT_NE(message.find("isa was \"avx2\", is \"scalar\""), std::string::npos) << message;
}

TEST_F(EventLogTest, EveryFieldOfAnEventHasItsTypeAndRange) {
  const auto refused = [&](const char* pointer, const json& wrong, const char* named) {
    const std::string message =
        problem(with(3, [&](json& line) { line[json::json_pointer(pointer)] = wrong; }));
    EXPECT_NE(message.find("events.jsonl:3: not an event: "), std::string::npos)
        << pointer << " " << wrong << ": " << message;
    EXPECT_NE(message.find(std::string("not an event: ") + named), std::string::npos) << message;
  };
  for (const char* text : {"strategy", "task", "family"}) {
    for (const json& wrong : {json(5), json(nullptr), json::object()}) {
      refused((std::string("/") + text).c_str(), wrong, text);
    }
  }
  for (const char* number :
       {"sequence", "start_ns", "end_ns", "prompt_tokens", "completion_tokens", "n_calls"}) {
    for (const json& wrong : {json(-1), json(1.5), json(1e300), json("7"), json(nullptr),
                              json(true), json(UINT64_MAX), json(INT64_MAX), json(INT64_MIN)}) {
      refused((std::string("/") + number).c_str(), wrong, number);
    }
  }
  for (const char* number : {"first_token_ns", "time_budget_ns", "peak_rss_bytes", "kv_bytes"}) {
    for (const json& wrong : {json(-1), json(1e300), json("7"), json(UINT64_MAX)}) {
      refused((std::string("/") + number).c_str(), wrong, number);
    }
  }
  for (const json& wrong : {json(-1), json(1.0), json("7"), json(nullptr)}) {
    refused("/seed", wrong, "seed");
  }
  refused("/end_ns", 999, "end_ns");  // before its start at 1000
  refused("/first_token_ns", 999, "first_token_ns");
  refused("/first_token_ns", 1501, "first_token_ns");  // after its end
  refused("/warmup", "no", "warmup");
  refused("/answer", 3, "answer");
  refused("/error", false, "error");
  refused("/candidates", json::object(), "candidates");
  refused("/candidates/0", 7, "candidates[0]");
  refused("/candidates/0/finish", "Stop!", "candidates[0]");
  refused("/candidates/0/tokens", -5, "candidates[0]");
  refused("/candidates/0/logprob", "low", "candidates[0]");
  refused("/candidates/0/chosen", nullptr, "candidates[0]");
  refused("/grade", "correct", "grade");
  for (const json& wrong : {json("Correct!"), json(""), json("CORRECT"), json(1), json(nullptr)}) {
    refused("/grade/status", wrong, "grade");
  }
  refused("/grade/strict", 1, "grade");
  EXPECT_EQ(problem(with(3, [](json& line) { line["unknown"] = 7; })), "");
}

TEST_F(EventLogTest, ARunCountsOnce) {
  const std::string whole = record();
  const size_t last = whole.rfind('\n', whole.size() - 2) + 1;
  EXPECT_NE(problem(whole + whole.substr(last))
                .find("events.jsonl:6: sequence number 3 stands on "
                      "line 5 already"),
            std::string::npos);
  const std::string again =
      problem(with(4, [](json& line) { line["seed"] = 1; }));  // that of line 3
  EXPECT_NE(again.find("events.jsonl:4: strategy baseline, task a, seed 1 stands on line 3"),
            std::string::npos)
      << again;
  EXPECT_EQ(problem(with(4,
                         [](json& line) {
                           line["warmup"] = true;
                           line["seed"] = 1;
                         })),
            "");
}

TEST_F(EventLogTest, OneWriterAtATime) {
  record();
  {
    const auto first = EventLog::resume(directory(), header());
    ASSERT_TRUE(first.ok()) << first.error().message();
    // A lock is the file's, not the process's, but a child shows which process it names.
    const pid_t child = ::fork();
    if (child == 0) {
      const auto second = EventLog::resume(directory(), header());
      const std::string expected = "(process " + std::to_string(::getppid()) + ")";
      const bool named =
          !second.ok() &&
          second.error().message().find("another run is writing") != std::string::npos &&
          second.error().message().find(expected) != std::string::npos;
      ::_exit(named ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_FALSE(EventLog::remove(directory()).ok()) << "a record in use";
    EXPECT_TRUE(fs::exists(file()));
  }
  EXPECT_TRUE(EventLog::resume(directory(), header()).ok()) << "the lock ends with its owner";
  {
    fs::remove(file());
    const auto fresh = EventLog::create(directory(), header());
    ASSERT_TRUE(fresh.ok());
    EXPECT_FALSE(EventLog::resume(directory(), header()).ok());
  }
}

TEST_F(EventLogTest, RemovesARecordAndItsResultsOnly) {
  record();
  std::ofstream(directory_ / "results.json") << "{}";
  std::ofstream(directory_ / "mine.txt") << "x";
  ASSERT_TRUE(EventLog::remove(directory()).ok());
  EXPECT_FALSE(fs::exists(file()));
  EXPECT_FALSE(fs::exists(directory_ / "results.json"));
  EXPECT_TRUE(fs::exists(directory_ / "mine.txt"));
  EXPECT_TRUE(EventLog::remove(directory()).ok()) << "nothing there is no error";
}

TEST_F(EventLogTest, TheFileHasTheModeThatTheUmaskGives) {
  for (mode_t mask : {077, 002, 022}) {
    const mode_t before = ::umask(mask);
    record();
    ::umask(before);
    EXPECT_EQ(fs::status(file()).permissions(), fs::perms(0666 & ~mask));
  }
}

/// All values of a document, by address.
void collect(json& value, std::vector<json*>& out) {
  out.push_back(&value);
  if (value.is_structured()) {
    for (auto& item : value) collect(item, out);
  }
}

// 30,000 damaged records: each is read or refused, and what is read keeps what later code rests on.
TEST_F(EventLogTest, SurvivesDamage) {
  const std::string whole = record();
  const json odd[] = {nullptr,
                      -1,
                      0,
                      1e300,
                      -0.0,
                      "",
                      "correct",
                      "x",
                      true,
                      json::array(),
                      json::object(),
                      UINT64_MAX,
                      INT64_MIN,
                      {{"status", 5}},
                      {1, {2, {3}}}};
  std::mt19937_64 random(1);
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  int n_read = 0, n_refused = 0;
  for (int i = 0; i < 30000; ++i) {
    std::string text = whole;
    switch (below(5)) {
      case 0:
        for (size_t n = 1 + below(3); n > 0; --n)
          text[below(text.size())] = static_cast<char>(random());
        break;
      case 1:
        text.resize(below(text.size()));
        break;
      case 2: {
        const size_t from = below(text.size()), n = below(200);
        text.insert(below(text.size()), text.substr(from, n));
        break;
      }
      case 3:
        text.erase(below(text.size()), below(200));
        break;
      default: {
        std::istringstream lines(whole);
        text.clear();
        const size_t chosen = below(5);
        std::string line;
        for (size_t l = 0; std::getline(lines, line); ++l) {
          json value = json::parse(line);
          if (l == chosen) {
            std::vector<json*> places;
            collect(value, places);
            *places[below(places.size())] = odd[below(std::size(odd))];
          }
          text += json_text(value) + "\n";
        }
      }
    }
    const auto parsed = read(text, "e");
    if (!parsed.ok()) {
      ++n_refused;
      EXPECT_FALSE(parsed.error().message().empty());
      continue;
    }
    ++n_read;
    ASSERT_LE(parsed->n_bytes, text.size());
    std::set<std::tuple<std::string, std::string, uint64_t>> runs;
    for (const Event& one : parsed->events) {
      ASSERT_GE(one.start_ns, 0);
      ASSERT_GE(one.latency_s(), 0);
      ASSERT_TRUE(one.warmup || runs.emplace(one.strategy, one.task, one.seed).second);
      const auto again = event_from_json(to_json(one));
      ASSERT_TRUE(again.ok()) << again.error().message();
    }
  }
  EXPECT_GT(n_read, 1000);
  EXPECT_GT(n_refused, 1000);
}

}  // namespace
}  // namespace whet::results
