// Drafters against a model that reads everything anew for each token.
#include "draft/model_drafter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "draft/draft_budget.h"

namespace whet {
namespace {

const std::string kModel = WHET_SOURCE_DIR "/models/whetstone-draft-q8_0.gguf";

LoadedModel load() {
  auto loaded = load_model(kModel);
  if (!loaded.ok()) ADD_FAILURE() << loaded.error().message();
  return std::move(*loaded);
}

class ModelDrafterTest : public testing::Test {
 protected:
  ModelDrafterTest() : target_(load()), pool_(1) {}

  int64_t vocab() const { return target_.model.config.vocab_size; }
  std::vector<int32_t> ids_of(const std::string& text) const {
    return target_.tokenizer->encode(text, {.add_special = false, .parse_special = false}).value();
  }
  std::string text_of(const std::vector<int32_t>& ids) const {
    return target_.tokenizer->decode(ids, true, false);
  }
  static int32_t likeliest(std::span<const float> logits) {
    return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
  }
  /// n greedy tokens of the first n_rows of the vocabulary behind a text, each from a pass over
  /// all.
  std::vector<int32_t> greedy(std::vector<int32_t> text, size_t n, int64_t n_rows) {
    std::vector<int32_t> tokens;
    while (tokens.size() < n) {
      ForwardScratch scratch(target_.model.config);
      KvSequence kv = KvSequence::create(kv_shape_of(target_.model.config, 512)).value();
      const StepSegment segment{&kv, text, StepSegment::Logits::kLast};
      const auto logits = forward(target_.model, {&segment, 1}, scratch, pool_);
      tokens.push_back(likeliest(logits.first(static_cast<size_t>(n_rows))));
      text.push_back(tokens.back());
    }
    return tokens;
  }
  static std::optional<int32_t> draw(std::span<const float> logits, std::span<const int32_t>) {
    return likeliest(logits);
  }
  /// Stops after n tokens.
  static ModelDrafter::GoOn tokens(size_t n) {
    return [n, drafted = size_t{0}](double) mutable { return ++drafted < n; };
  }

