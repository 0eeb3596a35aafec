// SafeTensors on disk and in memory: what is read, and every rule that refuses.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "formats/error_assertions_for_test.h"
#include "formats/gguf_bytes_for_test.h"
#include "formats/safetensors_header.h"
#include "formats/safetensors_reader.h"
#include "formats/shard_index.h"
#include "formats/strict_json.h"
#include "formats/test_directory_for_test.h"

namespace whet {
namespace {

using SafeTensorsTest = DirectoryTest;

std::string file_of(std::string_view header, size_t n_data, char fill = 'd') {
  return GgufBytes().text(header).data(n_data, fill).str();
}

Result<SafeTensorsHeader> parse(std::string_view header, size_t n_data) {
  std::string file = file_of(header, n_data);
  return parse_safetensors_header(std::as_bytes(std::span(file.data(), file.size())));
}

constexpr std::string_view kTwoTensors =
    R"({"__metadata__":{"format":"pt"},)"
    R"("late":{"dtype":"BF16","shape":[2,2],"data_offsets":[24,32]},)"
    R"("early":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}} )";

// A header with one tensor "t" of these fields.
std::string one(std::string_view dtype, std::string_view shape, std::string_view offsets) {
  return fmt::format(R"({{"t":{{"dtype":"{}","shape":{},"data_offsets":{}}}}})", dtype, shape,
                     offsets);
}

TEST(SafeTensorsHeader, ReadsTensorsInFileOrder) {
  auto header = parse(kTwoTensors, 32);
  ASSERT_TRUE(header.ok()) << header.error().message();
  ASSERT_EQ(header->tensors.size(), 2u);
  EXPECT_EQ(header->tensors[0].name, "early");
  EXPECT_EQ(header->tensors[0].shape, (std::vector<uint64_t>{2, 3}));
  EXPECT_EQ(header->tensors[0].file_offset, 8 + kTwoTensors.size());
  EXPECT_EQ(header->tensors[1].type, DType::BF16);
  EXPECT_EQ(header->tensors[1].n_bytes, 8u);
  EXPECT_EQ(header->metadata.at("format"), "pt");
  auto scalar = parse(one("F16", "[]", "[0,2]"), 2);
  ASSERT_TRUE(scalar.ok()) << scalar.error().message();
  EXPECT_TRUE(scalar->tensors[0].shape.empty());
}

TEST(SafeTensorsHeader, CutAnywhereItIsRefused) {
  std::string whole = file_of(kTwoTensors, 32);
  for (size_t n = 0; n < whole.size(); ++n) {
    std::string cut = whole.substr(0, n);
    auto header = parse_safetensors_header(std::as_bytes(std::span(cut.data(), cut.size())));
    EXPECT_FALSE(header.ok()) << "cut at byte " << n;
  }
}

TEST(SafeTensorsHeader, BoundsTheHeaderLength) {
  for (uint64_t n : {uint64_t{0}, uint64_t{1}, uint64_t{100'000'001}, UINT64_MAX}) {
    auto bytes = GgufBytes().number(n).raw("{}");
    expect_refused(parse_safetensors_header(bytes.bytes()), {"2..100000000"});
  }
  expect_refused(parse_safetensors_header(GgufBytes().number(uint64_t{3}).raw("{}").bytes()),
                 {"needs 3 bytes, 2 are left"});
}

TEST(SafeTensorsHeader, RefusesTextThatIsNotTheFormat) {
  expect_refused(parse("{]", 0), {"not valid JSON"});
  expect_refused(parse("{}x", 0), {"not valid JSON"});
  expect_refused(parse("[]", 0), {"expected an object, found an array"});
  expect_refused(parse(R"({"t":3})", 0), {"tensor \"t\"", "found a number"});
  expect_refused(parse(R"({"":{}})", 0), {"empty name"});
  expect_refused(parse("{\"\xff\":{}}", 0), {"not valid JSON"});
  expect_refused(parse(R"({"t":{"dtype":"F32","shape":[1]}})", 4), {"one is missing"});
  expect_refused(parse(R"({"__metadata__":{"a":1}})", 0), {"__metadata__ key \"a\"", "a string"});
  expect_refused(parse(one("F32", "[-1]", "[0,4]"), 4), {"\"shape\"", "negative"});
  expect_refused(parse(one("F32", "[1.0]", "[0,4]"), 4), {"\"shape\"", "a float"});
  expect_refused(parse(one("F32", "[18446744073709551616]", "[0,4]"), 4), {"a float"});
  expect_refused(parse(one("F32", "[[1]]", "[0,4]"), 4), {"found an array"});
  expect_refused(parse(one("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4), {"more than 8"});
}

TEST(SafeTensorsHeader, RefusesDeepNestingWithoutRecursion) {
  std::string deep(1'000'000, '[');
  expect_refused(parse(R"({"t":)" + deep, 0), {"found an array"});
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += R"({"a":)";
  expect_refused(parse(objects, 0), {"tensor \"a\"", "found an object"});
}

TEST(SafeTensorsHeader, RefusesRepeatedNamesAndFields) {
  expect_refused(parse(R"({"t":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},)"
                       R"("t":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}})",
                       4),
                 {"tensor \"t\" is listed twice"});
  expect_refused(
      parse(R"({"t":{"dtype":"F16","dtype":"F32","shape":[1],"data_offsets":[0,2]}})", 2),
      {"\"dtype\" occurs twice"});
  expect_refused(parse(R"({"t":{"dtype":"F16","shape":[1],"shape":[1],"data_offsets":[0,2]}})", 2),
                 {"\"shape\" occurs twice"});
  expect_refused(parse(R"({"__metadata__":{"a":"1","a":"2"}})", 0), {"\"a\" occurs twice"});
}

TEST(SafeTensorsHeader, RefusesOtherTypesByName) {
  expect_refused(parse(one("F64", "[1]", "[0,8]"), 8), {"tensor \"t\"", "\"F64\"", "BF16"});
  expect_refused(parse(one("F4", "[2]", "[0,1]"), 1), {"\"F4\""});
}

TEST(SafeTensorsHeader, ChecksPlaceAndLength) {
  expect_refused(parse(one("F32", "[2]", "[0,4]"), 8), {"F32 [2] needs 8 bytes", "hold 4"});
  expect_refused(parse(one("F32", "[0]", "[0,0]"), 0), {"zero dimension"});
  expect_refused(parse(one("F32", "[4294967296,4294967296]", "[0,0]"), 0), {"64 bits"});
  expect_refused(parse(one("F32", "[4611686018427387905]", "[0,4]"), 4), {"64 bits"});
  expect_refused(parse(one("F32", "[2]", "[0,8]"), 7), {"0..8", "7 bytes of data"});
  expect_refused(parse(one("F32", "[2]", "[8,0]"), 8), {"8..0"});
  // 2^64 - 8 bytes, which is also what 0 - 8 wraps to.
  expect_refused(parse(one("F32", "[4611686018427387902]", "[8,0]"), 8), {"8..0"});
  expect_refused(parse(one("F32", "[1]", "[18446744073709551612,18446744073709551615]"), 8),
                 {"do not lie"});
  expect_refused(parse(one("F32", "[1]", "[0,4,8]"), 8), {"two data_offsets, found 3"});
  expect_refused(parse(one("F32", "[1]", "[4,8]"), 8), {"a gap"});
  expect_refused(parse(one("F32", "[1]", "[0,4]"), 4 + 64), {"64 bytes after the last tensor"});
  EXPECT_TRUE(parse(one("F32", "[1]", "[0,4]"), 4 + 63).ok());
}

TEST(SafeTensorsHeader, RefusesOverlap) {
  expect_refused(parse(R"({"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},)"
                       R"("b":{"dtype":"F16","shape":[2],"data_offsets":[2,6]}})",
                       6),
                 {"tensor \"b\"", "overlap"});
}

TEST(StrictJson, RefusesRepeatedKeysAndDepth) {
  EXPECT_TRUE(parse_strict_json(R"({"a":{"b":[1,2]},"b":1})").ok());
  expect_refused(parse_strict_json(R"({"a":{"b":1,"b":2}})"), {"\"b\" twice"});
  expect_refused(parse_strict_json("{"), {"not valid JSON"});
  EXPECT_TRUE(parse_strict_json(std::string(64, '[') + std::string(64, ']')).ok());
  expect_refused(parse_strict_json(std::string(65, '[') + std::string(65, ']')), {"64 levels"});
  expect_refused(parse_strict_json(std::string(1'000'000, '[')), {"64 levels"});
}

TEST(ShardIndex, RefusesNamesThatLeaveTheDirectory) {
  for (std::string_view name : {"../x.safetensors", "/x.safetensors", "a/b.safetensors",
                                "a\\\\b.safetensors", "x.bin", ".x.safetensors", ""}) {
    expect_refused(parse_shard_index(fmt::format(R"({{"weight_map":{{"t":"{}"}}}})", name)),
                   {"plain name"});
  }
  expect_refused(parse_shard_index(R"({"weight_map":{"t":3}})"), {"name of a file"});
  expect_refused(parse_shard_index(R"({"weight_map":{}})"), {"empty"});
  expect_refused(parse_shard_index(R"([])"), {"weight_map"});
}

constexpr std::string_view kTensorA = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
constexpr std::string_view kTensorB = R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";

TEST_F(SafeTensorsTest, OpensAFileWithItsSideFiles) {
  auto file = put("model.safetensors", file_of(kTwoTensors, 32));
  put("config.json", R"({"model_type":"llama"})");
  put("tokenizer.model", std::string_view("\0\1", 2));
  put("unrelated.json", "{}");
  for (const std::string& path : {file, directory()}) {
    auto model = open_model_file(path);
    ASSERT_TRUE(model.ok()) << model.error().message();
    EXPECT_EQ(model->container, ModelFile::Container::kSafeTensors);
    EXPECT_EQ(model->tensors.size(), 2u);
    EXPECT_EQ(model->side_files.size(), 2u);
    EXPECT_EQ(model->side_files.at("config.json"), R"({"model_type":"llama"})");
    EXPECT_EQ(model->find_tensor("late")->bytes.size(), 8u);
  }
}

TEST_F(SafeTensorsTest, OpensShardsByTheirIndex) {
  put("model-00001-of-00002.safetensors", file_of(kTensorA, 8));
  put("model-00002-of-00002.safetensors", file_of(kTensorB, 4));
  put("model.safetensors.index.json",
      R"({"metadata":{"total_size":12},"weight_map":{)"
      R"("a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}})");
  auto model = open_model_file(directory());
  ASSERT_TRUE(model.ok()) << model.error().message();
  EXPECT_EQ(model->files.size(), 2u);
  EXPECT_EQ(model->find_tensor("b")->file_index, 1u);
  expect_refused(open_model_file(path("model-00002-of-00002.safetensors")),
                 {"one shard", "directory"});
}

TEST_F(SafeTensorsTest, RefusesAnIndexThatDisagrees) {
  auto open_with = [&](std::string_view weight_map) {
    put("model.safetensors.index.json", fmt::format(R"({{"weight_map":{}}})", weight_map));
    return open_model_file(directory());
  };
  put("x.safetensors", file_of(kTensorA, 8));
  put("y.safetensors", file_of(kTensorB, 4));
  EXPECT_TRUE(open_with(R"({"a":"x.safetensors","b":"y.safetensors"})").ok());
  expect_refused(open_with(R"({"a":"x.safetensors","b":"z.safetensors"})"),
                 {"z.safetensors", "index.json"}, ErrorCode::kNotFound);
  // What the index lists and no shard holds is for the architecture to judge.
  const auto promised = open_with(R"({"a":"x.safetensors","b":"x.safetensors"})");
  ASSERT_TRUE(promised.ok()) << promised.error().message();
  EXPECT_EQ(promised->missing_tensors, std::vector<std::string>{"b"});
  expect_refused(open_with(R"({"a":"x.safetensors","c":"y.safetensors"})"),
                 {"y.safetensors", "\"b\" is not in"});
  expect_refused(open_with(R"({"a":"y.safetensors","b":"x.safetensors"})"), {"belongs to"});
  put("y.safetensors", file_of(kTensorA, 8));
  expect_refused(open_with(R"({"a":"x.safetensors","b":"y.safetensors"})"), {"another shard"});
}

TEST_F(SafeTensorsTest, RefusesPickleByName) {
  expect_refused(open_model_file(directory()), {"no weights"}, ErrorCode::kNotFound);
  put("training_args.bin", "x");
  expect_refused(open_model_file(directory()), {"no weights"}, ErrorCode::kNotFound);
  put("pytorch_model.bin", "\x80\x02}q");
  expect_refused(open_model_file(directory()),
                 {"pytorch_model.bin", "pickle", "SafeTensors version"});
  expect_refused(open_model_file(path("pytorch_model.bin")), {"pytorch_model.bin", "pickle"});
  put("model-q4.gguf", "x");
  expect_refused(open_model_file(directory()), {"model-q4.gguf", "give the path"});
}

TEST_F(SafeTensorsTest, NamesWhatACloneWithoutLfsHolds) {
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
  put("model.safetensors", pointer);
  expect_refused(open_model_file(directory()), {"model.safetensors", "git lfs pull"});
  put("model.safetensors", file_of(kTwoTensors, 32));
  put("config.json", "{}");
  put("tokenizer.json", pointer);
  expect_refused(open_model_file(directory()), {"tokenizer.json", "git lfs pull"});
}

TEST_F(SafeTensorsTest, LimitsSideFiles) {
  put("model.safetensors", file_of(kTwoTensors, 32));
  put("config.json", std::string((4 << 20) + 1, ' '));
  expect_refused(open_model_file(directory()), {"config.json", "limit"},
                 ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace whet
