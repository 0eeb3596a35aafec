// Segmentation against exhaustive search, and the round trip.
#include "token/phrase_vocabulary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/rng.h"

namespace whet {
namespace {

using Ids = std::vector<TokenId>;

struct RandomCase {
  std::vector<Ids> phrases;
  Ids text;
};

RandomCase random_case(uint64_t seed, size_t n_text) {
  const CounterRng rng(seed, 0);
  uint64_t counter = 0;
  const auto below = [&](uint64_t n) { return rng.bits(counter++) % n; };
  std::set<Ids> phrases;
  for (int i = 0; i < 12; ++i) {
    Ids phrase(2 + below(5));
    for (TokenId& token : phrase) token = static_cast<TokenId>(below(3));
    phrases.insert(phrase);
  }
  RandomCase made{{phrases.begin(), phrases.end()}, Ids(n_text)};
  for (TokenId& token : made.text) token = static_cast<TokenId>(below(3));
  return made;
}

size_t fewest(const std::vector<Ids>& phrases, std::span<const TokenId> text) {
  if (text.empty()) return 0;
  size_t best = 1 + fewest(phrases, text.subspan(1));
  for (const Ids& phrase : phrases) {
    if (phrase.size() <= text.size() && std::equal(phrase.begin(), phrase.end(), text.begin())) {
      best = std::min(best, 1 + fewest(phrases, text.subspan(phrase.size())));
    }
  }
  return best;
}

TEST(PhraseVocabulary, SegmentsIntoTheFewestTokens) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const RandomCase c = random_case(seed, 14);
    const auto vocabulary = PhraseVocabulary::create(3, c.phrases).value();
    EXPECT_EQ(vocabulary.segment(c.text).size(), fewest(c.phrases, c.text)) << "seed " << seed;
  }
}

TEST(PhraseVocabulary, ExpandingUndoesSegmenting) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const RandomCase c = random_case(seed, 2000);
    const auto vocabulary = PhraseVocabulary::create(3, c.phrases).value();
    const Ids ids = vocabulary.segment(c.text);
    EXPECT_LT(ids.size(), c.text.size());
    EXPECT_EQ(vocabulary.expand(ids), c.text);
    EXPECT_EQ(vocabulary.count_base_tokens(ids), static_cast<int64_t>(c.text.size()));
  }
}

TEST(PhraseVocabulary, OfEqualSegmentationsTakesTheLongestTokenFirst) {
  const auto vocabulary = PhraseVocabulary::create(4, {{0, 1}, {1, 2}, {0, 1, 2}, {2, 3}}).value();
  EXPECT_EQ(vocabulary.segment(Ids{0, 1, 2, 3}), (Ids{6, 3}));
  EXPECT_EQ(vocabulary.segment(Ids{0, 1, 2}), (Ids{6}));
  EXPECT_EQ(vocabulary.segment(Ids{}), Ids{});
}

TEST(PhraseVocabulary, RefusesPhrasesThatAreNone) {
  const auto message = [](std::vector<Ids> phrases) {
    return PhraseVocabulary::create(4, std::move(phrases)).error().message();
  };
  EXPECT_NE(message({{0, 1}, {2}}).find("phrase 1: expected 2 to 16 ids of 0 to 3, found 1"),
            std::string::npos);
  EXPECT_NE(message({Ids(17, 1)}).find("found 17 ids"), std::string::npos);
  EXPECT_FALSE(PhraseVocabulary::create(4, {{0, 4}}).ok());
  EXPECT_FALSE(PhraseVocabulary::create(4, {{0, -1}}).ok());
  EXPECT_NE(message({{0, 1}, {0, 1}}).find("found one twice"), std::string::npos);
}

}  // namespace
}  // namespace whet
