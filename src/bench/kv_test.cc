#include <gtest/gtest.h>

#include "bench/kv_mix.h"
#include "bench/kv_speed.h"

namespace whet {
namespace {

TEST(KvMix, SharedBeginningsAreCommittedOnceAndChatsComputeOnlyTheirNewTokens) {
  const KvShape shape = KvShape::uniform(2, 1, 64, 1);
  const auto mixes = measure_kv_mixes(shape, nullptr).value();
  ASSERT_EQ(mixes.size(), 4u);
  for (const KvMixResult& mix : mixes) {
    SCOPED_TRACE(mix.name);
    EXPECT_LE(mix.needed_bytes, mix.paged_bytes);
    EXPECT_LE(mix.needed_bytes, mix.naive_bytes);
    EXPECT_LE(mix.naive_bytes, mix.static_bytes);
    EXPECT_GE(mix.committed_bytes, mix.needed_bytes);
    // Whole pages, and partial blocks of the prefixes that are kept.
    const auto n_partial = static_cast<uint64_t>(mix.n_sequences + 32);
    EXPECT_LE(mix.committed_bytes,
              mix.needed_bytes + mix.kept_bytes + n_partial * 128 * shape.bytes_per_position());
  }
  const KvMixResult& samples = mixes[0];
  EXPECT_EQ(samples.n_sequences, 16);
  EXPECT_EQ(samples.naive_bytes, 16 * 1280 * shape.bytes_per_position());
  EXPECT_LE(samples.committed_bytes * 100, samples.naive_bytes * 26);
  EXPECT_EQ(mixes[1].n_computed, 20 * 60);
  EXPECT_LT(mixes[2].n_computed, mixes[2].n_prompt - 24 * 640);
}

TEST(KvMix, StopsWhenCancelled) {
  CancelFlag cancel;
  cancel.cancel();
  const auto stopped = measure_kv_mixes(KvShape::uniform(1, 1, 32, 1), &cancel);
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().code(), ErrorCode::kCancelled);
}

TEST(KvSpeed, DecodesTheSameBitsOnEveryCache) {
  const auto loaded = load_model(std::string(WHET_SOURCE_DIR) + "/tests/golden/tied.gguf");
  ASSERT_TRUE(loaded.ok());
  ThreadPool pool(2);
  for (DType type : {DType::F16, DType::F32}) {
    const auto speed = measure_kv_decode(loaded->model, type, 2, pool, nullptr);
    ASSERT_TRUE(speed.ok()) << speed.error().message();
    for (const KvCacheTimes* times : {&speed->model, &speed->attention}) {
      EXPECT_EQ(times->contiguous.size(), 2u);
      EXPECT_EQ(times->blocks.size(), 2u);
      EXPECT_EQ(times->aliased.size(), 2u);
    }
  }
  const auto forks = measure_kv_forks(KvShape::uniform(2, 1, 64, 1), 3, nullptr);
  ASSERT_TRUE(forks.ok());
  EXPECT_EQ(forks->branch_us.size(), 3u);
}

}  // namespace
}  // namespace whet
