// One test for each way in which a GGUF file has been used to attack a reader, and for each rule.
#include "formats/gguf_part.h"

#include <gtest/gtest.h>

#include "formats/error_assertions_for_test.h"
#include "formats/gguf_bytes_for_test.h"

namespace whet {
namespace {

Result<GgufPart> parse(const GgufBytes& file) {
  return parse_gguf(file.bytes());
}

template <typename T>
T value_of(const GgufPart& part, std::string_view key) {
  return std::get<T>(part.metadata.find(key)->second.value);
}

TEST(GgufPart, ReadsEveryValueType) {
  auto part = parse(small_valid_gguf());
  ASSERT_TRUE(part.ok()) << part.error().message();
  EXPECT_EQ(part->version, 3u);
  EXPECT_EQ(part->alignment, 32u);
  EXPECT_EQ(value_of<std::string>(*part, "general.architecture"), "llama");
  EXPECT_EQ(value_of<uint64_t>(*part, "u8"), 200u);
  EXPECT_EQ(value_of<int64_t>(*part, "i8"), -100);
  EXPECT_EQ(value_of<uint64_t>(*part, "u16"), 60000u);
  EXPECT_EQ(value_of<int64_t>(*part, "i16"), -30000);
  EXPECT_EQ(value_of<int64_t>(*part, "i32"), -7);
  EXPECT_EQ(value_of<double>(*part, "f32"), 0.5);
  EXPECT_EQ(value_of<bool>(*part, "yes"), true);
  EXPECT_EQ(value_of<uint64_t>(*part, "u64"), uint64_t{1} << 63);
  EXPECT_EQ(value_of<int64_t>(*part, "i64"), INT64_MIN);
  EXPECT_EQ(value_of<double>(*part, "f64"), 1e300);
  EXPECT_EQ(value_of<MetaArray>(*part, "floats"), MetaArray(std::vector<double>{1.5, -2.0}));
  EXPECT_EQ(value_of<MetaArray>(*part, "bools"), MetaArray(std::vector<bool>{true, false, true}));
  EXPECT_EQ(value_of<MetaArray>(*part, "strings"),
            MetaArray(std::vector<std::string>{"", "a", "<0x0A>"}));
  EXPECT_EQ(value_of<MetaArray>(*part, "empty"), MetaArray(std::vector<uint64_t>{}));
  EXPECT_EQ(part->metadata.find("f32")->second.stored_as, MetaType::kFloat32);
}

TEST(GgufPart, ReversesDimensionsAndPlacesTensors) {
  auto file = small_valid_gguf();
  auto part = parse(file);
  ASSERT_TRUE(part.ok());
  ASSERT_EQ(part->tensors.size(), 2u);
  const GgufTensorInfo& a = part->tensors[0];
  const GgufTensorInfo& b = part->tensors[1];
  EXPECT_EQ(a.name, "a.weight");
  EXPECT_EQ(a.type, DType::F32);
  EXPECT_EQ(a.shape, (std::vector<uint64_t>{2, 8}));
  EXPECT_EQ(a.n_bytes, 64u);
  EXPECT_EQ(b.n_bytes, 68u);
  EXPECT_EQ(file.str()[a.file_offset], 'a');
  EXPECT_EQ(file.str()[b.file_offset], 'b');
  EXPECT_EQ(b.file_offset + b.n_bytes, file.str().size());
}

TEST(GgufPart, CutAnywhereItIsRefused) {
  std::string whole = small_valid_gguf().str();
  for (size_t n = 0; n < whole.size(); ++n) {
    std::string cut = whole.substr(0, n);  // own allocation: a read past the end is visible
    auto part = parse_gguf(std::as_bytes(std::span(cut.data(), cut.size())));
    EXPECT_FALSE(part.ok()) << "cut at byte " << n;
  }
}

TEST(GgufPart, RefusesOtherVersionsAndByteOrders) {
  expect_refused(parse(GgufBytes().header(0, 0, 1)), {"version 1"});
  expect_refused(parse(GgufBytes().header(0, 0, 4)), {"version 2 or 3", "4"});
  expect_refused(parse(GgufBytes().header(0, 0, 0x03000000)), {"big-endian"});
  expect_refused(parse(GgufBytes().raw("FUGG").data(20)), {"magic", "FUGG"});
  EXPECT_TRUE(parse(GgufBytes().header(0, 0, 2)).ok());
}

// CVE-2024-21802 and its kin: counts and lengths that were believed.
TEST(GgufPart, RefusesCountsThatTheFileCannotHold) {
  for (uint64_t n : {uint64_t{2}, uint64_t{1} << 32, uint64_t{1} << 60, UINT64_MAX}) {
    expect_refused(parse(GgufBytes().header(0, n).uint32_key("k", 1)), {"metadata keys"});
    expect_refused(parse(GgufBytes().header(n, 0).tensor("t", {8}, 0, 0)), {"tensors"});
  }
}

TEST(GgufPart, RefusesStringsThatEndOutsideTheFile) {
  for (uint64_t n : {uint64_t{6}, uint64_t{1} << 32, UINT64_MAX - 8, UINT64_MAX}) {
    expect_refused(parse(GgufBytes().header(0, 1).key("k", 8).number(n).raw("short")),
                   {"key \"k\"", "string at byte", "5 are left"});
  }
}

TEST(GgufPart, RefusesArraysThatEndOutsideTheFile) {
  for (uint32_t type : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 10u, 11u, 12u}) {
    // 2^61 + 1 eight-byte elements wrap to 8 bytes.
    for (uint64_t n : {uint64_t{9}, (uint64_t{1} << 61) + 1, UINT64_MAX}) {
      auto file = GgufBytes().header(0, 1).array_key("k", type, n).data(8, '\0');
      expect_refused(parse(file), {"key \"k\"", "array of"});
    }
  }
}

TEST(GgufPart, RefusesNestedArraysAndUnknownTypes) {
  expect_refused(parse(GgufBytes().header(0, 1).array_key("k", 9, 0)), {"arrays of arrays", "k"});
  expect_refused(parse(GgufBytes().header(0, 1).array_key("k", 13, 0)), {"value type 13"});
  expect_refused(parse(GgufBytes().header(0, 1).key("k", 13).data(8)), {"value type 13"});
}

TEST(GgufPart, RefusesBooleansOtherThanZeroAndOne) {
  expect_refused(parse(GgufBytes().header(0, 1).key("k", 7).number<uint8_t>(2)), {"0 or 1", "2"});
  expect_refused(parse(GgufBytes().header(0, 1).array_key("k", 7, 1).number<uint8_t>(255)),
                 {"0 or 1", "255"});
}

TEST(GgufPart, BoundsKeysAndRefusesRepeatedOnes) {
  expect_refused(parse(GgufBytes().header(0, 1).uint32_key("", 1).data(8)), {"1..65535"});
  expect_refused(parse(GgufBytes().header(0, 1).uint32_key(std::string(65536, 'k'), 1)),
                 {"1..65535", "65536"});
  EXPECT_TRUE(parse(GgufBytes().header(0, 1).uint32_key(std::string(65535, 'k'), 1)).ok());
  expect_refused(parse(GgufBytes().header(0, 2).uint32_key("k", 1).uint32_key("k", 1)),
                 {"key \"k\" occurs twice"});
}

TEST(GgufPart, RefusesTensorsListedTwiceOrWithoutName) {
  auto twice = GgufBytes().header(2, 0).tensor("t", {8}, 0, 0).tensor("t", {8}, 0, 32);
  expect_refused(parse(twice.pad().data(64)), {"tensor \"t\" is listed twice"});
  expect_refused(parse(GgufBytes().header(1, 0).tensor("", {8}, 0, 0).pad().data(32)),
                 {"name of 1.."});
}

GgufBytes one_tensor(std::vector<uint64_t> dims, uint32_t type, uint64_t offset = 0) {
  return GgufBytes().header(1, 0).tensor("t", std::move(dims), type, offset).pad().data(1024);
}

TEST(GgufPart, BoundsDimensions) {
  expect_refused(parse(one_tensor({}, 0)), {"1..4 dimensions", "found 0"});
  expect_refused(parse(one_tensor({2, 2, 2, 2, 2}, 0)), {"1..4 dimensions", "found 5"});
  expect_refused(parse(one_tensor({8, 0}, 0)), {"zero dimension"});
  EXPECT_TRUE(parse(one_tensor({2, 2, 2, 2}, 0)).ok());
}

// CVE-2025-53630, CVE-2026-33298: products of dimensions that wrap to something small.
TEST(GgufPart, RefusesSizesThatWrap) {
  uint64_t big = uint64_t{1} << 32;
  expect_refused(parse(one_tensor({big, big}, 0)), {"64 bits"});
  expect_refused(parse(one_tensor({big, big / 2, 2}, 0)), {"64 bits"});
  expect_refused(parse(one_tensor({uint64_t{1} << 62}, 0)), {"64 bits"});     // × 4 bytes wraps
  expect_refused(parse(one_tensor({UINT64_MAX / 32 * 32}, 8)), {"64 bits"});  // × 34 / 32 wraps
  expect_refused(parse(one_tensor({uint64_t{1} << 61}, 0)), {"end of the file"});
}

TEST(GgufPart, RefusesRowsThatAreNotWholeBlocks) {
  expect_refused(parse(one_tensor({31}, 8)), {"multiple of 32", "Q8_0"});
  expect_refused(parse(one_tensor({128, 2}, 12)), {"multiple of 256", "Q4_K", "[2,128]"});
}

TEST(GgufPart, RefusesUnsupportedTensorTypesByName) {
  expect_refused(parse(one_tensor({32}, 4)), {"tensor \"t\"", "Q4_2 (removed)"});
  expect_refused(parse(one_tensor({32}, 4000000000u)), {"4000000000"});
}

// CVE-2025-0317 (division by zero) and CVE-2025-0315 (unbounded padding).
TEST(GgufPart, BoundsTheAlignment) {
  for (uint32_t alignment : {0u, 3u, 4u, 24u, 1u << 21, 0x80000000u, UINT32_MAX}) {
    auto file = GgufBytes().header(0, 1).uint32_key("general.alignment", alignment);
    expect_refused(parse(file), {"general.alignment", "power of two"});
  }
  expect_refused(parse(GgufBytes().header(0, 1).string_key("general.alignment", "32")),
                 {"general.alignment", "another type"});
  for (uint32_t alignment : {8u, 64u, 1u << 20}) {
    auto file = GgufBytes().header(1, 1).uint32_key("general.alignment", alignment);
    file.tensor("t", {8}, 0, 0).pad(alignment).data(32);
    auto part = parse(file);
    ASSERT_TRUE(part.ok()) << part.error().message();
    EXPECT_EQ(part->tensors[0].file_offset, file.str().size() - 32);
  }
}

// CVE-2026-7482 ("Bleeding Llama"): tensor data outside the file is other people's memory.
TEST(GgufPart, RefusesTensorsOutsideTheFile) {
  EXPECT_TRUE(parse(one_tensor({256}, 0)).ok());
  expect_refused(parse(one_tensor({257}, 0)), {"tensor \"t\"", "end of the file"});
  expect_refused(parse(one_tensor({8}, 0, 1024)), {"end of the file"});
  expect_refused(parse(one_tensor({8}, 0, uint64_t{1} << 63)), {"end of the file"});
  expect_refused(parse(one_tensor({8}, 0, UINT64_MAX - 31)), {"end of the file"});
  expect_refused(parse(one_tensor({8}, 0, 4)), {"multiple of 32", "found 4"});
}

TEST(GgufPart, RefusesOverlappingTensors) {
  auto overlapping = [](uint64_t second_offset) {
    GgufBytes file;
    file.header(2, 0).tensor("first", {16}, 0, 0).tensor("second", {8}, 0, second_offset);
    return parse(file.pad().data(256));
  };
  expect_refused(overlapping(0), {"\"first\"", "\"second\"", "overlap"});
  expect_refused(overlapping(32), {"\"first\"", "\"second\"", "overlap"});
  EXPECT_TRUE(overlapping(64).ok());
  EXPECT_TRUE(overlapping(128).ok()) << "a gap is harmless";
}

TEST(GgufPart, MessagesEscapeWhatTheFileSays) {
  std::string evil = "\x1b[31m\n" + std::string(1000, 'k');
  auto part = parse(GgufBytes().header(0, 2).uint32_key(evil, 1).uint32_key(evil, 1));
  expect_refused(part, {"\\x1b[31m\\x0a"});
  EXPECT_LT(part.error().message().size(), 300u);
}

}  // namespace
}  // namespace whet
