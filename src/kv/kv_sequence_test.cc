#include "kv/kv_sequence.h"

#include <gtest/gtest.h>

#include <cstring>

#include "kv/kv_for_test.h"
#include "sys/machine.h"

namespace whet {
namespace {

TEST(KvSequence, TypesTakeTheirBytesAndQ8NeedsWholeGroups) {
  const auto bytes = [](DType type) {
    return KvShape::uniform(2, 3, 64, 16, type).bytes_per_position();
  };
  EXPECT_EQ(bytes(DType::F16), 2u * 2 * 3 * 128);
  EXPECT_EQ(bytes(DType::F32), 2u * 2 * 3 * 256);
  EXPECT_EQ(bytes(DType::Q8_0), 2u * 2 * 3 * 68);
  EXPECT_EQ((KvShape{{{2, 64, 32}, {1, 16, 128}}, 16}).bytes_per_position(), 2u * 192 + 288);
  EXPECT_TRUE(KvSequence::create(KvShape::uniform(1, 1, 64, 16, DType::Q8_0)).ok());
  const auto refused = KvSequence::create(KvShape::uniform(1, 1, 40, 16, DType::Q8_0));
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("heads of 40"), std::string::npos);
  EXPECT_FALSE(KvSequence::create(KvShape::uniform(1, 1, 64, int64_t{1} << 60)).ok());
}

TEST(KvSequence, CopyPrefixIsIndependentOfItsSource) {
  for (DType type : kKvTypes) {
    const KvShape shape = {{{2, 64, 32}, {1, 32, 96}}, 400, type};
    KvSequence a = KvSequence::create(shape).value(), b = KvSequence::create(shape).value();
    TestKeysAndValues rows(shape);
    rows.write(a, 300, 1);
    b.copy_prefix(a, 290);
    EXPECT_EQ(b.size(), 290);
    EXPECT_EQ(rows.bytes(b), rows.bytes(a, 290));
    const auto before = rows.bytes(a);
    rows.write(b, 30, 2);
    EXPECT_EQ(rows.bytes(a), before);
    EXPECT_NE(rows.bytes(b, 300), before);
  }
}

TEST(KvSequence, HugeContextCostsNothingUntilUsed) {
  const uint64_t before = current_rss_bytes().value();
  const KvShape shape = KvShape::uniform(16, 4, 64, 1 << 17);
  KvSequence kv = KvSequence::create(shape).value();
  EXPECT_LT(current_rss_bytes().value(), before + (4u << 20));
  TestKeysAndValues(shape).write(kv, 2048, 1);
  EXPECT_EQ(kv.used_bytes(), 2048 * shape.bytes_per_position());
  EXPECT_GT(current_rss_bytes().value(), before + kv.used_bytes() * 9 / 10);
  kv.rewind(32);
  EXPECT_EQ(kv.used_bytes(), 32 * shape.bytes_per_position());
}

}  // namespace
}  // namespace whet
