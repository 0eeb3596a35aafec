#include "kv/prefix_index.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "base/rng.h"
#include "kv/kv_for_test.h"

namespace whet {
namespace {

namespace fs = std::filesystem;

const KvShape kShape = {{{1, 32, 32}, {1, 32, 64}}, 1000, DType::F16};
using Ids = std::vector<int32_t>;

std::unique_ptr<KvArena> arena_of(int64_t n_blocks) {
  const uint64_t block_bytes = KvLayout::in_blocks(kShape).value().block_bytes();
  return KvArena::create(kShape, static_cast<uint64_t>(n_blocks) * block_bytes).value();
}

/// A stand-in for a model: keys and values of a position follow from all ids up to it.
class Writer {
 public:
  /// Makes `kv`, which holds the beginning of `ids`, hold all of it.
  void compute(KvSequence& kv, const Ids& ids) const {
    uint64_t salt = 0;
    for (size_t i = 0; i < ids.size(); ++i) {
      salt = splitmix64(salt ^ static_cast<uint64_t>(ids[i]));
      if (static_cast<int64_t>(i) >= kv.size()) rows_.write(kv, 1, salt % 1000003);
    }
  }
  std::vector<std::byte> expected(const Ids& ids) const {
    KvSequence plain = KvSequence::create(kShape).value();
    compute(plain, ids);
    return rows_.bytes(plain);
  }
  std::vector<std::byte> bytes(const KvSequence& kv) const { return rows_.bytes(kv); }

 private:
  TestKeysAndValues rows_{kShape};
};

Ids text(uint64_t seed, int64_t n) {
  const CounterRng rng(seed, 3);
  Ids ids;
  for (int64_t i = 0; i < n; ++i) {
    ids.push_back(static_cast<int32_t>(rng.bits(static_cast<uint64_t>(i)) % 1000));
  }
  return ids;
}

int64_t common(const Ids& a, const Ids& b) {
  size_t n = 0;
  while (n < a.size() && n < b.size() && a[n] == b[n]) ++n;
  return static_cast<int64_t>(n);
}

TEST(PrefixIndex, RandomConversationsFindWhatWasKeptAndItIsRight) {
  const Writer writer;
  for (const int64_t n_blocks : {200, 14}) {
    auto arena = arena_of(n_blocks);
    PrefixIndex index(*arena, n_blocks / 2);
    const CounterRng rng(static_cast<uint64_t>(n_blocks), 4);
    std::vector<std::pair<std::string, Ids>> kept;
    int64_t n_found = 0;
    for (uint64_t step = 0; step < 60; ++step) {
      const uint64_t bits = rng.bits(step);
      const std::string scope = bits % 3 == 0 ? "a" : "b";
      // A new text, or one that leaves an earlier one somewhere and goes on.
      Ids ids;
      if (!kept.empty() && bits / 4 % 4 != 0) {
        ids = kept[bits / 16 % kept.size()].second;
        if (bits / 8192 % 2 == 0) ids.resize(bits / 65536 % (ids.size() + 1));
      }
      const Ids more = text(step, static_cast<int64_t>(bits / 1048576 % 150 + 1));
      ids.insert(ids.end(), more.begin(), more.end());
      ids.resize(std::min<size_t>(ids.size(), 900));

      int64_t best = 0;
      for (const auto& [other_scope, other] : kept) {
        if (other_scope == scope) best = std::max(best, common(other, ids));
      }
      const int64_t found = index.find(scope, ids);
      KvSequence kv = index.open(scope, ids).value();
      ASSERT_EQ(kv.size(), found);
      if (index.stats().n_evicted == 0) {
        ASSERT_EQ(found, best) << step;
      } else {
        ASSERT_LE(found, best);
      }
      n_found += found;
      writer.compute(kv, ids);
      ASSERT_EQ(writer.bytes(kv), writer.expected(ids)) << step;
      index.insert(scope, ids, kv);
      ASSERT_LE(index.stats().n_blocks, n_blocks / 2);
      ASSERT_EQ(writer.bytes(kv), writer.expected(ids));
      kept.emplace_back(scope, ids);
    }
    EXPECT_GT(n_found, 1000);
    EXPECT_EQ(index.stats().n_evicted > 0, n_blocks == 14);
    EXPECT_EQ(arena->free_blocks(), n_blocks);
  }
}

TEST(PrefixIndex, LeavesNothingBehind) {
  auto arena = arena_of(40);
  {
    PrefixIndex index(*arena, 40);
    KvSequence kv = arena->open().value();
    const Ids ids = text(1, 500);
    Writer().compute(kv, ids);
    index.insert("", ids, kv);
    EXPECT_EQ(arena->stats().n_kept, 0);
    EXPECT_EQ(arena->stats().n_held, 4);
  }
  EXPECT_EQ(arena->stats().committed_bytes, 0u);
  EXPECT_EQ(arena->free_blocks(), 40);
}

TEST(PrefixIndex, ARunningSequenceGoesOnAfterItWasKept) {
  const Writer writer;
  auto arena = arena_of(20);
  PrefixIndex index(*arena, 20);
  const Ids ids = text(1, 400);
  const Ids beginning(ids.begin(), ids.begin() + 300);
  KvSequence kv = arena->open().value();
  writer.compute(kv, beginning);
  index.insert("", beginning, kv);
  writer.compute(kv, ids);
  KvSequence other = index.open("", ids).value();
  EXPECT_EQ(other.size(), 300);
  EXPECT_EQ(writer.bytes(other), writer.expected(beginning));
  EXPECT_EQ(writer.bytes(kv), writer.expected(ids));
}

TEST(PrefixIndex, TheLeastRecentlyUsedGoFirst) {
  const Writer writer;
  auto arena = arena_of(20);
  PrefixIndex index(*arena, 4);
  const Ids a = text(1, 256), b = text(2, 256), c = text(3, 128);
  for (const Ids& ids : {a, b}) {
    KvSequence kv = arena->open().value();
    writer.compute(kv, ids);
    index.insert("", ids, kv);
  }
  EXPECT_EQ(index.open("", a).value().size(), 256);  // now b is older
  KvSequence kv = arena->open().value();
  writer.compute(kv, c);
  index.insert("", c, kv);
  EXPECT_EQ(index.find("", a), 256);
  EXPECT_EQ(index.find("", b), 128);  // its last block went
  EXPECT_EQ(index.find("", c), 128);
}

class PrefixFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "whet_prefix.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }

