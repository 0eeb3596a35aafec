#include <gtest/gtest.h>

#include <algorithm>

#include "base/rng.h"
#include "formats/model_file.h"
#include "token/phrase_vocabulary.h"
#include "token/tokenizer_factory.h"
#include "vocab/corpus.h"
#include "vocab/phrase_miner.h"
#include "vocab/phrase_table.h"

namespace whet::vocab {
namespace {

std::shared_ptr<const Tokenizer> own_tokenizer() {
  auto file = open_model_file(WHET_SOURCE_DIR "/models/whetstone-2.8m-q8_0.gguf");
  EXPECT_TRUE(file.ok());
  auto tokenizer = make_tokenizer(*file);
  EXPECT_TRUE(tokenizer.ok());
  return std::move(tokenizer).value();
}

std::vector<Ids> random_texts(uint64_t seed, int n_texts, int n_ids) {
  const CounterRng rng(seed, 7);
  std::vector<Ids> texts(static_cast<size_t>(n_texts));
  uint64_t at = 0;
  for (Ids& text : texts) {
    const auto length = rng.bits(at++) % 40;
    for (uint64_t i = 0; i < length; ++i) {
      text.push_back(static_cast<TokenId>(rng.bits(at++) % static_cast<uint64_t>(n_ids)));
    }
  }
  return texts;
}

TEST(PhraseMiner, ChoosesWhatSavesMostOfWhatIsLeft) {
  // "1 2 3" four times saves 8; then "1 2" has two places of its own left, too few.
  const std::vector<Ids> texts = {{1, 2, 3, 9, 1, 2, 3}, {1, 2, 3, 1, 2, 3}, {1, 2, 5, 1, 2, 6}};
  const auto phrases = mine_phrases(texts, {.n_phrases = 9, .most_tokens = 3, .least_count = 3});
  ASSERT_EQ(phrases.size(), 1u);
  EXPECT_EQ(phrases[0].ids, (Ids{1, 2, 3}));
  EXPECT_EQ(phrases[0].count, 4);
  const auto more = mine_phrases(texts, {.n_phrases = 9, .most_tokens = 3, .least_count = 2});
  ASSERT_EQ(more.size(), 2u);
  EXPECT_EQ(more[1].ids, (Ids{1, 2}));
  EXPECT_EQ(more[1].count, 2);
}

TEST(PhraseMiner, CountsNoOverlapsAndCrossesNoEnd) {
  const std::vector<Ids> same = {{7, 7, 7, 7, 7}};  // two places beside each other, not four
  const auto phrases = mine_phrases(same, {.n_phrases = 5, .most_tokens = 2, .least_count = 2});
  ASSERT_EQ(phrases.size(), 1u);
  EXPECT_EQ(phrases[0].count, 2);
  EXPECT_TRUE(mine_phrases(std::vector<Ids>{{1}, {2}, {1}, {2}}, {.least_count = 2}).empty());
}

/// Counts everything anew, run by run.
class SlowMiner {
 public:
  explicit SlowMiner(std::span<const Ids> texts) {
    for (const Ids& text : texts) {
      ids_.insert(ids_.end(), text.begin(), text.end());
      ids_.push_back(-1);
    }
    begins_.assign(ids_.size() + 1, true);
  }

  /// What a run would save now; then saves it if `take`.
  int64_t visit(const Ids& run, bool take) {
    int64_t saved = 0;
    n_places = 0;
    for (size_t i = 0; i + run.size() <= ids_.size();) {
      int64_t n_today = 0;
      for (size_t k = 0; k < run.size(); ++k) n_today += begins_[i + k] ? 1 : 0;
      const bool here = begins_[i] && begins_[i + run.size()] && n_today > 1 &&
                        std::equal(run.begin(), run.end(), ids_.begin() + offset(i));
      if (!here) {
        ++i;
        continue;
      }
      saved += n_today - 1;
      ++n_places;
      if (take) std::fill_n(begins_.begin() + offset(i + 1), run.size() - 1, false);
      i += run.size();
    }
    return saved;
  }

  int64_t n_places = 0;  // of the run visited last

  /// The most that any run saves now which stands in two places and does not overlap itself.
  int64_t best(size_t most_tokens) {
    int64_t best = 0;
    for (size_t i = 0; i < ids_.size(); ++i) {
      for (size_t n = 2; n <= most_tokens && i + n <= ids_.size(); ++n) {
        const Ids run(ids_.begin() + offset(i), ids_.begin() + offset(i + n));
        if (std::ranges::find(run, -1) != run.end() || overlaps_itself(run)) continue;
        const int64_t saved = visit(run, false);
        if (n_places >= 2) best = std::max(best, saved);
      }
    }
    return best;
  }

 private:
  static std::ptrdiff_t offset(size_t i) { return static_cast<std::ptrdiff_t>(i); }
  static bool overlaps_itself(const Ids& run) {
    for (size_t n = 1; n < run.size(); ++n) {
      if (std::equal(run.begin(), run.begin() + offset(n), run.end() - offset(n))) return true;
    }
    return false;
  }

