#include "sys/mapped_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace whet {
namespace {

namespace fs = std::filesystem;

class MappedFileTest : public testing::TestWithParam<FileAccess> {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "mapped_file.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }
  std::string path() const { return (directory_ / "file").string(); }

  fs::path directory_;
};

TEST_P(MappedFileTest, HoldsTheBytes) {
  std::string content(3'000'001, 'a');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 31 >> 3);
  std::ofstream(path(), std::ios::binary) << content;
  auto file = MappedFile::open(path(), GetParam());
  ASSERT_TRUE(file.ok()) << file.error().message();
  EXPECT_TRUE(std::ranges::equal((*file)->bytes(),
                                 std::as_bytes(std::span(content.data(), content.size()))));
}

TEST_P(MappedFileTest, RefusesWhatIsNoFileWithContent) {
  auto message = [&](const std::string& at) {
    auto file = MappedFile::open(at, GetParam());
    return file.ok() ? "" : file.error().message();
  };
  EXPECT_NE(message(path()).find("cannot open"), std::string::npos);
  EXPECT_NE(message(directory_.string()).find("a directory"), std::string::npos);
  std::ofstream(path(), std::ios::binary).flush();
  EXPECT_NE(message(path()).find("empty"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Access, MappedFileTest,
                         testing::Values(FileAccess::kMap, FileAccess::kCopy),
                         [](const auto& test) {
                           return test.param == FileAccess::kMap ? "Map" : "Copy";
                         });

using CopiedFileTest = MappedFileTest;

TEST_P(CopiedFileTest, RefusesMoreThanMemory) {
  std::ofstream(path(), std::ios::binary) << "sparse";
  fs::resize_file(path(), uint64_t{1} << 43);
  auto file = MappedFile::open(path(), GetParam());
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_NE(file.error().message().find("8796093022208 bytes"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Access, CopiedFileTest, testing::Values(FileAccess::kCopy),
                         [](const auto&) { return "Copy"; });

}  // namespace
}  // namespace whet