  PrefixFiles files(std::string_view fingerprint = "model", PrefixFileLimits limits = {}) const {
    return PrefixFiles::open(directory_ / "prefixes", fingerprint, kShape, limits).value();
  }
  /// Another process: computes a text, keeps and saves it.
  void run(const Ids& ids, std::string_view scope = "", PrefixFileLimits limits = {}) const {
    auto arena = arena_of(20);
    PrefixIndex index(*arena, 20);
    index.attach(files("model", limits));
    KvSequence kv = index.open(scope, ids).value();
    Writer().compute(kv, ids);
    index.insert(scope, ids, kv);
    ASSERT_TRUE(index.save(1000).ok());
  }
  /// What another process finds; `n_rejected` files were wrong.
  int64_t found(const Ids& ids, std::string_view scope = "", std::string_view fingerprint = "model",
                int64_t n_rejected = 0) const {
    auto arena = arena_of(20);
    PrefixIndex index(*arena, 20);
    index.attach(files(fingerprint));
    KvSequence kv = index.open(scope, ids).value();
    EXPECT_EQ(index.stats().n_rejected, n_rejected);
    const Ids prefix(ids.begin(), ids.begin() + kv.size());
    EXPECT_EQ(Writer().bytes(kv), Writer().expected(prefix));
    return kv.size();
  }
  std::set<fs::path> paths() const {
    std::set<fs::path> out;
    for (const auto& entry : fs::directory_iterator(directory_ / "prefixes")) out.insert(entry);
    return out;
  }

  fs::path directory_;
};

TEST_F(PrefixFilesTest, WholeBlocksOutliveTheProcess) {
  const Ids ids = text(1, 700);
  run(ids);
  EXPECT_EQ(paths().size(), 5u);
  EXPECT_EQ(found(ids), 640);
  EXPECT_EQ(found(text(2, 700)), 0);
  Ids other = ids;
  other[300] += 1;
  EXPECT_EQ(found(other), 256);
  EXPECT_EQ(found(ids, "another user"), 0);
  EXPECT_EQ(found(ids, "", "another model"), 0);
  EXPECT_EQ(fs::status(directory_ / "prefixes").permissions(), fs::perms::owner_all);
}

TEST_F(PrefixFilesTest, AnyChangedByteIsFoundAndTheFileRemoved) {
  const Ids ids = text(1, 128);
  run(ids);
  const fs::path path = *paths().begin();
  const auto bytes = fs::file_size(path);
  for (uintmax_t at : {uintmax_t{0}, uintmax_t{20}, uintmax_t{90}, bytes / 2, bytes - 1}) {
    run(ids);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char old = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(old ^ 1));
    file.close();
    EXPECT_EQ(found(ids, "", "model", 1), 0) << at;
    EXPECT_FALSE(fs::exists(path));
  }
  run(ids);
  fs::resize_file(path, bytes - 1);
  EXPECT_EQ(found(ids, "", "model", 1), 0);
}

TEST_F(PrefixFilesTest, SizeAndAgeAreBoundedAndOnlyOurFilesGo) {
  const Ids old_text = text(1, 512), new_text = text(2, 512);
  run(old_text);
  const uint64_t bytes = fs::file_size(*paths().begin());
  const fs::path foreign = directory_ / "prefixes" / "notes.kv";
  std::ofstream(foreign) << "mine";
  run(new_text, "", {.max_bytes = 6 * bytes});
  EXPECT_EQ(paths().size(), 7u);
  EXPECT_EQ(found(new_text), 512);
  EXPECT_EQ(found(old_text), 256);  // the last blocks went first
  run(new_text, "", {.max_bytes = 6 * bytes, .max_age_seconds = -1});
  EXPECT_EQ(paths(), std::set<fs::path>{foreign});
}

TEST_F(PrefixFilesTest, ADirectoryThatCannotBeIsAnError) {
  std::ofstream(directory_ / "file") << "x";
  const auto refused = PrefixFiles::open(directory_ / "file" / "inside", "m", kShape, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("inside"), std::string::npos);
}

}  // namespace
}  // namespace whet
