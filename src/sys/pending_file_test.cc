#include "sys/pending_file.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "sys/file_bytes.h"

namespace whet {
namespace {

namespace fs = std::filesystem;

class PendingFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "pending_file.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string path() const { return (directory_ / "out").string(); }
  size_t n_entries() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(directory_), fs::directory_iterator()));
  }

  fs::path directory_;
};

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST_F(PendingFileTest, AppearsOnlyOnCommit) {
  auto file = PendingFile::create(path());
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->write(bytes_of("one ")).ok());
  ASSERT_TRUE(file->write(bytes_of("two")).ok());
  EXPECT_FALSE(fs::exists(path()));
  EXPECT_EQ(file->size_bytes(), 7u);
  ASSERT_TRUE(file->commit().ok());
  EXPECT_EQ(read_file(path(), 100).value(), "one two");
  EXPECT_EQ(n_entries(), 1u);
}

TEST_F(PendingFileTest, LeavesNothingWhenDroppedAndKeepsTheOldFile) {
  ASSERT_TRUE(write_file_atomically(path(), "old").ok());
  {
    auto file = PendingFile::create(path());
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->write(bytes_of("new")).ok());
    PendingFile moved = std::move(*file);
    EXPECT_EQ(n_entries(), 2u);
  }
  EXPECT_EQ(n_entries(), 1u);
  EXPECT_EQ(read_file(path(), 100).value(), "old");
}

TEST_F(PendingFileTest, NamesTheMissingDirectory) {
  auto file = PendingFile::create((directory_ / "absent" / "out").string());
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(file.error().message().find("absent"), std::string::npos);
}

}  // namespace
}  // namespace whet
