#include "sys/file_bytes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace whet {
namespace {

namespace fs = std::filesystem;

using Opener = Result<std::shared_ptr<const FileBytes>> (*)(const std::string& path);

Result<std::shared_ptr<const FileBytes>> copy(const std::string& path) {
  WHET_TRY(std::shared_ptr<const FileBytes> file, FileBytes::copy(path));
  return file;
}

class FileBytesTest : public testing::TestWithParam<Opener> {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "file_bytes.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }
  std::string path() const { return (directory_ / "file").string(); }

  fs::path directory_;
};

TEST_P(FileBytesTest, HoldsTheBytes) {
  std::string content(3'000'001, 'a');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 31 >> 3);
  std::ofstream(path(), std::ios::binary) << content;
  auto file = GetParam()(path());
  ASSERT_TRUE(file.ok()) << file.error().message();
  EXPECT_TRUE(std::ranges::equal((*file)->bytes(),
                                 std::as_bytes(std::span(content.data(), content.size()))));
}

TEST_P(FileBytesTest, RefusesWhatIsNoFileWithContent) {
  auto message = [&](const std::string& at) {
    auto file = GetParam()(at);
    return file.ok() ? "" : file.error().message();
  };
  EXPECT_NE(message(path()).find("cannot open"), std::string::npos);
  EXPECT_NE(message(directory_.string()).find("a directory"), std::string::npos);
  std::ofstream(path(), std::ios::binary).flush();
  EXPECT_NE(message(path()).find("empty"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Access, FileBytesTest, testing::Values(&FileBytes::map, &copy),
                         [](const auto& test) { return test.param == &copy ? "Copy" : "Map"; });

using CopiedFileTest = FileBytesTest;

TEST_P(CopiedFileTest, RefusesMoreThanMemory) {
  std::ofstream(path(), std::ios::binary) << "sparse";
  fs::resize_file(path(), uint64_t{1} << 43);
  auto file = GetParam()(path());
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_NE(file.error().message().find("8796093022208 bytes"), std::string::npos);
}

TEST_P(CopiedFileTest, MayBeChangedWithoutTheFile) {
  std::ofstream(path(), std::ios::binary) << "before";
  auto file = FileBytes::copy(path());
  ASSERT_TRUE(file.ok()) << file.error().message();
  (*file)->writable_bytes()[0] = std::byte{'B'};
  EXPECT_EQ((*file)->bytes()[0], std::byte{'B'});
  (*file)->seal();
  EXPECT_DEATH((*file)->writable_bytes()[0] = std::byte{'C'}, "");
  EXPECT_EQ(read_file(path(), 100).value(), "before");
}

INSTANTIATE_TEST_SUITE_P(Access, CopiedFileTest, testing::Values(&copy),
                         [](const auto&) { return "Copy"; });

}  // namespace
}  // namespace whet
