#include "kv/block_ledger.h"

#include <gtest/gtest.h>

#include <set>

#include "base/rng.h"

namespace whet {
namespace {

/// What the ledger should say, the obvious way.
struct Model {
  std::vector<int> holders;
  std::vector<bool> kept;
  explicit Model(size_t n) : holders(n), kept(n) {}
  bool free(size_t i) const { return holders[i] == 0 && !kept[i]; }
};

TEST(BlockLedger, AgreesWithAModelOnRandomTraces) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const CounterRng rng(seed, 1);
    const auto n = static_cast<int64_t>(1 + rng.bits(1000000) % 40);
    BlockLedger ledger(n);
    Model model(static_cast<size_t>(n));
    for (uint64_t step = 0; step < 3000; ++step) {
      const uint64_t bits = rng.bits(step);
      const auto block = static_cast<int64_t>(bits / 64 % static_cast<uint64_t>(n));
      const auto b = static_cast<size_t>(block);
      switch (bits % 5) {
        case 0: {
          const auto taken = ledger.take(block);
          bool any_free = false;
          for (size_t i = 0; i < model.holders.size(); ++i) any_free |= model.free(i);
          ASSERT_EQ(taken.has_value(), any_free);
          if (!taken) break;
          ASSERT_TRUE(model.free(static_cast<size_t>(*taken)));
          if (block + 1 < n && model.free(b + 1) && !model.free(b)) {
            ASSERT_EQ(*taken, block + 1);
          }
          model.holders[static_cast<size_t>(*taken)] = 1;
          break;
        }
        case 1:
          if (model.free(b)) break;
          ledger.hold(block);
          ++model.holders[b];
          break;
        case 2:
          if (model.holders[b] == 0) break;
          --model.holders[b];
          ASSERT_EQ(ledger.release(block), model.free(b));
          break;
        case 3:
          if (model.holders[b] == 0 || model.kept[b]) break;
          ledger.keep(block);
          model.kept[b] = true;
          break;
        default:
          if (!model.kept[b]) break;
          model.kept[b] = false;
          ASSERT_EQ(ledger.drop(block), model.free(b));
      }
      int64_t n_held = 0, n_kept = 0;
      for (size_t i = 0; i < model.holders.size(); ++i) {
        ASSERT_EQ(ledger.n_holders(static_cast<int64_t>(i)), model.holders[i]);
        ASSERT_EQ(ledger.shared(static_cast<int64_t>(i)),
                  model.holders[i] + (model.kept[i] ? 1 : 0) > 1);
        n_held += model.holders[i] > 0 ? 1 : 0;
        n_kept += model.holders[i] == 0 && model.kept[i] ? 1 : 0;
      }
      ASSERT_EQ(ledger.n_held(), n_held);
      ASSERT_EQ(ledger.n_kept(), n_kept);
      ASSERT_EQ(ledger.n_free(), n - n_held - n_kept);
    }
  }
}

TEST(BlockLedger, GrowingSequencesGetAdjacentBlocks) {
  BlockLedger ledger(64);
  std::vector<int64_t> last;
  for (int i = 0; i < 4; ++i) last.push_back(ledger.take().value());
  for (int round = 0; round < 7; ++round) {
    for (int64_t& block : last) {
      const int64_t next = ledger.take(block).value();
      EXPECT_EQ(next, block + 1);
      block = next;
    }
  }
}

}  // namespace
}  // namespace whet
