#include "kv/kv_sequence.h"

#include <gtest/gtest.h>

#include "sys/machine.h"

namespace whet {
namespace {

uint16_t* words(std::byte* stream) {
  return reinterpret_cast<uint16_t*>(stream);
}

void fill(KvSequence& kv, int64_t from, int64_t to, uint16_t salt) {
  const KvShape& s = kv.shape();
  for (int64_t l = 0; l < s.n_layers; ++l) {
    for (int64_t h = 0; h < s.n_kv_heads; ++h) {
      for (int64_t i = from * s.head_dim; i < to * s.head_dim; ++i) {
        words(kv.keys(l, h))[i] = static_cast<uint16_t>(i + l * 7 + h * 3 + salt);
        words(kv.values(l, h))[i] = static_cast<uint16_t>(i + l * 11 + h * 5 + salt + 1);
      }
    }
  }
  kv.extend(to - from);
}

TEST(KvSequence, StreamsDoNotOverlap) {
  KvSequence kv = std::move(KvSequence::create({3, 2, 8, 100})).value();
  fill(kv, 0, 100, 0);
  for (int64_t l = 0; l < 3; ++l) {
    for (int64_t h = 0; h < 2; ++h) {
      for (int64_t i = 0; i < 800; ++i) {
        ASSERT_EQ(words(kv.keys(l, h))[i], static_cast<uint16_t>(i + l * 7 + h * 3));
        ASSERT_EQ(words(kv.values(l, h))[i], static_cast<uint16_t>(i + l * 11 + h * 5 + 1));
      }
    }
  }
}

TEST(KvSequence, TypesTakeTheirBytesAndQ8NeedsWholeGroups) {
  const auto bytes = [](DType type) { return KvShape{2, 3, 64, 16, type}.bytes_per_position(); };
  EXPECT_EQ(bytes(DType::F16), 2u * 2 * 3 * 128);
  EXPECT_EQ(bytes(DType::F32), 2u * 2 * 3 * 256);
  EXPECT_EQ(bytes(DType::Q8_0), 2u * 2 * 3 * 68);
  EXPECT_TRUE(KvSequence::create({1, 1, 64, 16, DType::Q8_0}).ok());
  const auto refused = KvSequence::create({1, 1, 40, 16, DType::Q8_0});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("heads of 40"), std::string::npos);
}

TEST(KvSequence, CopyPrefixIsIndependentOfItsSource) {
  KvSequence a = std::move(KvSequence::create({2, 1, 8, 64})).value();
  KvSequence b = std::move(KvSequence::create({2, 1, 8, 64})).value();
  fill(a, 0, 20, 0);
  b.copy_prefix(a, 10);
  EXPECT_EQ(b.size(), 10);
  EXPECT_EQ(words(b.keys(1, 0))[79], words(a.keys(1, 0))[79]);
  words(b.keys(1, 0))[79] = 9999;
  EXPECT_NE(words(a.keys(1, 0))[79], 9999);
}

TEST(KvSequence, HugeContextCostsNothingUntilUsedAndTruncateGivesBack) {
  uint64_t before = current_rss_bytes().value();
  KvSequence kv = std::move(KvSequence::create({16, 4, 64, 1 << 17})).value();
  EXPECT_LT(current_rss_bytes().value(), before + (4u << 20));
  EXPECT_EQ(kv.committed_bytes(), 0u);
  fill(kv, 0, 2048, 0);
  EXPECT_EQ(kv.committed_bytes(), 2048 * kv.shape().bytes_per_position());
  EXPECT_GT(current_rss_bytes().value(), before + kv.committed_bytes() * 9 / 10);
  kv.truncate(32);
  EXPECT_LT(current_rss_bytes().value(), before + (8u << 20));
  EXPECT_EQ(words(kv.keys(0, 0))[31 * 64], static_cast<uint16_t>(31 * 64));
}

}  // namespace
}  // namespace whet
