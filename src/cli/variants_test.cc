#include "cli/variants.h"

#include <gtest/gtest.h>

namespace whet {
namespace {

TEST(Variants, OtherFormsAreErrorsThatSayWhatIsExpected) {
  ModelFlags base;
  base.model = WHET_SOURCE_DIR "/models/whetstone-draft-q8_0.gguf";
  const auto message = [&](std::vector<std::string> with) {
    const auto opened = open_variants(base, with);
    return opened.ok() ? std::string() : opened.error().message();
  };
  EXPECT_NE(message({"nonsense"}).find("--with: expected larosa=FILE"), std::string::npos);
  EXPECT_NE(message({"=x"}).find("--with: expected"), std::string::npos);
  EXPECT_NE(message({"other=x"}).find("--with: expected"), std::string::npos);
  EXPECT_NE(message({"kv=q4_0"}).find("expected one of f32, f16, bf16, q8_0, alias"),
            std::string::npos);
  EXPECT_NE(message({"spec=dog"}).find("--spec-type"), std::string::npos);
  EXPECT_NE(message({"spec=ngram:file"}).find("phrase: or draft:"), std::string::npos);
  EXPECT_NE(message({"all"}).find("two or more"), std::string::npos);
  EXPECT_NE(message({"vocab=a", "larosa=b", "all"}).find("all of vocab=a and larosa=b"),
            std::string::npos);
  EXPECT_NE(message({"kv=f32", "kv=q8_0", "all"}).find("found kv twice"), std::string::npos);
  EXPECT_NE(message({"kv=f32", "spec=ngram", "all=x"}).find("leave the file out"),
            std::string::npos);
  EXPECT_NE(message({"all", "all=x"}).find("expected it once"), std::string::npos);
  EXPECT_NE(message({"all="}).find("--with: expected"), std::string::npos);
  EXPECT_NE(message({"larosa=" + base.model}).find("whet adapt larosa"), std::string::npos);
  EXPECT_NE(message({"vocab=/nowhere/x.gguf"}).find("/nowhere/x.gguf"), std::string::npos);
}

TEST(Variants, AFileIsCalledByItsOwnNameUnlessTwoHaveIt) {
  ModelFlags base;
  base.model = WHET_SOURCE_DIR "/models/whetstone-draft-q8_0.gguf";
  base.speculation.types = "none";
  base.engine.context = 256;
  auto opened = open_variants(base, {"model=" + base.model, "kv=q8_0"});
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  EXPECT_EQ((*opened)[0].name, "model=" + base.model);
  EXPECT_EQ((*opened)[0].label, "model=whetstone-draft-q8_0");
  EXPECT_EQ((*opened)[1].label, "") << "is no file";
  const std::string again = WHET_SOURCE_DIR "/models/../models/whetstone-draft-q8_0.gguf";
  opened = open_variants(base, {"model=" + base.model, "model=" + again});
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  EXPECT_EQ((*opened)[0].label, "");
  EXPECT_EQ((*opened)[1].label, "");
}

TEST(Variants, LarosaDecodesSparseByThePlanBehindItsFile) {
  ModelFlags base;
  base.model = WHET_SOURCE_DIR "/models/whetstone-draft-q8_0.gguf";
  base.speculation.types = "none";
  base.engine.context = 256;
  auto opened = open_variants(
      base, {"larosa=" + base.model + ":wina:0.4", "kv=alias", "spec=ngram", "all=" + base.model});
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  ASSERT_EQ(opened->size(), 4u);
  const auto plan_of = [&](size_t i) { return (*opened)[i].engine->loaded().model.sparsity; };
  EXPECT_EQ((*opened)[0].engine->sparse_rows(), SparseRows::kDecoded);
  EXPECT_EQ(plan_of(0)->method, "wina");
  EXPECT_FALSE((*opened)[0].shares_prompts);
  EXPECT_TRUE((*opened)[1].shares_prompts);
  EXPECT_EQ((*opened)[1].engine->sparse_rows(), SparseRows::kNone);
  EXPECT_EQ((*opened)[3].name, "all");
  EXPECT_EQ((*opened)[3].engine->sparse_rows(), SparseRows::kDecoded);
  EXPECT_EQ(plan_of(3)->method, "wina");
  EXPECT_TRUE((*opened)[3].shares_prompts);
}

TEST(Variants, AllIsEveryOtherInOne) {
  ModelFlags base;
  base.model = WHET_SOURCE_DIR "/models/whetstone-draft-q8_0.gguf";
  base.speculation.types = "none";
  base.engine.context = 256;
  auto opened = open_variants(base, {"spec=ngram", "kv=q8_0", "all"});
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  ASSERT_EQ(opened->size(), 3u);
  EXPECT_EQ((*opened)[0].engine->kv_shape().type, DType::F16);
  EXPECT_EQ((*opened)[1].engine->kv_shape().type, DType::Q8_0);
  EXPECT_EQ((*opened)[2].engine->kv_shape().type, DType::Q8_0);
  EXPECT_EQ((*opened)[2].name, "all");
  EXPECT_NE((*opened)[2].description.find("spec ngram, kv q8_0"), std::string::npos);
}

}  // namespace
}  // namespace whet
