// For tests only: a directory that is gone afterwards, and files in it.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace whet {

class DirectoryTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "whet_formats.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string directory() const { return directory_.string(); }
  std::string path(std::string_view name) const { return (directory_ / name).string(); }
  std::string put(std::string_view name, std::string_view content) const {
    std::ofstream file(path(name), std::ios::binary);  // no fsync: hundreds of files on a busy disk
    file.write(content.data(), static_cast<std::streamsize>(content.size()));
    EXPECT_TRUE(file.good());
    return path(name);
  }

 private:
  std::filesystem::path directory_;
};

}  // namespace whet
