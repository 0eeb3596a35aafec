#include "formats/gguf_writer.h"

#include <gtest/gtest.h>

#include <limits>

#include "formats/error_assertions_for_test.h"
#include "formats/gguf_bytes_for_test.h"
#include "formats/test_directory_for_test.h"

namespace whet {
namespace {

using GgufWriterTest = DirectoryTest;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// Copies a model through the writer; tensor data in two pieces.
Status copy_model(const ModelFile& model, const std::string& path) {
  WHET_TRY(GgufWriter writer, GgufWriter::create(path));
  for (const auto& [key, value] : model.metadata) WHET_TRY_STATUS(writer.add_meta(key, value));
  for (const TensorEntry& tensor : model.tensors) {
    WHET_TRY_STATUS(writer.add_tensor_info(tensor.name, tensor.type, tensor.shape));
  }
  WHET_TRY_STATUS(writer.write_header());
  for (const TensorEntry& tensor : model.tensors) {
    WHET_TRY_STATUS(writer.write_tensor_data(tensor.bytes.first(5)));
    WHET_TRY_STATUS(writer.write_tensor_data(tensor.bytes.subspan(5)));
  }
  return writer.finish();
}

TEST_F(GgufWriterTest, CopyReadsBackEqual) {
  auto original = open_model_file(put("original.gguf", small_valid_gguf().str()));
  ASSERT_TRUE(original.ok()) << original.error().message();
  auto copied = copy_model(*original, path("copy.gguf"));
  ASSERT_TRUE(copied.ok()) << copied.error().message();
  auto copy = open_model_file(path("copy.gguf"));
  ASSERT_TRUE(copy.ok()) << copy.error().message();

  EXPECT_EQ(copy->metadata, original->metadata);  // with the stored widths
  EXPECT_EQ(copy->gguf_alignment, original->gguf_alignment);
  ASSERT_EQ(copy->tensors.size(), original->tensors.size());
  for (size_t i = 0; i < copy->tensors.size(); ++i) {
    const TensorEntry& a = original->tensors[i];
    const TensorEntry& b = copy->tensors[i];
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.type, b.type);
    EXPECT_EQ(a.shape, b.shape);
    EXPECT_TRUE(std::ranges::equal(a.bytes, b.bytes));
  }
}

TEST_F(GgufWriterTest, ChoosesTheWidthsThatOthersExpect) {
  auto writer = GgufWriter::create(path("m.gguf"));
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->add_uint("small", 7).ok());
  ASSERT_TRUE(writer->add_uint("large", uint64_t{1} << 40).ok());
  ASSERT_TRUE(writer->add_float("float", 0.1).ok());
  ASSERT_TRUE(writer->add_bool("bool", true).ok());
  ASSERT_TRUE(writer->add_string("string", "s").ok());
  ASSERT_TRUE(writer->add_array("ints", std::vector<int64_t>{-1, 2}).ok());
  ASSERT_TRUE(writer->add_array("wide", std::vector<int64_t>{int64_t{1} << 40}).ok());
  ASSERT_TRUE(writer->add_meta("as asked", {uint64_t{7}, MetaType::kUint16}).ok());
  ASSERT_TRUE(writer->write_header().ok());
  ASSERT_TRUE(writer->finish().ok());

  auto model = open_model_file(path("m.gguf"));
  ASSERT_TRUE(model.ok()) << model.error().message();
  auto stored_as = [&](std::string_view key) {
    return model->metadata.find(key)->second.stored_as;
  };
  EXPECT_EQ(stored_as("small"), MetaType::kUint32);
  EXPECT_EQ(stored_as("large"), MetaType::kUint64);
  EXPECT_EQ(stored_as("float"), MetaType::kFloat32);
  EXPECT_EQ(stored_as("bool"), MetaType::kBool);
  EXPECT_EQ(stored_as("string"), MetaType::kString);
  EXPECT_EQ(stored_as("ints"), MetaType::kInt32);
  EXPECT_EQ(stored_as("wide"), MetaType::kInt64);
  EXPECT_EQ(stored_as("as asked"), MetaType::kUint16);
  EXPECT_EQ(model->get_float("float").value(), static_cast<double>(0.1f));
}

