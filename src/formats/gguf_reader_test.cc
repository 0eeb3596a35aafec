// GGUF on disk: split models, files that only look like GGUF, and real vocabularies.
#include "formats/gguf_reader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "formats/error_assertions_for_test.h"
#include "formats/gguf_bytes_for_test.h"
#include "formats/test_directory_for_test.h"

namespace whet {
namespace {

using GgufReaderTest = DirectoryTest;

std::string split_part(uint16_t number, uint16_t count, std::string_view tensor,
                       int32_t n_tensors = 3) {
  GgufBytes file;
  file.header(1, 4).key("split.no", 2).number(number).key("split.count", 2).number(count);
  file.key("split.tensors.count", 5).number(n_tensors);
  file.string_key("only.here", std::to_string(number));
  return file.tensor(tensor, {8}, 0, 0).pad().data(32, static_cast<char>('0' + number)).str();
}

TEST_F(GgufReaderTest, OpensASplitModelFromAnyPart) {
  put("m-00001-of-00003.gguf", split_part(0, 3, "a"));
  put("m-00002-of-00003.gguf", split_part(1, 3, "b"));
  put("m-00003-of-00003.gguf", split_part(2, 3, "c"));
  for (std::string_view name : {"m-00001-of-00003.gguf", "m-00003-of-00003.gguf"}) {
    auto model = open_model_file(path(name));
    ASSERT_TRUE(model.ok()) << model.error().message();
    ASSERT_EQ(model->tensors.size(), 3u);
    EXPECT_EQ(model->get_string("only.here").value(), "0");
    EXPECT_EQ(model->path, path(name));
    EXPECT_EQ(model->file_paths[2], path("m-00003-of-00003.gguf"));
    const TensorEntry* c = model->find_tensor("c");
    ASSERT_NE(c, nullptr);
    EXPECT_EQ(c->file_index, 2u);
    EXPECT_EQ(c->bytes[0], std::byte{'2'});
    EXPECT_EQ(model->find_tensor("d"), nullptr);
  }
}

TEST_F(GgufReaderTest, CopiesAllPartsToMemory) {
  auto first = put("m-00001-of-00002.gguf", split_part(0, 2, "a", 2));
  auto second = put("m-00002-of-00002.gguf", split_part(1, 2, "b", 2));
  auto model = open_model_file(first);
  ASSERT_TRUE(model.ok()) << model.error().message();
  ASSERT_TRUE(copy_to_memory(*model).ok());
  // A mapping of the old inode would show these bytes.
  for (const std::string& part : {first, second}) {
    std::fstream file(part, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(-32, std::ios::end);
    file << std::string(32, 'x');
  }
  EXPECT_EQ(model->find_tensor("a")->bytes[0], std::byte{'0'});
  EXPECT_EQ(model->find_tensor("b")->bytes[31], std::byte{'1'});
}

TEST_F(GgufReaderTest, DoesNotCopyAFileThatChanged) {
  auto file = put("m.gguf", small_valid_gguf().str());
  auto model = open_model_file(file);
  ASSERT_TRUE(model.ok());
  put("m.gguf", small_valid_gguf().str() + "more");
  const auto copied = copy_to_memory(*model);
  ASSERT_FALSE(copied.ok());
  EXPECT_NE(copied.error().message().find("changed"), std::string::npos);
}

TEST_F(GgufReaderTest, NamesTheMissingPart) {
  put("m-00001-of-00003.gguf", split_part(0, 3, "a"));
  put("m-00002-of-00003.gguf", split_part(1, 3, "b"));
  expect_refused(open_model_file(path("m-00001-of-00003.gguf")),
                 {"part 3 of 3", "m-00003-of-00003.gguf"}, ErrorCode::kNotFound);
}

TEST_F(GgufReaderTest, RefusesPartsThatDoNotBelongTogether) {
  auto first = put("m-00001-of-00002.gguf", split_part(0, 2, "a", 2));
  put("m-00002-of-00002.gguf", split_part(0, 2, "b", 2));
  expect_refused(open_model_file(first), {"m-00002-of", "split.no 1", "found 0 and 2"});
  put("m-00002-of-00002.gguf", split_part(1, 3, "b", 2));
  expect_refused(open_model_file(first), {"split.count 2", "found 1 and 3"});
  put("m-00002-of-00002.gguf", small_valid_gguf().str());
  expect_refused(open_model_file(first), {"found nothing and nothing"});
  put("m-00002-of-00002.gguf", split_part(1, 2, "a", 2));
  expect_refused(open_model_file(first), {"tensor \"a\"", "earlier part"});
  put("m-00002-of-00002.gguf", split_part(1, 2, "b", 2));
  EXPECT_TRUE(open_model_file(first).ok());
}

TEST_F(GgufReaderTest, ChecksTheNumberOfTensorsOfASplitModel) {
  auto first = put("m-00001-of-00002.gguf", split_part(0, 2, "a", 5));
  put("m-00002-of-00002.gguf", split_part(1, 2, "b", 5));
  expect_refused(open_model_file(first), {"split.tensors.count says 5", "hold 2"});
}

TEST_F(GgufReaderTest, ExplainsHowToFindTheOtherParts) {
  expect_refused(open_model_file(put("renamed.gguf", split_part(0, 3, "a"))),
                 {"3 files", "-NNNNN-of-00003.gguf"});
  expect_refused(open_model_file(put("m-00001-of-00002.gguf", split_part(0, 3, "a"))),
                 {"-NNNNN-of-00003.gguf"});
}

TEST_F(GgufReaderTest, DecidesByContentNotByName) {
  EXPECT_TRUE(open_model_file(put("model.weights", small_valid_gguf().str())).ok());
  expect_refused(open_model_file(put("text.gguf", "hello, world")),
                 {"text.gguf", "neither GGUF nor SafeTensors", "hello"});
  expect_refused(
      open_model_file(put("lfs.gguf", "version https://git-lfs.github.com/spec/v1\noid")),
      {"lfs.gguf", "git lfs pull"});
  for (const char* page : {"<!DOCTYPE html><html>", "\n <HTML lang=en>"}) {
    expect_refused(open_model_file(put("page.gguf", page)), {"page.gguf", "HTML page", "resolve"});
  }
  expect_refused(open_model_file(put("old.bin", "tjgg....................")), {"before GGUF"});
  expect_refused(open_model_file(put("zip.model", std::string_view("PK\x03\x04....", 8))),
                 {"pickle", "SafeTensors"});
  expect_refused(open_model_file(put("m.pth", std::string_view("\x80\x02}q", 4))),
                 {"m.pth", "pickle"});
  expect_refused(open_model_file(put("stories.bin", "\x01\x02\x03\x04")), {"neither"});
  expect_refused(open_model_file(put("none.gguf", "")), {"empty"});
  expect_refused(open_model_file(path("absent.gguf")), {"absent.gguf"}, ErrorCode::kNotFound);
}

// A sparse file pays for its size with nothing, and a u8 array decodes to 8 times its size.
TEST_F(GgufReaderTest, LimitsWhatTheMetadataDecodesTo) {
  uint64_t n = (uint64_t{64} << 20) + 1;
  auto file = GgufBytes().header(0, 1).array_key("k", 0, n);
  auto sparse = put("m.gguf", file.str());
  std::filesystem::resize_file(sparse, file.str().size() + n);
  expect_refused(open_model_file(sparse), {"key \"k\"", "limit of 536870912 decoded bytes"});
}

TEST_F(GgufReaderTest, GettersNameKeyAndTypes) {
  auto model = open_model_file(put("m.gguf", small_valid_gguf().str()));
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(model->get_uint("u8").value(), 200u);
  EXPECT_EQ(model->get_float("f32").value(), 0.5);
  EXPECT_EQ(model->get_float("i32").value(), -7.0);
  EXPECT_EQ(model->get_bool_or("yes", false).value(), true);
  EXPECT_EQ(model->get_uint_or("absent", 5).value(), 5u);
  EXPECT_EQ(model->get_string_or("absent", "d").value(), "d");
  EXPECT_EQ(model->get_strings("strings").value()[1], "a");
  EXPECT_EQ(model->get_floats("floats").value(), (std::vector<double>{1.5, -2.0}));
  EXPECT_EQ(model->get_ints("empty").value(), std::vector<int64_t>{});
  EXPECT_TRUE(model->has("u8"));

  expect_refused(model->get_uint("absent"), {"\"absent\"", "missing"});
  expect_refused(model->get_uint("i8"), {"\"i8\"", "unsigned integer", "found i8"});
  expect_refused(model->get_uint("f32"), {"found f32"});
  expect_refused(model->get_uint_or("f32", 1), {"found f32"});
  expect_refused(model->get_float("u64"),
                 {"a number", "found u64"});  // beyond 2^53: not exact in general
  expect_refused(model->get_string("u8"), {"a string", "found u8"});
  expect_refused(model->get_bool_or("u8", true), {"a bool", "found u8"});
  expect_refused(model->get_strings("floats"), {"array of strings", "array of f32"});
  expect_refused(model->get_ints("u8"), {"an array", "found u8"});
}

TEST(RealVocabularies, AreRead) {
  struct Known {
    std::string_view file, model;
    size_t n_tokens;
  };
  for (const Known& known : {Known{"llama-spm", "llama", 32000}, Known{"llama-bpe", "gpt2", 128256},
                             Known{"phi-3", "llama", 32064}, Known{"gpt-2", "gpt2", 50257},
                             Known{"deepseek-llm", "gpt2", 102400}}) {
    std::string path =
        fmt::format("{}/data/tokenizers/ggml-vocab-{}.gguf", WHET_SHARED_DIR, known.file);
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "no real vocabularies on this machine";
    auto model = open_model_file(path);
    ASSERT_TRUE(model.ok()) << model.error().message();
    EXPECT_EQ(model->get_string("tokenizer.ggml.model").value(), known.model);
    EXPECT_EQ(model->get_strings("tokenizer.ggml.tokens").value().size(), known.n_tokens);
    EXPECT_EQ(model->get_ints("tokenizer.ggml.token_type").value().size(), known.n_tokens);
    EXPECT_TRUE(model->tensors.empty());
  }
}

}  // namespace
}  // namespace whet
