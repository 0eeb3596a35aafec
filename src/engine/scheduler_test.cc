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
  s.start(shape(1, 1000, 1, 10), {&first, 1}, 600);
  StepPlan plan = s.plan();
  ASSERT_EQ(plan.segments.size(), 1u);
  EXPECT_EQ(plan.segments[0].first, 600);
  EXPECT_EQ(plan.segments[0].n_tokens, 400);
  ASSERT_EQ(plan.segments[0].samplers, std::vector<SequenceId>{1});
  const SegmentOutcome read{400, {false}};
  s.apply(plan, {&read, 1});

  s.start(shape(2, 1000, 1, 10), {&second, 1}, 0);
  plan = s.plan();
  ASSERT_EQ(plan.segments.size(), 2u);
  EXPECT_EQ(plan.segments[0].sequence, first);
  EXPECT_EQ(plan.segments[0].n_tokens, 1);
  EXPECT_EQ(plan.segments[1].n_tokens, 32);
  EXPECT_TRUE(plan.segments[1].samplers.empty());
}

// Random traces of arrivals, chunk sizes, branch widths, proposals, ends and cancels.
TEST(Scheduler, KeepsItsPromisesOnRandomTraces) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    std::mt19937_64 random(seed);
    const auto below = [&](int64_t n) {
      return static_cast<int64_t>(random() % static_cast<uint64_t>(n));
    };
    const SchedulerLimits limits{.n_rows = 1 + below(64),
                                 .n_prompt_rows_beside_decode = 1 + below(16),
                                 .n_logits_rows = 1 + below(16),
                                 .n_sequences = 8,
                                 .n_positions = 2048};
    Scheduler s(limits);
    struct Life {
      RequestShape shape;
      std::vector<SequenceId> ids;
      std::map<SequenceId, int64_t> n_sampled;
    };
    std::map<RequestId, Life> lives;
    std::map<SequenceId, int64_t> n_cached;  // our own account
    std::vector<RequestId> arrived, admitted_order;
    RequestId next_request = 1;
    SequenceId next_sequence = 1;
    int n_to_come = 12, n_steps = 0;
    while (n_to_come > 0 || !s.idle()) {
      ASSERT_LT(++n_steps, 20000) << "seed " << seed;
      if (n_to_come > 0 && below(3) == 0) {
        RequestShape r = shape(next_request, 1 + below(200), 1 + below(4), below(30));
        r.all_logits = below(4) == 0;
        if (s.can_ever_run(r)) {
          s.submit(r);
          lives[r.id].shape = r;
          arrived.push_back(r.id);
          ++next_request;
        }
        --n_to_come;
      }
      for (const RequestShape& r : s.admit()) {
        admitted_order.push_back(r.id);
        Life& life = lives.at(r.id);
        for (int64_t i = 0; i < r.n_sequences; ++i) life.ids.push_back(next_sequence++);
        const int64_t cached = r.all_logits ? 0 : below(r.n_prompt);
        s.start(r, life.ids, cached);
        n_cached[life.ids[0]] = cached;
      }
      ASSERT_LE(s.n_reserved(), limits.n_positions);
      for (const SequenceState& state : s.sequences()) {
        if (state.phase == Phase::kDecode && below(3) == 0) s.propose(state.id, below(4));
      }
      const StepPlan plan = s.plan();
      const StepPlan again = s.plan();
      ASSERT_EQ(plan.segments.size(), again.segments.size());

      int64_t n_prompt_rows = 0, n_decoding = 0;
      std::set<SequenceId> seen;
      std::vector<SegmentOutcome> outcomes;
      for (const Segment& segment : plan.segments) {
        ASSERT_TRUE(seen.insert(segment.sequence).second);
        ASSERT_EQ(segment.first, n_cached.at(segment.sequence));  // nothing twice, nothing skipped
        auto life = std::ranges::find_if(lives, [&](const auto& l) {
          return std::ranges::find(l.second.ids, segment.sequence) != l.second.ids.end();
        });
        ASSERT_NE(life, lives.end());
        const bool decodes = segment.first >= life->second.shape.n_prompt;
        if (!decodes) n_prompt_rows += segment.n_tokens;
        n_decoding += decodes;
        SegmentOutcome outcome{segment.n_tokens, {}};
        if (segment.n_draft > 0) outcome.n_valid = 1 + below(segment.n_tokens);
        n_cached[segment.sequence] = segment.first + outcome.n_valid;
        for (SequenceId sampler : segment.samplers) {
          int64_t& n = life->second.n_sampled[sampler];
          n += outcome.n_valid - segment.n_tokens + segment.n_draft + 1;
          n_cached[sampler] = segment.first + outcome.n_valid;
          outcome.sampler_done.push_back(n >= life->second.shape.n_new || below(40) == 0);
        }
        outcomes.push_back(outcome);
      }
      ASSERT_LE(n_prompt_rows, n_decoding > 0 ? limits.n_prompt_rows_beside_decode : limits.n_rows);
      for (const SequenceState& state : s.sequences()) {
        if (state.phase == Phase::kDecode) {
          ASSERT_TRUE(seen.contains(state.id)) << "a stream was left out";
        }
      }
      ASSERT_TRUE(!plan.segments.empty() || s.sequences().empty());
      s.apply(plan, outcomes);
      if (below(50) == 0 && !lives.empty()) s.end_request(1 + below(next_request));
      for (const auto& [id, life] : lives) {
        if (life.ids.empty()) continue;
        const bool alive = std::ranges::any_of(
            s.sequences(), [&](const SequenceState& state) { return state.request == id; });
        if (!alive) s.end_request(id);
      }
    }
    EXPECT_EQ(s.n_reserved(), 0);
    EXPECT_TRUE(std::ranges::is_sorted(admitted_order));
  }
}

}  // namespace
}  // namespace whet