  Ids ids_;
  std::vector<bool> begins_;
};

TEST(PhraseMiner, EachPhraseSavesTheMostOfAll) {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    const auto texts = random_texts(seed, 12, 5);
    const auto phrases = mine_phrases(texts, {.n_phrases = 12, .most_tokens = 5, .least_count = 2});
    ASSERT_GE(phrases.size(), 4u) << seed;
    SlowMiner slow(texts);
    for (const Phrase& phrase : phrases) {
      EXPECT_GE(phrase.n_saved, slow.best(5)) << seed;
      EXPECT_EQ(phrase.n_saved, slow.visit(phrase.ids, true)) << seed;
    }
  }
}

TEST(PhraseMiner, TakesPhrasesIntoLongerOnes) {
  // "1 2" is everywhere; "1 2 3 4" holds it and saves two tokens more where it stands.
  const std::vector<Ids> texts = {{1, 2, 5}, {1, 2, 6},    {1, 2, 7},   {1, 2, 8},
                                  {1, 2, 9}, {1, 2, 3, 4}, {1, 2, 3, 4}};
  const auto phrases = mine_phrases(texts, {.n_phrases = 9, .most_tokens = 4, .least_count = 2});
  ASSERT_EQ(phrases.size(), 2u);
  EXPECT_EQ(phrases[0].ids, (Ids{1, 2}));
  EXPECT_EQ(phrases[0].n_saved, 7);
  EXPECT_EQ(phrases[1].ids, (Ids{1, 2, 3, 4}));
  EXPECT_EQ(phrases[1].n_saved, 4);
}

TEST(PhraseMiner, SegmentingSavesAtLeastWhatWasCounted) {
  for (uint64_t seed = 20; seed < 26; ++seed) {
    const auto texts = random_texts(seed, 60, 6);
    int64_t counted = 0, saved = 0;
    std::vector<Ids> ids;
    for (const Phrase& phrase : mine_phrases(texts, {.n_phrases = 30, .least_count = 2})) {
      counted += phrase.n_saved;
      ids.push_back(phrase.ids);
    }
    const auto vocabulary = PhraseVocabulary::create(6, ids).value();
    for (const Ids& text : texts) {
      saved += static_cast<int64_t>(text.size() - vocabulary.segment(text).size());
    }
    EXPECT_GT(counted, 0);
    EXPECT_GE(saved, counted);
  }
}

TEST(PhraseMiner, LeavesOutWhatIsNotAdmitted) {
  const std::vector<Ids> texts(5, Ids{1, 2, 3});
  const auto phrases = mine_phrases(
      texts,
      {.n_phrases = 9, .admits = [](std::span<const TokenId> ids) { return ids.front() != 1; }});
  ASSERT_EQ(phrases.size(), 1u);
  EXPECT_EQ(phrases[0].ids, (Ids{2, 3}));
}

TEST(Corpus, AnyBytesComeBackThroughPhrases) {
  const auto tokenizer = own_tokenizer();
  std::string text =
      "Ana has 5 apples. Ana has 5 pears.\nAna has 5 plums. \xff\xfe Z\u00fcrich\n\n";
  const CounterRng rng(3, 3);
  for (uint64_t i = 0; i < 3000; ++i) text += static_cast<char>(rng.bits(i));
  text += text;
  Corpus corpus;
  ASSERT_TRUE(add_text(corpus, text, *tokenizer).ok());
  EXPECT_EQ(corpus.n_bytes, text.size());
  std::vector<Ids> phrases;
  for (const Phrase& p : mine_phrases(corpus.lines, {.n_phrases = 50, .least_count = 2})) {
    phrases.push_back(p.ids);
    const Ids inner(p.ids.begin(), p.ids.end() - 1);
    EXPECT_EQ(tokenizer->decode(inner, true, false).find('\n'), std::string::npos);
  }
  EXPECT_FALSE(phrases.empty());
  const auto vocabulary = PhraseVocabulary::create(tokenizer->vocab_size(), phrases);
  ASSERT_TRUE(vocabulary.ok());
  const auto base = tokenizer->encode(text, {.add_special = false, .parse_special = false});
  ASSERT_TRUE(base.ok());
  const Ids ids = vocabulary->segment(*base);
  EXPECT_LT(ids.size(), base->size());
  EXPECT_EQ(tokenizer->decode(vocabulary->expand(ids), true, true),
            tokenizer->decode(*base, true, true));
}

TEST(PhraseTable, ComesBackAndKnowsItsVocabulary) {
  const auto tokenizer = own_tokenizer();
  const auto fingerprint = vocabulary_fingerprint(*tokenizer);
  ASSERT_TRUE(fingerprint.ok());
  const PhraseTable table{
      tokenizer->vocab_size(), *fingerprint, {{{10, 11}, 5, 5}, {{12, 13, 14}, 4, 7}}};
  const std::string json = phrase_table_json(table, *tokenizer);
  const auto again = parse_phrase_table(json, *tokenizer);
  ASSERT_TRUE(again.ok()) << again.error().message();
  ASSERT_EQ(again->phrases.size(), 2u);
  EXPECT_EQ(again->phrases[1].ids, (Ids{12, 13, 14}));
  EXPECT_EQ(again->phrases[1].count, 4);
  EXPECT_EQ(again->phrases[1].n_saved, 7);
  std::string other = json;
  other.replace(other.find(*fingerprint), 4, "0000");
  for (const std::string& bad :
       {other, std::string("{}"), std::string("["), std::string("[1]"),
        std::string(R"({"schema": "whet-phrases/1"})"), json.substr(0, json.size() / 2)}) {
    const auto parsed = parse_phrase_table(bad, *tokenizer);
    ASSERT_FALSE(parsed.ok());
    EXPECT_TRUE(parsed.error().message().starts_with("expected a phrase table"));
  }
}

}  // namespace
}  // namespace whet::vocab
