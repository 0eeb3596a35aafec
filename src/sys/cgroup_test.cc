#include "sys/cgroup.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace whet {
namespace {

namespace fs = std::filesystem;
using Directories = std::vector<std::string>;

TEST(Cgroup, Version2WalksToTheRootOfItsMount) {
  const auto found =
      parse_cgroups("cpu", "0::/user.slice/app.slice/x.scope\n",
                    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].version, 2);
  EXPECT_EQ(found[0].directories, (Directories{"/sys/fs/cgroup/user.slice/app.slice/x.scope",
                                               "/sys/fs/cgroup/user.slice/app.slice",
                                               "/sys/fs/cgroup/user.slice", "/sys/fs/cgroup"}));
}

TEST(Cgroup, Version1FindsTheHierarchyOfTheController) {
  const std::string groups = "9:name=systemd:/a\n4:cpu,cpuacct:/slurm/job 7\n2:cpuset:/b\n";
  const std::string mounts =
      "31 30 0:27 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
      "32 30 0:28 / /cg\\040roups/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
      "33 30 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n";
  const auto found = parse_cgroups("cpu", groups, mounts);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].version, 1);
  EXPECT_EQ(found[0].directories,
            (Directories{"/cg roups/cpu,cpuacct/slurm/job 7", "/cg roups/cpu,cpuacct/slurm",
                         "/cg roups/cpu,cpuacct"}));
  EXPECT_EQ(parse_cgroups("cpuset", groups, mounts)[0].directories[0], "/sys/fs/cgroup/cpuset/b");
  EXPECT_TRUE(parse_cgroups("memory", groups, mounts).empty());
}

TEST(Cgroup, AContainerSeesItsGroupAsTheRootOfTheMount) {
  const std::string mounts =
      "32 30 0:28 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n";
  EXPECT_EQ(parse_cgroups("cpu", "4:cpu:/docker/abc/inner\n", mounts)[0].directories,
            (Directories{"/sys/fs/cgroup/cpu/inner", "/sys/fs/cgroup/cpu"}));
  EXPECT_EQ(parse_cgroups("cpu", "4:cpu:/docker/abc\n", mounts)[0].directories,
            (Directories{"/sys/fs/cgroup/cpu"}));
  EXPECT_EQ(parse_cgroups("cpu", "4:cpu:/docker/abcdef\n", mounts)[0].directories,
            (Directories{"/sys/fs/cgroup/cpu"}));
}

TEST(Cgroup, WithoutMountsTheUsualPlacesCount) {
  const auto found = parse_cgroups("cpu", "4:cpu:/x\n0::/y\n", "");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].directories, (Directories{"/sys/fs/cgroup/y", "/sys/fs/cgroup"}));
  EXPECT_EQ(found[1].directories, (Directories{"/sys/fs/cgroup/cpu/x", "/sys/fs/cgroup/cpu"}));
}

TEST(Cgroup, OddTextsGiveNothing) {
  for (const char* groups : {"", "\n", ":", "::", "4:cpu", "x\n0:\n"}) {
    for (const char* mounts : {"", " - ", "a b c d e - cgroup", "1 2 3 4 - cgroup2 x y"}) {
      for (const auto& found : parse_cgroups("memory", groups, mounts)) {
        EXPECT_FALSE(found.directories.empty());
      }
    }
  }
}

class CgroupFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "cgroup.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    fs::create_directories(directory_ / "a/b");
  }
  void TearDown() override { fs::remove_all(directory_); }
  void write(const fs::path& file, const std::string& text) const {
    std::ofstream(directory_ / file) << text << "\n";
  }
  std::vector<CgroupHierarchy> groups(int version) const {
    return {{version, {directory_ / "a/b", directory_ / "a", directory_}}};
  }

  fs::path directory_;
};

TEST_F(CgroupFilesTest, TheTightestQuotaOnTheWayCounts) {
  EXPECT_EQ(cgroup_cpu_quota(groups(2)), std::nullopt);
  write("a/b/cpu.max", "max 100000");
  EXPECT_EQ(cgroup_cpu_quota(groups(2)), std::nullopt);
  write("a/cpu.max", "150000 100000");
  write("cpu.max", "400000 100000");
  EXPECT_EQ(cgroup_cpu_quota(groups(2)), 1.5);
  write("a/b/cpu.cfs_quota_us", "-1");
  write("a/b/cpu.cfs_period_us", "100000");
  EXPECT_EQ(cgroup_cpu_quota(groups(1)), std::nullopt);
  write("a/cpu.cfs_quota_us", "25000");
  write("a/cpu.cfs_period_us", "50000");
  EXPECT_EQ(cgroup_cpu_quota(groups(1)), 0.5);
  std::vector<CgroupHierarchy> both = groups(1);
  both.push_back(groups(2)[0]);
  EXPECT_EQ(cgroup_cpu_quota(both), 0.5);
}

TEST_F(CgroupFilesTest, MemoryLeftIsTheLimitLessWhatIsUsed) {
  write("a/memory.max", "1000000");
  write("a/memory.stat", "anon 300000\nfile 600000");
  EXPECT_EQ(cgroup_memory_left(groups(2)), 700000u);
  write("memory.max", "max");
  write("memory.stat", "anon 5");
  EXPECT_EQ(cgroup_memory_left(groups(2)), 700000u);
  write("a/b/memory.limit_in_bytes", "9223372036854771712");
  write("a/b/memory.stat", "rss 1\ntotal_rss 7");
  EXPECT_EQ(cgroup_memory_left(groups(1)), std::nullopt);
  write("memory.limit_in_bytes", "50000");
  write("memory.stat", "cache 9\nrss 1\ntotal_rss 60000");
  EXPECT_EQ(cgroup_memory_left(groups(1)), 0u);
}

TEST(Cgroup, FindsADirectoryOfThisProcess) {
  std::ifstream groups("/proc/self/cgroup");
  if (!groups.good() || !fs::exists("/sys/fs/cgroup")) GTEST_SKIP() << "no cgroups here";
  for (const CgroupHierarchy& hierarchy : cgroup_hierarchies("cpu")) {
    for (const std::string& directory : hierarchy.directories) {
      EXPECT_TRUE(fs::exists(directory + "/cgroup.procs")) << directory;
    }
  }
}

}  // namespace
}  // namespace whet
