// States that are one for all positions: kept, shared, gone back to.
#include "kv/recurrent_state.h"

#include <gtest/gtest.h>

#include "kv/kv_arena.h"
#include "kv/prefix_index.h"

namespace whet {
namespace {

constexpr int64_t kSizes[] = {3, 0, 2};

/// A step of n tokens, in which every number of the states becomes the position behind it.
void advance(RecurrentState& states, int64_t position, int64_t n, bool each) {
  states.begin(n, each);
  for (int64_t p = position + 1; p <= position + n; ++p) {
    for (const int64_t layer : {0, 2}) {
      for (int64_t i = 0; i < kSizes[layer]; ++i) {
        states.current(layer)[i] = static_cast<float>(p);
        if (float* copy = states.copy_at(layer, p)) copy[i] = static_cast<float>(p);
      }
    }
  }
  states.end(n);
}

std::vector<float> all(int64_t position) {
  return std::vector<float>(5, static_cast<float>(position));
}

TEST(RecurrentState, IsKnownAtTheEndTheBeginningAndWhereItWasKept) {
  RecurrentState states(kSizes);
  EXPECT_EQ(states.bytes(), 20u);
  advance(states, 0, 300, false);
  EXPECT_EQ(states.known(), (std::vector<int64_t>{128, 256, 300}));
  EXPECT_TRUE(states.knows(0));
  EXPECT_FALSE(states.knows(299));
  for (const int64_t p : {128, 256, 300}) EXPECT_EQ(*states.at(p), all(p)) << p;
  EXPECT_EQ(states.at(0), nullptr);
}

TEST(RecurrentState, GoesBackToAnyTokenOfARevocableStepAndOnFromThere) {
  RecurrentState states(kSizes);
  advance(states, 0, 10, false);
  advance(states, 10, 5, true);
  EXPECT_EQ(states.known(), (std::vector<int64_t>{11, 12, 13, 14, 15}));
  const StateValues thirteen = states.at(13);
  states.go_back(13);
  EXPECT_FALSE(states.knows(14));
  advance(states, 13, 1, false);
  EXPECT_EQ(*states.at(14), all(14));
  EXPECT_EQ(*thirteen, all(13)) << "written although somebody else has it";
  states.go_back(0);
  states.begin(1, false);
  EXPECT_EQ(states.current(0)[0], 0.0f);
}

TEST(RecurrentState, KeepsWhereItBeganAndNoMoreThanAFewBlocks) {
  RecurrentState first(kSizes), second(kSizes);
  advance(first, 0, 20, false);
  second.start(20, first.at(20));
  advance(second, 20, 1, false);
  advance(first, 20, 2, false);
  EXPECT_EQ(*second.at(20), all(20));
  EXPECT_EQ(*second.at(21), all(21));
  for (int64_t p = 21; p < 4000; p += 64) advance(second, p, 64, false);
  EXPECT_LE(second.known().size(), 11u);
}

KvShape shape() {
  KvShape shape = KvShape::uniform(3, 1, 32, 1024);
  shape.layers[2].n_heads = 0;
  shape.state_sizes = {3, 0, 2};
  return shape;
}

void write(KvSequence& kv, int64_t n, bool each = false) {
  ASSERT_TRUE(kv.prepare(n).ok());
  kv.begin_step(n, each);
  for (int64_t p = kv.size() + 1; p <= kv.size() + n; ++p) {
    for (const int64_t layer : {0, 2}) {
      kv.state().current(layer)[0] = static_cast<float>(p);
      if (float* copy = kv.state().copy_at(layer, p)) copy[0] = static_cast<float>(p);
    }
  }
  kv.extend(n);
}

std::vector<int32_t> text(int64_t n, int32_t first = 0) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < n; ++i) ids.push_back(first + static_cast<int32_t>(i));
  return ids;
}

TEST(PrefixIndex, GoesOnOnlyWhereLayersWithAStateKnowIt) {
  const auto arena = KvArena::create(shape(), 64 << 20).value();
  PrefixIndex index(*arena, 1000);
  {
    KvSequence kv = index.open("", text(300)).value();
    EXPECT_EQ(kv.size(), 0);
    write(kv, 300);  // a prompt: known at 128 and 256
    for (int i = 0; i < 10; ++i) write(kv, 1);
    index.insert("", text(310), kv);
  }
  EXPECT_EQ(index.stats().n_states, 3);
  EXPECT_EQ(index.find("", text(500)), 310);
  EXPECT_EQ(index.find("", text(305)), 256);
  EXPECT_EQ(index.find("", text(100)), 0);
  KvSequence next = index.open("", text(500)).value();
  ASSERT_EQ(next.size(), 310);
  EXPECT_EQ((*next.state().at(310))[0], 310.0f);
  write(next, 190);
  KvSequence other = index.open("", text(290)).value();
  ASSERT_EQ(other.size(), 256);
  EXPECT_EQ((*other.state().at(256))[0], 256.0f);
  index.insert("", text(500), next);
  EXPECT_EQ(index.find("", text(310)), 310) << "lost as the text grew";
  KvSequence child = arena->branch(next, next.size()).value();
  write(child, 1);
  EXPECT_EQ((*next.state().at(500))[0], 500.0f);
}

TEST(PrefixIndex, KeepsNoMoreStatesThanMemoryAllows) {
  KvShape large = shape();
  large.state_sizes = {1 << 20, 0, 0};
  const auto arena = KvArena::create(large, 64 << 20).value();
  ASSERT_EQ(arena->max_states(), 4);
  PrefixIndex index(*arena, 1000);
  for (int32_t i = 0; i < 8; ++i) {
    const auto ids = text(20, 1000 * i);
    KvSequence kv = index.open("", ids).value();
    ASSERT_TRUE(kv.prepare(20).ok());
    kv.begin_step(20, false);
    kv.extend(20);
    index.insert("", ids, kv);
    EXPECT_LE(index.stats().n_states, 4);
    EXPECT_EQ(index.find("", ids), 20);
  }
  EXPECT_EQ(index.find("", text(20)), 0);
}

}  // namespace
}  // namespace whet
