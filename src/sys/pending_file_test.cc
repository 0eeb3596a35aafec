#include "sys/pending_file.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

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

mode_t mode_of(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 ? info.st_mode : 0;
}

/// The umask of a scope; the process's own comes back at its end.
class Umask {
 public:
  explicit Umask(mode_t mask) : before_(::umask(mask)) {}
  ~Umask() { ::umask(before_); }
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;

 private:
  mode_t before_;
};

TEST_F(PendingFileTest, ANewFileHasTheModeThatTheUmaskGives) {
  for (mode_t mask : {077, 002, 022, 027}) {
    const Umask umask(mask);
    fs::remove(path());
    ASSERT_TRUE(write_file_atomically(path(), "x").ok());
    EXPECT_EQ(mode_of(path()) & 07777, 0666 & ~mask) << std::oct << mask;
  }
}

TEST_F(PendingFileTest, AReplacedFileKeepsItsModeUnderAnyUmask) {
  for (mode_t mode : {0600, 0640, 0666, 0755}) {
    const Umask umask(027);
    ASSERT_TRUE(write_file_atomically(path(), "old").ok());
    ASSERT_EQ(::chmod(path().c_str(), mode), 0);
    auto file = PendingFile::create(path());
    ASSERT_TRUE(file.ok());
    for (const auto& entry : fs::directory_iterator(directory_)) {
      EXPECT_EQ(mode_of(entry.path()) & 077 & ~mode, 0u)
          << "readable by others while it is written";
    }
    ASSERT_TRUE(file->write(bytes_of("new")).ok());
    ASSERT_TRUE(file->commit().ok());
    EXPECT_EQ(mode_of(path()) & 07777, mode) << std::oct << mode;
    EXPECT_EQ(read_file(path(), 100).value(), "new");
  }
}

TEST_F(PendingFileTest, AReplacedFileKeepsItsOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files to others";
  ASSERT_TRUE(write_file_atomically(path(), "old").ok());
  if (::chown(path().c_str(), 12345, 23456) != 0) GTEST_SKIP() << "no such user can be had here";
  ASSERT_TRUE(write_file_atomically(path(), "new").ok());
  struct stat info {};
  ASSERT_EQ(::stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 12345u);
  EXPECT_EQ(info.st_gid, 23456u);
}

TEST_F(PendingFileTest, WritesTheTargetOfALinkAndLeavesTheLink) {
  fs::create_directory(directory_ / "far");
  const std::string target = directory_ / "far" / "target";
  ASSERT_TRUE(write_file_atomically(target, "old").ok());
  fs::create_symlink("far/target", directory_ / "near");
  fs::create_symlink(directory_ / "near", path());  // a link to a link, absolute to relative
  ASSERT_TRUE(write_file_atomically(path(), "new").ok());
  EXPECT_TRUE(S_ISLNK(mode_of(path())));
  EXPECT_TRUE(S_ISREG(mode_of(target)));
  EXPECT_EQ(read_file(target, 100).value(), "new");
  fs::remove(target);
  ASSERT_TRUE(write_file_atomically(path(), "made").ok());
  EXPECT_TRUE(S_ISLNK(mode_of(path())));
  EXPECT_EQ(read_file(target, 100).value(), "made");
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_ / "far"), fs::directory_iterator()), 1);
}

TEST_F(PendingFileTest, RefusesALinkThatGoesRound) {
  fs::create_symlink("out", directory_ / "other");
  fs::create_symlink("other", path());
  EXPECT_FALSE(PendingFile::create(path()).ok());
}

TEST_F(PendingFileTest, WritesAFifoDirectly) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  std::string received;
  std::thread reader([&] {
    std::ifstream in(path(), std::ios::binary);
    std::getline(in, received, '\0');
  });
  EXPECT_TRUE(write_file_atomically(path(), "through the pipe").ok());
  reader.join();
  EXPECT_EQ(received, "through the pipe");
  EXPECT_TRUE(S_ISFIFO(mode_of(path())));
  EXPECT_EQ(n_entries(), 1u);
}

TEST_F(PendingFileTest, WritesADeviceDirectlyAndReportsItsErrors) {
  // Links, so that a regression would replace the link and not the machine's device.
  fs::create_symlink("/dev/null", directory_ / "null");
  fs::create_symlink("/dev/full", directory_ / "full");
  EXPECT_TRUE(write_file_atomically(directory_ / "null", "gone").ok());
  EXPECT_TRUE(S_ISLNK(mode_of(directory_ / "null")));
  const Status full = write_file_atomically(directory_ / "full", "too much");
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_NE(full.error().message().find("No space left"), std::string::npos);
  EXPECT_TRUE(S_ISLNK(mode_of(directory_ / "full")));
  EXPECT_EQ(n_entries(), 2u);
}

TEST_F(PendingFileTest, KeepsADeviceNode) {
  if (::mknod(path().c_str(), S_IFCHR | 0600, makedev(1, 3)) != 0) {
    GTEST_SKIP() << "no device nodes can be made here";
  }
  const Status written = write_file_atomically(path(), "gone");
  EXPECT_TRUE(S_ISCHR(mode_of(path())));
  // Some file systems refuse to open devices; then nothing may have been written at all.
  if (!written.ok()) {
    EXPECT_NE(written.error().message().find("ermission"), std::string::npos);
  }
}

TEST_F(PendingFileTest, RefusesWhatIsNoFile) {
  fs::create_directory(path());
  auto message = [&](const std::string& at) {
    auto file = PendingFile::create(at);
    return file.ok() ? "" : file.error().message();
  };
  EXPECT_NE(message(path()).find("a directory"), std::string::npos);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string socket_path = directory_ / "socket";
  ASSERT_LT(socket_path.size(), sizeof address.sun_path);
  std::copy(socket_path.begin(), socket_path.end(), address.sun_path);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_NE(message(socket_path).find("a socket"), std::string::npos);
  ::close(fd);
}

TEST_F(PendingFileTest, RefusesAFileThatMayNotBeWritten) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write to every file";
  ASSERT_TRUE(write_file_atomically(path(), "old").ok());
  ASSERT_EQ(::chmod(path().c_str(), 0444), 0);
  EXPECT_FALSE(write_file_atomically(path(), "new").ok());
  EXPECT_EQ(read_file(path(), 100).value(), "old");
}

}  // namespace
}  // namespace whet
