#include "engine/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace whet {
namespace {

using Phase = SequenceState::Phase;

RequestShape shape(RequestId id, int64_t n_prompt, int64_t n_sequences, int64_t n_new) {
  return {.id = id, .n_prompt = n_prompt, .n_sequences = n_sequences, .n_new = n_new};
}

void start(Scheduler& s, const RequestShape& shape, std::vector<SequenceId> ids, int64_t n_cached) {
  s.start(shape, ids, std::vector<int64_t>(ids.size(), shape.n_prompt), n_cached);
}

/// All that was planned succeeds and nothing ends.
void finish_step(Scheduler& s) {
  const StepPlan plan = s.plan();
  std::vector<SegmentOutcome> outcomes;
  for (const Segment& segment : plan.segments) {
    outcomes.push_back({segment.n_tokens, std::vector<bool>(segment.samplers.size(), false)});
  }
  s.apply(plan, outcomes);
}

TEST(Scheduler, CountsASharedPromptOnceAndWholeBlocks) {
  EXPECT_EQ(Scheduler::positions_needed(shape(1, 1, 1, 0)), 128);
  EXPECT_EQ(Scheduler::positions_needed(shape(1, 100, 1, 28)), 128);
  EXPECT_EQ(Scheduler::positions_needed(shape(1, 100, 1, 29)), 256);
  EXPECT_EQ(Scheduler::positions_needed(shape(1, 1024, 16, 256)), 1280 + 15 * (256 + 128));
}

TEST(Scheduler, KnowsWhatCanNeverRun) {
  Scheduler s({.n_sequences = 4, .n_positions = 1280});
  EXPECT_TRUE(s.can_ever_run(shape(1, 1024, 1, 256)));
  EXPECT_FALSE(s.can_ever_run(shape(1, 1024, 1, 257)));
  EXPECT_FALSE(s.can_ever_run(shape(1, 1, 5, 1)));
}

TEST(Scheduler, AdmitsInOrderOfArrivalAndOnlyWhatFits) {
  Scheduler s({.n_positions = 512});
  s.submit(shape(1, 200, 1, 50));   // 256
  s.submit(shape(2, 300, 1, 100));  // 512
  s.submit(shape(3, 1, 1, 1));      // would fit, but came later
  auto admitted = s.admit();
  ASSERT_EQ(admitted.size(), 1u);
  EXPECT_EQ(admitted[0].id, 1);
  EXPECT_EQ(s.n_reserved(), 256);
  EXPECT_TRUE(s.admit().empty());
  s.end_request(1);
  admitted = s.admit();
  ASSERT_EQ(admitted.size(), 1u);
  EXPECT_EQ(admitted[0].id, 2);
  s.end_request(2);
  EXPECT_EQ(s.admit().size(), 1u);
  s.end_request(3);
  EXPECT_TRUE(s.idle());
  EXPECT_EQ(s.n_reserved(), 0);
}

TEST(Scheduler, PromptsAreReadInChunksThatLeaveRoomForStreams) {
  Scheduler s({.n_rows = 512, .n_prompt_rows_beside_decode = 32});
  for (RequestId id : {1, 2}) s.submit(shape(id, 1000, 1, 10));
  ASSERT_EQ(s.admit().size(), 2u);
  const SequenceId first = 1, second = 2;
  start(s, shape(1, 1000, 1, 10), {first}, 600);
  StepPlan plan = s.plan();
  ASSERT_EQ(plan.segments.size(), 1u);
  EXPECT_EQ(plan.segments[0].first, 600);
  EXPECT_EQ(plan.segments[0].n_tokens, 400);
  ASSERT_EQ(plan.segments[0].samplers, std::vector<SequenceId>{1});
  const SegmentOutcome read{400, {false}};
  s.apply(plan, {&read, 1});

  start(s, shape(2, 1000, 1, 10), {second}, 0);
  plan = s.plan();
  ASSERT_EQ(plan.segments.size(), 2u);
  EXPECT_EQ(plan.segments[0].sequence, first);
  EXPECT_EQ(plan.segments[0].n_tokens, 1);
  EXPECT_EQ(plan.segments[1].n_tokens, 32);
  EXPECT_TRUE(plan.segments[1].samplers.empty());
}

// What memory allows is not known before completions end, so several may begin that cannot all go
// on to the end.
TEST(Scheduler, TheYoungestGivesWayAndComesBack) {
  Scheduler s({.n_positions = 1024, .n_ahead = 128});
  for (RequestId id : {1, 2}) s.submit(shape(id, 100, 2, 300));  // 256 and 256 at first
  ASSERT_EQ(s.admit().size(), 2u);
  EXPECT_EQ(s.n_reserved(), 2 * (256 + 256));
  start(s, shape(1, 100, 2, 300), {1, 2}, 0);
  start(s, shape(2, 100, 2, 300), {3, 4}, 0);
  while (s.sequences()[0].n_cached < 100 + 128) {
    ASSERT_TRUE(s.make_room().empty());
    finish_step(s);
  }
  EXPECT_EQ(s.make_room(), std::vector<RequestId>{2});
  ASSERT_EQ(s.sequences().size(), 2u);
  EXPECT_EQ(s.n_reserved(), 384 + 384 + 128);
  EXPECT_TRUE(s.admit().empty());
  s.end_request(1);
  ASSERT_EQ(s.admit().size(), 1u);
  // Both know their prompt and 129 tokens; the prompt is read once.
  s.start(shape(2, 100, 2, 300), std::vector<SequenceId>{3, 4}, std::vector<int64_t>{229, 229}, 40);
  StepPlan plan = s.plan();
  ASSERT_EQ(plan.segments.size(), 1u);
  EXPECT_EQ(plan.segments[0].first, 40);
  EXPECT_EQ(plan.segments[0].n_tokens, 60);
  EXPECT_TRUE(plan.segments[0].samplers.empty());
  EXPECT_EQ(plan.segments[0].followers, std::vector<SequenceId>{4});
  finish_step(s);
  plan = s.plan();
  ASSERT_EQ(plan.segments.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(plan.segments[i].first, 100);
    EXPECT_EQ(plan.segments[i].n_tokens, 129);
    EXPECT_EQ(plan.segments[i].samplers, std::vector<SequenceId>{static_cast<SequenceId>(3 + i)});
  }
}

// Random traces of arrivals, chunk sizes, branch widths, proposals, shortages, ends and cancels.
TEST(Scheduler, KeepsItsPromisesOnRandomTraces) {
  int n_gave_way = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    std::mt19937_64 random(seed);
    const auto below = [&](int64_t n) {
      return static_cast<int64_t>(random() % static_cast<uint64_t>(n));
    };
    const SchedulerLimits limits{.n_rows = 1 + below(64),
                                 .n_prompt_rows_beside_decode = 1 + below(16),
                                 .n_logits_rows = 1 + below(16),
                                 .n_sequences = 8,
                                 .n_positions = 2048,
                                 .n_ahead = 1 + below(200)};
    const int64_t most_new = seed % 2 == 0 ? 30 : 300;
    Scheduler s(limits);
    struct Life {
      RequestShape shape;
      std::vector<SequenceId> ids;
      std::map<SequenceId, int64_t> n_sampled;
      std::set<SequenceId> ended;
    };
    std::map<RequestId, Life> lives;
    std::map<SequenceId, RequestId> request_of;
    std::map<SequenceId, int64_t> n_cached;  // our own account
    std::vector<RequestId> first_admitted;
    RequestId next_request = 1;
    SequenceId next_sequence = 1;
    int n_to_come = 12, n_steps = 0;
    while (n_to_come > 0 || !s.idle()) {
      ASSERT_LT(++n_steps, 20000) << "seed " << seed;
      if (n_to_come > 0 && below(3) == 0) {
        RequestShape r = shape(next_request, 1 + below(200), 1 + below(4), below(most_new));
        r.all_logits = below(4) == 0;
        if (s.can_ever_run(r)) {
          s.submit(r);
          lives[r.id].shape = r;
          ++next_request;
        }
        --n_to_come;
      }
      for (const RequestShape& r : s.admit()) {
        Life& life = lives.at(r.id);
        if (life.ids.empty()) {
          first_admitted.push_back(r.id);
          for (int64_t i = 0; i < r.n_sequences; ++i) {
            request_of[next_sequence] = r.id;
            life.ids.push_back(next_sequence++);
          }
        }
        std::vector<SequenceId> ids;
        std::vector<int64_t> n_known;
        for (SequenceId id : life.ids) {
          if (life.ended.contains(id)) continue;
          ids.push_back(id);
          n_known.push_back(r.n_prompt + life.n_sampled[id]);
        }
        const int64_t readable = ids.size() > 1 ? r.n_prompt : n_known[0];
        const int64_t cached = r.all_logits ? 0 : below(readable);
        s.start(r, ids, n_known, cached);
        n_cached[ids[0]] = cached;
      }
      ASSERT_LE(s.n_reserved(), limits.n_positions);
      for (const SequenceState& state : s.sequences()) {
        if (state.phase == Phase::kDecode && below(3) == 0) s.propose(state.id, below(4));
      }
      const RequestId oldest = s.sequences().empty() ? 0 : s.sequences().front().request;
      for (RequestId id : s.make_room()) {
        ++n_gave_way;
        ASSERT_NE(id, oldest);
        for (SequenceId sequence : lives.at(id).ids) n_cached.erase(sequence);
      }
      ASSERT_LE(s.n_reserved(), limits.n_positions);
      const StepPlan plan = s.plan();
      const StepPlan again = s.plan();
      ASSERT_EQ(plan.segments.size(), again.segments.size());

      std::map<SequenceId, Phase> phases;
      for (const SequenceState& state : s.sequences()) phases[state.id] = state.phase;
      int64_t n_prompt_rows = 0, n_decoding = 0;
      std::set<SequenceId> seen;
      std::vector<SegmentOutcome> outcomes;
      for (const Segment& segment : plan.segments) {
        ASSERT_TRUE(seen.insert(segment.sequence).second);
        ASSERT_EQ(segment.first, n_cached.at(segment.sequence));  // nothing twice, nothing skipped
        Life& life = lives.at(request_of.at(segment.sequence));
        const bool decodes = phases.at(segment.sequence) == Phase::kDecode;
        if (!decodes) n_prompt_rows += segment.n_tokens;
        n_decoding += decodes;
        SegmentOutcome outcome{segment.n_tokens, {}};
        if (segment.n_draft > 0) outcome.n_valid = 1 + below(segment.n_tokens);
        n_cached[segment.sequence] = segment.first + outcome.n_valid;
        for (SequenceId follower : segment.followers) {
          ASSERT_EQ(segment.first + segment.n_tokens, life.shape.n_prompt);
          n_cached[follower] = life.shape.n_prompt;
        }
        for (SequenceId sampler : segment.samplers) {
          int64_t& n = life.n_sampled[sampler];
          // Behind all that it knows.
          ASSERT_EQ(segment.first + segment.n_tokens - segment.n_draft, life.shape.n_prompt + n);
          n += outcome.n_valid - segment.n_tokens + segment.n_draft + 1;
          const bool done = n >= life.shape.n_new || below(40) == 0;
          outcome.sampler_done.push_back(done);
          if (done) life.ended.insert(sampler);
        }
        outcomes.push_back(outcome);
      }
      ASSERT_LE(n_prompt_rows, n_decoding > 0 ? limits.n_prompt_rows_beside_decode : limits.n_rows);
      ASSERT_EQ(n_prompt_rows, plan.n_prompt_rows);
      int64_t n_used = 0;  // blocks, as the arena would have taken them
      std::map<RequestId, std::pair<int64_t, int64_t>> furthest;  // beyond the prompt, sequences
      for (const SequenceState& state : s.sequences()) {
        if (state.phase == Phase::kDecode) {
          ASSERT_TRUE(seen.contains(state.id)) << "a stream was left out";
        }
        auto& [beyond, n] = furthest[state.request];
        beyond = std::max(beyond, n_cached[state.id] - state.n_prompt);
        ++n;
      }
      for (const auto& [id, use] : furthest) {
        RequestShape used = lives.at(id).shape;
        used.n_new = std::min(std::max<int64_t>(use.first, 0), used.n_new);
        used.n_sequences = use.second;
        n_used += Scheduler::positions_needed(used);
      }
      ASSERT_LE(n_used, s.n_reserved());
      ASSERT_TRUE(!plan.segments.empty() || s.sequences().empty());
      s.apply(plan, outcomes);
      if (below(50) == 0) {
        const RequestId cancelled = 1 + below(next_request);
        s.end_request(cancelled);
        lives.erase(cancelled);
      }
      for (auto it = lives.begin(); it != lives.end();) {
        const bool over =
            !it->second.ids.empty() && it->second.ended.size() == it->second.ids.size();
        if (over) s.end_request(it->first);
        it = over ? lives.erase(it) : std::next(it);
      }
    }
    EXPECT_EQ(s.n_reserved(), 0);
    EXPECT_TRUE(std::ranges::is_sorted(first_admitted));
  }
  EXPECT_GT(n_gave_way, 20);
}

}  // namespace
}  // namespace whet
