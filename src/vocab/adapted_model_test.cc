// Adapted copies of the model that comes with the program, read back.
#include "vocab/adapted_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>

#include "formats/test_directory_for_test.h"
#include "kernels/kernels.h"
#include "token/gguf_tokenizer.h"
#include "token/phrase_tokenizer.h"
#include "token/random_text_for_test.h"
#include "vocab/corpus.h"
#include "vocab/phrase_miner.h"
#include "vocab/phrase_piece.h"

namespace whet::vocab {
namespace {

using token_test::RandomText;

constexpr EncodeOptions kPlain{.add_special = false, .parse_special = false};
constexpr const char* kText =
    "Ana has 5 apples and 3 pears. Ben has 5 apples and 2 pears.\nHow many apples do they have "
    "together? Ana has 5 apples. <|im_end|> </s> <|im_end|> </s>\n";

class AdaptedModelTest : public DirectoryTest {
 protected:
  void SetUp() override {
    DirectoryTest::SetUp();
    path_ = path("adapted.gguf");
    model_ = std::make_unique<LoadedModel>(
        load_model(WHET_SOURCE_DIR "/models/whetstone-2.8m-q8_0.gguf").value());
    std::string text = kText;
    for (int i = 0; i < 3; ++i) text += text;
    Corpus corpus;
    ASSERT_TRUE(add_text(corpus, text, base()).ok());
    std::vector<Ids> runs;
    MiningOptions mining{.n_phrases = 40, .least_count = 2, .admits = admit_new_pieces(base())};
    for (const Phrase& phrase : mine_phrases(corpus.lines, mining)) runs.push_back(phrase.ids);
    ASSERT_GE(runs.size(), 10u);
    phrases_ = PhraseVocabulary::create(base().vocab_size(), runs).value();
  }

  const Tokenizer& base() const { return *model_->tokenizer; }
  LoadedModel adapted(PhraseRows rows) const {
    const auto made = write_adapted_model(*model_, *phrases_, rows, path_);
    EXPECT_TRUE(made.ok()) << made.error().message();
    return load_model(path_).value();
  }

