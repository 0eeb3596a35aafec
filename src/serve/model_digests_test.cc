#include "serve/model_digests.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace whet::serve {
namespace {

namespace fs = std::filesystem;

// printf abc | sha256sum
constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

class ModelDigestsTest : public testing::Test {
 protected:
  ModelDigestsTest() { fs::create_directories(directory_); }
  ~ModelDigestsTest() override { fs::remove_all(directory_); }

  std::string write(const std::string& name, const std::string& text) {
    const fs::path path = directory_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }

  const fs::path directory_ =
      fs::path(testing::TempDir()) /
      (std::string("digests_") + testing::UnitTest::GetInstance()->current_test_info()->name());
  ModelDigests digests_;
};

TEST_F(ModelDigestsTest, HashesAFileAndKeepsIt) {
  const std::string path = write("a.gguf", "abc");
  EXPECT_EQ(digests_.wait(path), kAbc);
  EXPECT_EQ(digests_.find(path), kAbc) << "without waiting";
}

TEST_F(ModelDigestsTest, HashesAChangedFileAgain) {
  const std::string path = write("a.gguf", "abc");
  digests_.wait(path);
  write("a.gguf", "abcd");
  EXPECT_NE(digests_.wait(path), kAbc);
  write("a.gguf", "abc");
  EXPECT_EQ(digests_.wait(path), kAbc);
}

TEST_F(ModelDigestsTest, BelievesTheNameOfABlob) {
  const std::string hex(64, 'a');
  const std::string ollama = write("blobs/sha256-" + hex, "abc");
  EXPECT_EQ(digests_.find(ollama), hex);
  const std::string other(64, 'b');
  write("blobs/" + other, "abc");
  const fs::path link = directory_ / "model.gguf";
  fs::create_symlink("blobs/" + other, link);
  EXPECT_EQ(digests_.find(link.string()), other);
  EXPECT_EQ(digests_.wait(write("elsewhere/" + other, "abc")), kAbc) << "not among blobs";
}

TEST_F(ModelDigestsTest, OfSeveralFilesItIsThatOfTheirList) {
  write("m/config.json", "abc");
  write("m/model.safetensors", "abc");
  // printf 'abc  config.json\n...' as sha256sum prints it | sha256sum
  const std::string list = std::string(kAbc) + "  config.json\n" + kAbc + "  model.safetensors\n";
  EXPECT_EQ(digests_.wait((directory_ / "m").string()), digests_.wait(write("list", list)));
}

TEST_F(ModelDigestsTest, AFileThatIsNotThereHasNone) {
  EXPECT_EQ(digests_.wait((directory_ / "absent.gguf").string()), "");
}

}  // namespace
}  // namespace whet::serve
