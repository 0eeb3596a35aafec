#include "load/missing_tensors.h"

#include <gtest/gtest.h>

namespace whet {
namespace {

ModelFile missing(std::vector<std::string> names, std::string config) {
  ModelFile file{};
  file.container = ModelFile::Container::kSafeTensors;
  file.missing_tensors = std::move(names);
  file.side_files["config.json"] = std::move(config);
  return file;
}

TEST(MissingTensors, ATiedHeadAndDerivedTablesAreNoted) {
  for (const char* config : {R"({"tie_word_embeddings": true})", "{}"}) {
    const auto notes = explain_missing_tensors(
        missing({"lm_head.weight", "model.layers.0.self_attn.rotary_emb.inv_freq"}, config));
    ASSERT_TRUE(notes.ok()) << notes.error().message();
    ASSERT_EQ(notes->size(), 2u);
    EXPECT_NE((*notes)[0].find("lm_head.weight"), std::string::npos);
  }
}

TEST(MissingTensors, OthersAreRefusedByName) {
  const auto untied =
      explain_missing_tensors(missing({"lm_head.weight"}, R"({"tie_word_embeddings": false})"));
  ASSERT_FALSE(untied.ok());
  EXPECT_NE(untied.error().message().find("lm_head.weight"), std::string::npos);
  EXPECT_FALSE(explain_missing_tensors(missing({"model.layers.9.extra"}, "{}")).ok());
}

TEST(SaysUntied, IsTheWordOfTheTextPart) {
  const auto says = [](const char* config) { return says_untied(missing({}, config)).value(); };
  EXPECT_FALSE(says("{}"));
  EXPECT_FALSE(says(R"({"tie_word_embeddings": true})"));
  EXPECT_TRUE(says(R"({"tie_word_embeddings": false})"));
  EXPECT_TRUE(says(R"({"text_config": {"tie_word_embeddings": false}})"));
  EXPECT_FALSE(
      says(R"({"tie_word_embeddings": false, "text_config": {"tie_word_embeddings": true}})"));
  EXPECT_FALSE(says_untied(missing({}, R"({"text_config": 3, "tie_word_embeddings": 1})")).ok());
}

}  // namespace
}  // namespace whet
