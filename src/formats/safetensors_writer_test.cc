#include "formats/safetensors_writer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "formats/model_file.h"
#include "formats/test_directory_for_test.h"

namespace whet {
namespace {

using SafeTensorsWriterTest = DirectoryTest;

TEST_F(SafeTensorsWriterTest, WritesWhatTheReaderReads) {
  const std::string file = path("model.safetensors");
  auto writer = SafeTensorsWriter::create(file, {{"format", "pt"}});
  ASSERT_TRUE(writer.ok());
  const uint64_t matrix[] = {2, 3}, vector[] = {5};
  ASSERT_TRUE(writer->add_tensor_info("a.weight", DType::F32, matrix).ok());
  ASSERT_TRUE(writer->add_tensor_info("b \"quoted\"", DType::U8, vector).ok());
  const std::vector<float> values{1, 2, 3, 4, 5, -6};
  const std::vector<uint8_t> bytes{9, 8, 7, 6, 5};
  ASSERT_TRUE(writer->write_header().ok());
  ASSERT_TRUE(writer->write_tensor_data(std::as_bytes(std::span(values)).first(7)).ok());
  ASSERT_TRUE(writer->write_tensor_data(std::as_bytes(std::span(values)).subspan(7)).ok());
  EXPECT_FALSE(std::filesystem::exists(file));
  ASSERT_TRUE(writer->write_tensor_data(std::as_bytes(std::span(bytes))).ok());
  ASSERT_TRUE(writer->finish().ok());
  const auto read = open_model_file(file);
  ASSERT_TRUE(read.ok()) << read.error().message();
  ASSERT_EQ(read->tensors.size(), 2u);
  const TensorEntry* a = read->find_tensor("a.weight");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->shape, (std::vector<uint64_t>{2, 3}));
  EXPECT_EQ(std::memcmp(a->bytes.data(), values.data(), a->bytes.size()), 0);
  const TensorEntry* b = read->find_tensor("b \"quoted\"");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->type, DType::U8);
  EXPECT_EQ(read->get_string("format").value(), "pt");
}

TEST_F(SafeTensorsWriterTest, RefusesWhatTheFormatCannotHold) {
  auto writer = SafeTensorsWriter::create(path("model.safetensors"), {});
  ASSERT_TRUE(writer.ok());
  const uint64_t shape[] = {32}, none[] = {0}, huge[] = {uint64_t{1} << 40, uint64_t{1} << 40};
  EXPECT_FALSE(writer->add_tensor_info("", DType::F32, shape).ok());
  EXPECT_FALSE(writer->add_tensor_info("__metadata__", DType::F32, shape).ok());
  EXPECT_FALSE(writer->add_tensor_info("q", DType::Q4_0, shape).ok());
  EXPECT_FALSE(writer->add_tensor_info("z", DType::F32, none).ok());
  EXPECT_FALSE(writer->add_tensor_info("h", DType::F32, huge).ok());
  EXPECT_TRUE(writer->add_tensor_info("a", DType::F32, shape).ok());
  EXPECT_FALSE(writer->add_tensor_info("a", DType::F32, shape).ok());
  ASSERT_TRUE(writer->write_header().ok());
  EXPECT_FALSE(writer->finish().ok());
  EXPECT_FALSE(std::filesystem::exists(path("model.safetensors")));
}

}  // namespace
}  // namespace whet