TEST_F(GgufWriterTest, RefusesWhatAReaderWouldRefuse) {
  auto writer = GgufWriter::create(path("m.gguf"));
  ASSERT_TRUE(writer.ok());
  auto refused = [](const Status& status, std::string_view fragment) {
    expect_refused(status, {fragment}, ErrorCode::kInvalidArgument);
  };
  refused(writer->add_uint("", 1), "1..65535");
  refused(writer->add_uint("general.alignment", 24), "power of two");
  refused(writer->add_meta("k", {uint64_t{256}, MetaType::kUint8}), "256 does not fit u8");
  refused(writer->add_meta("k", {int64_t{-1}, MetaType::kUint64}), "-1 does not fit u64");
  refused(writer->add_meta("k", {std::string("s"), MetaType::kUint8}), "cannot be stored as u8");
  refused(writer->add_float("k", 1e300), "does not fit f32");
  ASSERT_TRUE(writer->add_uint("k", 1).ok()) << "a refused key is not taken";
  refused(writer->add_uint("k", 1), "already added");

  std::vector<uint64_t> shape{2, 32};
  ASSERT_TRUE(writer->add_tensor_info("t", DType::Q8_0, shape).ok());
  refused(writer->add_tensor_info("t", DType::Q8_0, shape), "already added");
  refused(writer->add_tensor_info("five", DType::F32, std::vector<uint64_t>{1, 1, 1, 1, 1}),
          "at most 4");
  expect_refused(writer->add_tensor_info("odd", DType::Q8_0, std::vector<uint64_t>{33}), {"of 32"});
  expect_refused(writer->add_tensor_info("zero", DType::F32, std::vector<uint64_t>{0}), {"zero"});
}

TEST_F(GgufWriterTest, KeepsTheDataAlignedAndComplete) {
  auto writer = GgufWriter::create(path("m.gguf"));
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->add_uint("general.alignment", 256).ok());
  ASSERT_TRUE(writer->add_tensor_info("a", DType::F32, std::vector<uint64_t>{3}).ok());
  ASSERT_TRUE(writer->add_tensor_info("b", DType::F16, std::vector<uint64_t>{2}).ok());
  ASSERT_TRUE(writer->write_header().ok());
  ASSERT_TRUE(writer->write_tensor_data(bytes_of("aaaaaaaaaaa")).ok());
  expect_refused(writer->write_tensor_data(bytes_of("ab")), {"at most 1"},
                 ErrorCode::kInvalidArgument);
  expect_refused(writer->finish(), {"\"a\"", "1 of its 12 bytes"}, ErrorCode::kInvalidArgument);
  ASSERT_TRUE(writer->write_tensor_data(bytes_of("a")).ok());
  ASSERT_TRUE(writer->write_tensor_data(bytes_of("bbbb")).ok());
  expect_refused(writer->write_tensor_data(bytes_of("c")), {"more tensor data"},
                 ErrorCode::kInvalidArgument);
  EXPECT_FALSE(std::filesystem::exists(path("m.gguf")));
  ASSERT_TRUE(writer->finish().ok());

  auto model = open_model_file(path("m.gguf"));
  ASSERT_TRUE(model.ok()) << model.error().message();
  EXPECT_EQ(model->gguf_alignment, 256u);
  EXPECT_EQ(model->find_tensor("a")->file_offset % 256, 0u);
  EXPECT_EQ(model->find_tensor("b")->file_offset % 256, 0u);
  EXPECT_EQ(model->find_tensor("b")->bytes[0], std::byte{'b'});
}

}  // namespace
}  // namespace whet