  LoadedModel target_;
  ThreadPool pool_;
};

TEST_F(ModelDrafterTest, StaysInStepWithATextWhateverItSays) {
  for (const int64_t head : {int64_t{0}, int64_t{320}}) {
    DraftModel model(load(), *target_.tokenizer, vocab(), head);
    ASSERT_TRUE(model.same_vocabulary());
    EXPECT_EQ(model.n_rows(), head == 0 ? vocab() : head);
    auto drafter = make_id_drafter(model, vocab()).value();
    std::mt19937 random(3);
    std::vector<int32_t> text = ids_of("What is 3 * 4? The answer");
    for (int round = 0; round < 12; ++round) {
      const size_t n = 1 + random() % 4;
      const ModelDraft draft = drafter->draft(text, 1000, draw, tokens(n), pool_).value();
      ASSERT_EQ(draft.tokens, greedy(text, n, model.n_rows())) << "round " << round;
      ASSERT_EQ(draft.probabilities.size(), n);
      for (double p : draft.probabilities) EXPECT_TRUE(p > 0 && p <= 1);
      // Some of it is drawn, then something else, perhaps while nothing is drafted; or all of it.
      const size_t n_drawn = random() % (n + 1);
      text.insert(text.end(), draft.tokens.begin(),
                  draft.tokens.begin() + static_cast<ptrdiff_t>(n_drawn));
      const size_t n_other = 1 + random() % 2;
      for (size_t i = 0; i < n_other; ++i) text.push_back(static_cast<int32_t>(random() % 300));
      EXPECT_LE(drafter->n_to_read(text, 1000), static_cast<int64_t>(1 + n_other + (n_drawn < n)));
    }
  }
}

TEST_F(ModelDrafterTest, BeginsAnewWhereTooMuchIsUnread) {
  DraftModel model(load(), *target_.tokenizer, vocab(), 0);
  auto drafter = make_id_drafter(model, vocab()).value();
  std::vector<int32_t> text = ids_of("one two three four five six seven eight nine ten eleven");
  ASSERT_GT(text.size(), 12u);
  EXPECT_EQ(drafter->n_to_read(text, 8), 8);
  const std::vector<int32_t> last(text.end() - 8, text.end());
  EXPECT_EQ(drafter->draft(text, 8, draw, tokens(3), pool_)->tokens, greedy(last, 3, vocab()));
  // From there on it keeps what it has read.
  text.push_back(7);
  EXPECT_LE(drafter->n_to_read(text, 8), 2);
  std::vector<int32_t> longer(last);
  longer.push_back(7);
  EXPECT_EQ(drafter->draft(text, 8, draw, tokens(2), pool_)->tokens, greedy(longer, 2, vocab()));
}

TEST_F(ModelDrafterTest, KnowsNoWayOnFromATokenItDoesNotHave) {
  DraftModel model(load(), *target_.tokenizer, vocab(), 0);
  auto drafter = make_id_drafter(model, vocab() + 10).value();
  const std::vector<int32_t> text = {5, 6, static_cast<int32_t>(vocab()) + 3};
  EXPECT_TRUE(drafter->draft(text, 100, draw, tokens(3), pool_)->tokens.empty());
  const auto never = [](std::span<const float>, std::span<const int32_t>) {
    return std::optional<int32_t>();
  };
  EXPECT_TRUE(
      drafter->draft(std::vector<int32_t>{5, 6}, 100, never, tokens(3), pool_)->tokens.empty());
}

TEST_F(ModelDrafterTest, ReadsAndWritesTextForAnotherVocabulary) {
  DraftModel model(load(), *target_.tokenizer, vocab(), 0);
  auto drafter = make_text_drafter(model, *target_.tokenizer).value();
  std::vector<int32_t> text = ids_of("What is 3 * 4? The answer");
  const std::string expected = text_of(greedy(text, 12, vocab()));
  std::string found;
  while (found.size() < expected.size()) {
    const ModelDraft draft = drafter->draft(text, 1000, draw, tokens(3), pool_).value();
    ASSERT_FALSE(draft.tokens.empty());
    ASSERT_EQ(draft.probabilities.size(), draft.tokens.size());
    found += text_of(draft.tokens);
    text.insert(text.end(), draft.tokens.begin(), draft.tokens.end());
  }
  EXPECT_EQ(found.substr(0, expected.size()), expected);
  // Where something else was drawn it goes on from that.
  text.resize(text.size() - 2);
  const auto other = ids_of(" banana is");
  std::vector<int32_t> changed(text);
  changed.insert(changed.end(), other.begin(), other.end());
  auto fresh = make_text_drafter(model, *target_.tokenizer).value();
  EXPECT_EQ(fresh->draft(changed, 1000, draw, tokens(3), pool_)->tokens.empty(), false);
}

TEST_F(ModelDrafterTest, ReadsAWordThatGrowsAnew) {
  DraftModel model(load(), *target_.tokenizer, vocab(), 0);
  auto growing = make_text_drafter(model, *target_.tokenizer).value();
  std::vector<int32_t> text;
  for (const char c : std::string("What is the answer? It is twelve")) {
    const auto ids = ids_of(std::string(1, c));
    text.insert(text.end(), ids.begin(), ids.end());
    const ModelDraft draft = growing->draft(text, 1000, draw, tokens(1), pool_).value();
    auto fresh = make_text_drafter(model, *target_.tokenizer).value();
    const ModelDraft anew = fresh->draft(text, 1000, draw, tokens(1), pool_).value();
    ASSERT_EQ(draft.tokens, anew.tokens) << text_of(text);
    ASSERT_EQ(draft.probabilities.size(), anew.probabilities.size());
    for (size_t i = 0; i < anew.probabilities.size(); ++i) {
      EXPECT_NEAR(draft.probabilities[i], anew.probabilities[i], 1e-4) << text_of(text);
    }
  }
}

TEST(DraftBudget, DraftsAsLongAsATokenBringsMoreThanItTakes) {
  StepCost cost;
  for (int i = 0; i < 9; ++i) {
    for (int64_t m = 1; m <= 9; ++m) cost.note(m, 1e-3 * (1 + 0.02 * static_cast<double>(m - 1)));
  }
  const DraftBudget cheap(cost, {0.1, 0.1}, 0.8, 8), dear(cost, {0.9, 0.9}, 0.8, 8),
      hopeless(cost, {0.1, 0.1}, 0.05, 8);
  EXPECT_GT(cheap.expected_gain(), 1.8);
  EXPECT_LT(dear.expected_gain(), 1);
  EXPECT_LT(hopeless.expected_gain(), 1);

  DraftBudget sure(cost, {0.1, 0.1}, 0.9, 5);
  int64_t n = 1;
  while (sure.go_on(0.99)) ++n;
  EXPECT_EQ(n, 5);  // all that it may
  DraftBudget unsure(cost, {0.1, 0.1}, 0.9, 5);
  EXPECT_FALSE(unsure.go_on(0.05));
  // A token that is surely drawn is no reason to go on where the next one would not be.
  EXPECT_TRUE(DraftBudget(cost, {0.1, 0.1}, 0.9, 5).go_on(0.99));
  EXPECT_FALSE(DraftBudget(cost, {0.1, 0.1}, 0.1, 5).go_on(0.99));
  // The more a draft token takes, the surer it must be.
  for (const double chance : {0.3, 0.5, 0.7, 0.9}) {
    DraftBudget a(cost, {0.1, 0.1}, 0.8, 5), b(cost, {0.5, 0.5}, 0.8, 5);
    EXPECT_GE(a.go_on(chance), b.go_on(chance));
  }
}

}  // namespace
}  // namespace whet
