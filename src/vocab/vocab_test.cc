#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/rng.h"
#include "formats/model_file.h"
#include "token/tokenizer_factory.h"
#include "vocab/corpus.h"
#include "vocab/phrase_miner.h"
#include "vocab/phrase_table.h"
#include "vocab/phrase_vocabulary.h"

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

/// Every step by counting everything anew.
std::vector<Phrase> mine_slowly(std::vector<Ids> texts, const MiningOptions& options) {
  std::vector<Phrase> phrases;
  while (phrases.size() < options.n_phrases) {
    std::map<Ids, int64_t> counts;
    for (size_t n = 2; n <= options.most_tokens; ++n) {
      std::map<Ids, std::map<const Ids*, size_t>> last_end;
      for (const Ids& text : texts) {
        for (size_t i = 0; i + n <= text.size(); ++i) {
          const Ids gram(text.begin() + static_cast<std::ptrdiff_t>(i),
                         text.begin() + static_cast<std::ptrdiff_t>(i + n));
          if (std::ranges::find(gram, -5) != gram.end()) continue;
          size_t& end = last_end[gram][&text];
          if (i < end) continue;
          end = i + n;
          ++counts[gram];
        }
      }
    }
    const Phrase* best = nullptr;
    std::vector<Phrase> all;
    for (const auto& [ids, count] : counts) {
      if (count >= options.least_count) all.push_back({ids, count});
    }
    for (const Phrase& p : all) {
      if (best == nullptr || p.saved_tokens() > best->saved_tokens() ||
          (p.saved_tokens() == best->saved_tokens() && p.ids.size() > best->ids.size())) {
        best = &p;
      }
    }
    if (best == nullptr) break;
    phrases.push_back(*best);
    for (Ids& text : texts) {
      for (size_t i = 0; i + best->ids.size() <= text.size(); ++i) {
        const auto at = text.begin() + static_cast<std::ptrdiff_t>(i);
        if (!std::equal(best->ids.begin(), best->ids.end(), at)) continue;
        std::fill_n(at, best->ids.size(), -5);
      }
    }
  }
  return phrases;
}

TEST(PhraseMiner, IsExact) {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    const auto texts = random_texts(seed, 12, 5);
    const MiningOptions options{.n_phrases = 12, .most_tokens = 4, .least_count = 2};
    const auto fast = mine_phrases(texts, options), slow = mine_slowly(texts, options);
    ASSERT_EQ(fast.size(), slow.size()) << seed;
    for (size_t i = 0; i < fast.size(); ++i) {
      EXPECT_EQ(fast[i].ids, slow[i].ids) << seed << " " << i;
      EXPECT_EQ(fast[i].count, slow[i].count) << seed << " " << i;
    }
  }
}

/// The fewest ids by trying everything.
size_t fewest_of(std::span<const TokenId> base, const std::vector<Ids>& phrases) {
  std::vector<size_t> best(base.size() + 1, 0);
  for (size_t i = base.size(); i-- > 0;) {
    best[i] = 1 + best[i + 1];
    for (const Ids& p : phrases) {
      if (i + p.size() > base.size() ||
          !std::equal(p.begin(), p.end(), base.begin() + static_cast<std::ptrdiff_t>(i)))
        continue;
      best[i] = std::min(best[i], 1 + best[i + p.size()]);
    }
  }
  return best[0];
}

TEST(PhraseVocabulary, IsAsShortAsCanBeAndComesBack) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto texts = random_texts(100 + seed, 12, 4);
    std::vector<Ids> phrases;
    for (const Phrase& p : mine_phrases(texts, {.n_phrases = 10, .least_count = 2})) {
      phrases.push_back(p.ids);
    }
    const auto vocabulary = PhraseVocabulary::create(4, phrases);
    ASSERT_TRUE(vocabulary.ok());
    for (const Ids& text : random_texts(200 + seed, 12, 4)) {
      const Ids ids = vocabulary->segment(text);
      EXPECT_EQ(ids.size(), fewest_of(text, phrases));
      EXPECT_LE(ids.size(), text.size());
      EXPECT_EQ(vocabulary->expand(ids), text);
    }
  }
}

TEST(PhraseVocabulary, RefusesPhrasesThatAreNone) {
  EXPECT_FALSE(PhraseVocabulary::create(4, {{1}}).ok());
  EXPECT_FALSE(PhraseVocabulary::create(4, {{1, 4}}).ok());
  EXPECT_FALSE(PhraseVocabulary::create(4, {{1, -1}}).ok());
  EXPECT_FALSE(PhraseVocabulary::create(4, {{1, 2}, {1, 2}}).ok());
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
    EXPECT_EQ(tokenizer->decode(p.ids, true, false).find('\n'), std::string::npos);
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
      tokenizer->vocab_size(), *fingerprint, {{{10, 11}, 5}, {{12, 13, 14}, 4}}};
  const std::string json = phrase_table_json(table, *tokenizer);
  const auto again = parse_phrase_table(json, *tokenizer);
  ASSERT_TRUE(again.ok()) << again.error().message();
  ASSERT_EQ(again->phrases.size(), 2u);
  EXPECT_EQ(again->phrases[1].ids, (Ids{12, 13, 14}));
  EXPECT_EQ(again->phrases[1].count, 4);
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
