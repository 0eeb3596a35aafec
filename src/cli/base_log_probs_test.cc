#include "cli/base_log_probs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "formats/test_directory_for_test.h"

namespace whet {
namespace {

class BaseFile : public DirectoryTest {
 protected:
  static constexpr int64_t kVocab = 501;

  void SetUp() override {
    DirectoryTest::SetUp();
    windows_ = {8, kVocab, {}};
    for (int32_t i = 0; i < 16; ++i) windows_.tokens.push_back(i * 31);
    const CounterRng rng(1, 0);
    rows_.resize(static_cast<size_t>(windows_.n_windows() * windows_.n_rows()));
    uint64_t n = 0;
    for (auto& row : rows_) {
      row.resize(kVocab);
      for (float& logit : row) logit = static_cast<float>(40 * rng.uniform(n++) - 20);
    }
  }
  std::string write() {
    auto writer = BaseLogProbsWriter::create(path("base"), windows_).value();
    for (const auto& row : rows_) EXPECT_TRUE(writer.write(row).ok());
    EXPECT_TRUE(writer.finish().ok());
    return path("base");
  }
  static std::string refusal(const std::string& path) {
    const auto opened = BaseLogProbs::open(path);
    return opened.ok() ? "" : opened.error().message();
  }
  ScoredWindows windows_;
  std::vector<std::vector<float>> rows_;
};

TEST_F(BaseFile, HoldsLogProbabilitiesToAStepOf16Bits) {
  const auto base = BaseLogProbs::open(write()).value();
  EXPECT_EQ(base.windows().tokens, windows_.tokens);
  EXPECT_EQ(base.windows().context, 8);
  EXPECT_EQ(base.windows().n_rows(), 3);  // rows 4, 5, 6 predict tokens 5, 6, 7
  BaseRow found;
  for (size_t row = 0; row < rows_.size(); ++row) {
    ASSERT_TRUE(base.read(static_cast<int64_t>(row), found).ok());
    double total = 0;
    for (const float logit : rows_[row]) total += std::exp(double{logit});
    for (size_t i = 0; i < kVocab; ++i) {
      EXPECT_NEAR(found.log_probs[i], rows_[row][i] - std::log(total), 0.55 * 40 / 65535);
    }
  }
}

TEST_F(BaseFile, OfEqualLogitsIsUniform) {
  for (auto& row : rows_) std::fill(row.begin(), row.end(), 3.0f);
  const auto base = BaseLogProbs::open(write()).value();
  BaseRow found;
  ASSERT_TRUE(base.read(0, found).ok());
  for (const float value : found.log_probs) EXPECT_NEAR(value, -std::log(double{kVocab}), 1e-5);
}

TEST_F(BaseFile, SaysUpToWhereARowMayBeCut) {
  rows_[0][3] = -40;  // far below the likeliest: llama.cpp would have cut it at 16 nats
  for (float& logit : rows_[1]) logit /= 10;  // spans 4 nats
  const auto base = BaseLogProbs::open(write()).value();
  BaseRow found;
  ASSERT_TRUE(base.read(0, found).ok());
  EXPECT_EQ(found.cut_at, found.log_probs[3]);
  EXPECT_LT(found.cut_at, -16);
  ASSERT_TRUE(base.read(1, found).ok());
  EXPECT_LT(found.cut_at, *std::min_element(found.log_probs.begin(), found.log_probs.end()));
}

TEST_F(BaseFile, RefusesLogitsThatAreNotFinite) {
  auto writer = BaseLogProbsWriter::create(path("base"), windows_).value();
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    auto again = BaseLogProbsWriter::create(path("base"), windows_).value();
    std::vector<float> row(kVocab, 1.0f);
    row[7] = bad;
    EXPECT_FALSE(again.write(row).ok()) << bad;
  }
}

TEST_F(BaseFile, OnlyWholeFilesAreRead) {
  write();
  std::ifstream in(path("base"), std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  EXPECT_EQ(whole.size(), 8 + 12 + 16 * 4 + 6 * (8 + 502 * 2));
  for (const size_t n : {size_t{1}, size_t{8}, size_t{19}, size_t{60}, whole.size() - 1}) {
    EXPECT_NE(refusal(put("cut", whole.substr(0, n))), "") << n;
  }
  EXPECT_NE(refusal(put("long", whole + "x")).find("6 rows"), std::string::npos);
  EXPECT_NE(refusal(put("other", "no logits here")).find("--kl-divergence-base"),
            std::string::npos);
  std::string bad = whole;
  bad[20] = '\x7f';  // the first token
  bad[21] = '\x7f';
  EXPECT_NE(refusal(put("token", bad)).find("tokens below 501"), std::string::npos);
  for (size_t i = 8; i < 20; ++i) {
    std::string huge = whole;
    huge[i] = '\x7f';
    EXPECT_NE(refusal(put("huge", huge)), "") << i;
  }
  std::string infinite = whole;
  infinite.replace(8 + 12 + 64, 4, std::string("\x00\x00\x80\x7f", 4));
  const auto opened = BaseLogProbs::open(put("infinite", infinite)).value();
  BaseRow row;
  EXPECT_FALSE(opened.read(0, row).ok());
  EXPECT_TRUE(opened.read(1, row).ok());
}

}  // namespace
}  // namespace whet
