#include "hub/reference.h"

#include <gtest/gtest.h>

#include "hub/quantisation.h"

namespace whet::hub {
namespace {

TEST(ReferenceTest, ReadsTheFormsPeopleWrite) {
  const auto hf = parse_reference("hf:user/Repo-1.5_x:q4_k_m");
  ASSERT_TRUE(hf.ok()) << hf.error().message();
  EXPECT_EQ(hf->origin, Origin::kHuggingFace);
  EXPECT_EQ(hf->name, "user/Repo-1.5_x");
  EXPECT_EQ(hf->revision, "main");
  EXPECT_EQ(hf->variant, "q4_k_m");
  const auto pinned = parse_reference("hf:user/repo@refs/pr/1:sub/file.gguf");
  ASSERT_TRUE(pinned.ok()) << pinned.error().message();
  EXPECT_EQ(pinned->revision, "refs/pr/1");
  EXPECT_EQ(pinned->variant, "sub/file.gguf");
  const auto ollama = parse_reference("ollama:llama3.2");
  ASSERT_TRUE(ollama.ok()) << ollama.error().message();
  EXPECT_EQ(ollama->name, "library/llama3.2");
  EXPECT_EQ(ollama->variant, "latest");
  EXPECT_EQ(ollama->host, "registry.ollama.ai");
  EXPECT_EQ(parse_reference("ollama:localhost:5000/me/m:1b")->host, "localhost:5000");
  for (const char* text : {"hf:user/repo:Q8_0", "hf:user/repo@abc", "ollama:me/model:1b",
                           "ollama:llama3.2:1b", "ollama:host.example:80/me/m:x"}) {
    const auto reference = parse_reference(text);
    ASSERT_TRUE(reference.ok()) << text;
    EXPECT_EQ(reference->text(), text);
  }
}

TEST(ReferenceTest, RefusesWhatCouldLeaveTheStore) {
  for (const char* text : {"hf:",
                           "hf:user",
                           "hf:../repo",
                           "hf:user/..",
                           "hf:user/a/b",
                           "hf:user/repo:../x",
                           "hf:user/repo:/etc/passwd",
                           "hf:user/repo@..",
                           "hf:user/repo:a\\b",
                           "hf:us er/repo",
                           "hf:user/repo:a\nb",
                           "ollama:",
                           "ollama:a/b/c/d",
                           "ollama:..",
                           "ollama:a/../b",
                           "ollama:.hidden",
                           "ollama:m:..",
                           "ollama:m:a/b",
                           "ollama:ho st/a/b",
                           "ollama:h:x/a/b",
                           "model.gguf",
                           "ftp://host/file"}) {
    const auto reference = parse_reference(text);
    ASSERT_FALSE(reference.ok()) << text;
    EXPECT_EQ(reference.error().code(), ErrorCode::kInvalidArgument);
  }
}

TEST(QuantisationTest, IsReadFromNames) {
  EXPECT_EQ(quantisation_of("model-q4_k_m.gguf"), "Q4_K_M");
  EXPECT_EQ(quantisation_of("sub/Model.IQ2_XXS.gguf"), "IQ2_XXS");
  EXPECT_EQ(quantisation_of("Qwen2.5-7B-Instruct-BF16-00001-of-00004.gguf"), "BF16");
  EXPECT_EQ(quantisation_of("gpt-oss-20b-mxfp4.gguf"), "MXFP4");
  EXPECT_EQ(quantisation_of("model.gguf"), "");
  EXPECT_EQ(quantisation_of("Qwen-7B.gguf"), "");
  const auto part = split_part_of("a-00002-of-00003.gguf");
  ASSERT_TRUE(part.has_value());
  EXPECT_EQ(part->stem, "a");
  EXPECT_EQ(part->number, 2);
  EXPECT_EQ(part->n_parts, 3);
  EXPECT_FALSE(split_part_of("a-0002-of-00003.gguf").has_value());
  EXPECT_FALSE(is_model_file("mmproj-model-f16.gguf"));
}

}  // namespace
}  // namespace whet::hub