  std::string path_;
  std::unique_ptr<LoadedModel> model_;
  std::optional<PhraseVocabulary> phrases_;
};

TEST_F(AdaptedModelTest, AnyTextComesBackAndIsNeverLonger) {
  const LoadedModel model = adapted(PhraseRows::kMean);
  const Tokenizer& tokenizer = *model.tokenizer;
  ASSERT_NE(phrases_of(tokenizer), nullptr);
  EXPECT_EQ(tokenizer.vocab_size(), phrases_->size());
  RandomText random(5);
  for (int i = 0; i < 600; ++i) {
    std::string text = i % 2 == 0 ? random.utf8(40) : random.bytes(40);
    if (i % 3 == 0) text = kText + text + kText;
    const auto before = base().encode(text, kPlain).value();
    const auto ids = tokenizer.encode(text, kPlain).value();
    EXPECT_EQ(tokenizer.decode(ids, true, true), text);
    EXPECT_LE(ids.size(), before.size());
    EXPECT_EQ(count_base_tokens(tokenizer, ids), static_cast<int64_t>(before.size()));
    EXPECT_EQ(phrases_of(tokenizer)->expand(ids), before);
  }
  EXPECT_LT(tokenizer.encode(kText, kPlain).value().size(),
            base().encode(kText, kPlain).value().size());
}

TEST_F(AdaptedModelTest, ControlTokensStayWhatTheyAre) {
  const LoadedModel model = adapted(PhraseRows::kMean);
  EXPECT_EQ(model.tokenizer->end_of_generation(), base().end_of_generation());
  for (TokenId id = phrases_->n_base(); id < phrases_->size(); ++id) {
    EXPECT_EQ(model.tokenizer->type(id), TokenType::kNormal);
  }
  const EncodeOptions with_control{.add_special = false, .parse_special = true};
  const std::string text = "Ana has 5 apples<|im_end|>Ana has 5 apples";
  const auto ids = model.tokenizer->encode(text, with_control).value();
  EXPECT_EQ(phrases_of(*model.tokenizer)->expand(ids), base().encode(text, with_control).value());
}

TEST_F(AdaptedModelTest, BaseRowsStayAndPhrasesBeginAtTheMean) {
  const LoadedModel model = adapted(PhraseRows::kMean);
  const TensorEntry& before = *model_->file.find_tensor("token_embd.weight");
  const TensorEntry& after = *model.file.find_tensor("token_embd.weight");
  ASSERT_EQ(after.shape[0], static_cast<uint64_t>(phrases_->size()));
  EXPECT_TRUE(std::ranges::equal(before.bytes, after.bytes.first(before.bytes.size())));
  EXPECT_EQ(model.file.find_tensor("output.weight") == nullptr,
            model_->file.find_tensor("output.weight") == nullptr);
  const auto width = static_cast<size_t>(before.shape[1]);
  const auto row_of = [&](const TensorEntry& tensor, TokenId id) {
    std::vector<float> row(width);
    const uint64_t n_bytes = row_bytes(dtype_info(tensor.type), width);
    kernels::dequantize_row(tensor.type, tensor.bytes.data() + static_cast<uint64_t>(id) * n_bytes,
                            row.data(), width);
    return row;
  };
  for (size_t i = 0; i < phrases_->phrases().size(); ++i) {
    const Ids& phrase = phrases_->phrases()[i];
    const auto found = row_of(after, phrases_->n_base() + static_cast<TokenId>(i));
    std::vector<double> mean(width, 0);
    double error = 0, power = 0;
    for (const TokenId token : phrase) {
      const auto row = row_of(before, token);
      for (size_t c = 0; c < width; ++c) mean[c] += row[c] / static_cast<double>(phrase.size());
    }
    for (size_t c = 0; c < width; ++c) {
      error += (found[c] - mean[c]) * (found[c] - mean[c]);
      power += mean[c] * mean[c];
    }
    EXPECT_LT(std::sqrt(error / power), 0.01) << "phrase " << i;  // the rounding of Q8_0
  }
}

TEST_F(AdaptedModelTest, ExponentialRowsGiveATiedModelAHead) {
  const LoadedModel model = adapted(PhraseRows::kExponential);
  const TensorEntry* head = model.file.find_tensor("output.weight");
  const TensorEntry* embedding = model.file.find_tensor("token_embd.weight");
  ASSERT_NE(head, nullptr);
  EXPECT_EQ(head->shape, embedding->shape);
  // The embedding leans to the last token, the head to the first.
  const size_t n_base = model_->file.find_tensor("token_embd.weight")->bytes.size();
  EXPECT_FALSE(std::ranges::equal(head->bytes.subspan(n_base), embedding->bytes.subspan(n_base)));
}

TEST_F(AdaptedModelTest, RefusesWhatWouldReadWrongly) {
  // A piece that is a token already.
  for (TokenId a = 0; a < base().vocab_size(); ++a) {
    const std::string piece(base().piece(a));
    if (base().type(a) != TokenType::kNormal || piece.size() != 2) continue;
    const auto first = base().find_piece(piece.substr(0, 1));
    const auto second = base().find_piece(piece.substr(1));
    if (!first || !second) continue;
    const auto taken = PhraseVocabulary::create(base().vocab_size(), {{*first, *second}}).value();
    const auto made = write_adapted_model(*model_, taken, PhraseRows::kMean, path_);
    ASSERT_FALSE(made.ok());
    EXPECT_NE(made.error().message().find("expected a text that no token has"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(path_));
    break;
  }
  const LoadedModel model = adapted(PhraseRows::kMean);
  const auto again = write_adapted_model(model, *phrases_, PhraseRows::kMean, path_ + "2");
  ASSERT_FALSE(again.ok());
  EXPECT_NE(again.error().message().find("has phrases already"), std::string::npos);
}

TEST_F(AdaptedModelTest, HostileKeysAreErrors) {
  const LoadedModel model = adapted(PhraseRows::kMean);
  const auto n_base = static_cast<int64_t>(base().vocab_size());
  const auto opened = [&](std::vector<int64_t> ids, std::vector<int64_t> lengths) {
    ModelFile file = model.file;
    file.metadata[std::string(kPhraseTokensKey)] = {MetaArray{std::move(ids)}};
    file.metadata[std::string(kPhraseLengthsKey)] = {MetaArray{std::move(lengths)}};
    return make_gguf_tokenizer(file);
  };
  EXPECT_FALSE(opened({10, 11}, {2, 2}).ok());
  EXPECT_FALSE(opened({10, 11, 12}, {2}).ok());
  EXPECT_FALSE(opened({10, 11}, {-1, 3}).ok());
  EXPECT_FALSE(opened({10, n_base + 5000}, {2}).ok());
  EXPECT_FALSE(opened({10, int64_t{1} << 40}, {2}).ok());
  EXPECT_FALSE(opened({10, 11}, {2}).ok());  // spells another text than the last piece
  EXPECT_FALSE(opened({}, std::vector<int64_t>(100000, 0)).ok());
  ModelFile half = model.file;
  half.metadata.erase(std::string(kPhraseLengthsKey));
  EXPECT_FALSE(make_gguf_tokenizer(half).ok());
  ModelFile spm = model.file;
  spm.metadata["tokenizer.ggml.model"] = {std::string("llama")};
  const auto refused = make_gguf_tokenizer(spm);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("byte-level BPE"), std::string::npos);
}

}  // namespace
}  // namespace whet::vocab
