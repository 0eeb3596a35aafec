#include "sys/file_bytes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "sys/pending_file.h"

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

class MappingFaultTest : public FileBytesTest {};

TEST_P(MappingFaultTest, EndsWithAMessageWhereAMappedFileShrinks) {
  std::ofstream(path(), std::ios::binary) << std::string(1 << 20, 'x');
  auto other = FileBytes::map("/proc/self/exe");  // known before: it must not be blamed
  auto file = GetParam()(path());
  ASSERT_TRUE(file.ok());
  EXPECT_EXIT(
      {
        exit_on_mapping_fault(73);
        fs::resize_file(path(), 4096);
        const volatile std::byte* bytes = (*file)->bytes().data();
        std::exit(static_cast<int>(bytes[900'000]));
      },
      testing::ExitedWithCode(73), "file: the file became shorter");
}

TEST_P(MappingFaultTest, RemovesWhatIsNotWrittenToItsEnd) {
  std::ofstream(path(), std::ios::binary) << std::string(1 << 20, 'x');
  auto file = GetParam()(path());
  ASSERT_TRUE(file.ok());
  const auto n_entries = [this] {
    return std::distance(fs::directory_iterator(directory_), fs::directory_iterator());
  };
  const auto before = n_entries();
  EXPECT_EXIT(
      {
        exit_on_mapping_fault(73);
        auto output = PendingFile::create(path() + ".out");
        auto complete = PendingFile::create(path() + ".complete");
        if (!output.ok() || !complete.ok() || !complete->commit().ok()) std::exit(1);
        if (n_entries() != before + 2) std::exit(2);
        fs::resize_file(path(), 4096);
        const volatile std::byte* bytes = (*file)->bytes().data();
        std::exit(static_cast<int>(bytes[900'000]));
      },
      testing::ExitedWithCode(73), "became shorter");
  EXPECT_EQ(n_entries(), before + 1) << "the temporary is gone, what was complete stays";
  EXPECT_TRUE(fs::exists(path() + ".complete"));
}

TEST_P(MappingFaultTest, LeavesOtherFaultsAlone) {
  std::ofstream(path(), std::ios::binary) << std::string(1 << 20, 'x');
  EXPECT_EXIT(
      {
        exit_on_mapping_fault(73);
        {
          auto gone = GetParam()(path());  // a name that is no longer in use
        }
        const int fd = ::open(path().c_str(), O_RDONLY);
        void* address = ::mmap(nullptr, 1 << 20, PROT_READ, MAP_PRIVATE, fd, 0);
        fs::resize_file(path(), 0);
        std::exit(static_cast<volatile char*>(address)[0]);
      },
      testing::KilledBySignal(SIGBUS), "");
}

INSTANTIATE_TEST_SUITE_P(Access, MappingFaultTest, testing::Values(&FileBytes::map),
                         [](const auto&) { return "Map"; });

}  // namespace
}  // namespace whet
