// Pulls from a hub on this machine that cuts, lies, stalls and refuses.
#include "hub/pull.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <set>

#include "hub/hub_for_test.h"
#include "hub/part_map.h"
#include "hub/store.h"
#include "sys/file_bytes.h"

namespace whet::hub {
namespace {

namespace fs = std::filesystem;
using Answer = HubForTest::Answer;
using Files = std::map<std::string, std::string>;

constexpr size_t kPart = 64 << 10;
constexpr size_t kFile = 10 * kPart + 1234;

PullOptions options() {
  PullOptions options;
  options.download.part_bytes = kPart;
  options.download.n_connections = 3;
  options.download.first_wait_ms = 1;
  options.download.stall_timeout_ms = 20'000;
  return options;
}

Result<std::string> pull_file(const HubForTest& hub, const HubDirectory& directory,
                              const std::string& name = "hf:user/repo", PullOptions how = options(),
                              const PullEvents& events = {}) {
  return pull(parse_reference(name).value(), hub.settings(directory), how, events);
}

std::string content_of(const std::string& path) {
  const auto text = read_file(path, uint64_t{1} << 30);
  return text.ok() ? *text : "unreadable: " + text.error().message();
}

/// Files that are neither whole nor meant to stay.
int n_leftovers(const HubDirectory& directory) {
  int n = 0;
  for (const auto& entry : fs::recursive_directory_iterator(directory.path)) {
    n += entry.path().string().find(".part") != std::string::npos;
  }
  return n;
}

TEST(PullTest, AFileIsWholeInTheCacheAndIsFoundByItsName) {
  const std::string file = random_bytes(kFile, 1);
  HubForTest hub(Files{{"m-Q4_K_M.gguf", file}, {"m-Q8_0.gguf", "other"}});
  HubDirectory directory;
  const auto path = pull_file(hub, directory);
  ASSERT_TRUE(path.ok()) << path.error().message();
  EXPECT_EQ(content_of(*path), file);
  EXPECT_TRUE(path->ends_with("models--user--repo/snapshots/c0ffee/m-Q4_K_M.gguf")) << *path;
  EXPECT_TRUE(fs::read_symlink(*path).is_relative());
  EXPECT_EQ(n_leftovers(directory), 0);
  EXPECT_EQ(hub.n_sent(), kFile);  // every byte once
  const auto found = find_stored(*parse_reference("hf:user/repo:q4_k_m"), hub.settings(directory));
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_EQ(*found, *path);
  const auto again = pull_file(hub, directory);
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(hub.n_sent(), kFile);
  const auto all = stored_models(hub.settings(directory));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].name, "hf:user/repo:Q4_K_M");
  EXPECT_EQ(all[0].n_bytes, kFile);
}

TEST(PullTest, NamesWhatThereIsWhereNothingSuits) {
  HubForTest hub(Files{{"m-Q5_0.gguf", "a"}, {"m-Q8_0.gguf", "b"}});
  HubDirectory directory;
  const auto none = pull_file(hub, directory);
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.error().message().find("Q5_0, Q8_0"), std::string::npos) << none.error().message();
  EXPECT_TRUE(pull_file(hub, directory, "hf:user/repo:q8_0").ok());
}

TEST(PullTest, ACutConnectionGoesOnWhereItWas) {
  const std::string file = random_bytes(kFile, 2);
  std::atomic<int> n_cuts{0};
  std::atomic<size_t> n_sent{0};
  HubForTest hub(Files{{"m.gguf", file}}, [&](size_t begin, size_t end, Answer& answer) {
    const size_t n = std::min<size_t>(end - begin, 10'000);
    n_sent += n;
    answer.write(
        fmt::format("HTTP/1.1 206 X\r\nContent-Length: {}\r\nContent-Range: bytes "
                    "{}-{}/{}\r\n\r\n",
                    end - begin, begin, end - 1, kFile));
    answer.write(std::string_view(file).substr(begin, n));
    if (n < end - begin) {
      ++n_cuts;
      answer.cut();
    }
    return true;
  });
  HubDirectory directory;
  const auto path = pull_file(hub, directory);
  ASSERT_TRUE(path.ok()) << path.error().message();
  EXPECT_EQ(content_of(*path), file);
  EXPECT_GE(n_cuts, 60);  // six in each of ten whole parts, more where a cut lost bytes
  // What the client did not read before the cut comes again; nothing else does.
  EXPECT_LE(n_sent, kFile + static_cast<size_t>(n_cuts) * 10'000);
}

TEST(PullTest, WaitsWhereTheHubAsksForPatience) {
  const std::string file = random_bytes(kFile, 3);
  std::atomic<int> n_asked{0};
  HubForTest hub(Files{{"m.gguf", file}}, [&](size_t, size_t, Answer& answer) {
    const int n = n_asked++;
    if (n % 2 == 0) return false;
    answer.reply(n % 4 == 1 ? 429 : 503, "", "Retry-After: 0\r\n");
    return true;
  });
  HubDirectory directory;
  const auto path = pull_file(hub, directory);
  ASSERT_TRUE(path.ok()) << path.error().message();
  EXPECT_EQ(content_of(*path), file);
  EXPECT_EQ(hub.n_sent(), kFile);
}

TEST(PullTest, AWrongHashIsNeverInstalled) {
  const std::string file = random_bytes(kFile, 4);
  HubForTest hub(Files{{"m.gguf", file}});
  hub.said_hashes["m.gguf"] = sha256_of("something else");
  HubDirectory directory;
  const auto path = pull_file(hub, directory);
  ASSERT_FALSE(path.ok());
  EXPECT_NE(path.error().message().find("SHA-256"), std::string::npos) << path.error().message();
  EXPECT_NE(path.error().message().find(sha256_of(file)), std::string::npos);
  EXPECT_EQ(n_leftovers(directory), 0);
  EXPECT_FALSE(find_stored(*parse_reference("hf:user/repo"), hub.settings(directory)).ok());
}

TEST(PullTest, BytesThatWereWrongOnceAreFetchedAgain) {
  const std::string file = random_bytes(kFile, 5);
  std::atomic<bool> lied{false};
  HubForTest hub(Files{{"m.gguf", file}}, [&](size_t begin, size_t end, Answer& answer) {
    if (begin != 3 * kPart || lied.exchange(true)) return false;
    std::string wrong = file.substr(begin, end - begin);
    wrong[100] ^= 1;
    answer.reply(206, wrong,
                 fmt::format("Content-Range: bytes {}-{}/{}\r\n", begin, end - 1, kFile));
    return true;
  });
  HubDirectory directory;
  const auto path = pull_file(hub, directory);
  ASSERT_TRUE(path.ok()) << path.error().message();
  EXPECT_EQ(content_of(*path), file);
}

TEST(PullTest, WrongSizesAndRangesAreErrors) {
  const std::string file = random_bytes(kFile, 6);
  {
    HubForTest hub(Files{{"m.gguf", file}});
    hub.said_sizes["m.gguf"] = kFile + 1;
    HubDirectory directory;
    const auto path = pull_file(hub, directory);
    ASSERT_FALSE(path.ok());
    EXPECT_NE(path.error().message().find(std::to_string(kFile + 1)), std::string::npos)
        << path.error().message();
  }
  for (const std::string range : {"bytes 0-9/10", "bytes 1-65536/656594", "nonsense", ""}) {
    HubForTest hub(Files{{"m.gguf", file}}, [&](size_t begin, size_t end, Answer& answer) {
      answer.reply(206, std::string_view(file).substr(begin, end - begin),
                   "Content-Range: " + range + "\r\n");
      return true;
    });
    HubDirectory directory;
    const auto path = pull_file(hub, directory);
    ASSERT_FALSE(path.ok()) << range;
    EXPECT_NE(path.error().message().find("expected bytes"), std::string::npos)
        << path.error().message();
  }
}

TEST(PullTest, MoreThanWasAskedForIsAnError) {
  const std::string file = random_bytes(kFile, 7);
  HubForTest hub(Files{{"m.gguf", file}}, [&](size_t begin, size_t end, Answer& answer) {
    answer.reply(206, file.substr(begin, end - begin) + "more",
                 fmt::format("Content-Range: bytes {}-{}/{}\r\n", begin, end - 1, kFile));
    return true;
  });
  HubDirectory directory;
  PullOptions how = options();
  how.download.most_failures = 2;
  const auto path = pull_file(hub, directory, "hf:user/repo", how);
  ASSERT_FALSE(path.ok());
  EXPECT_NE(path.error().message().find("more came"), std::string::npos) << path.error().message();
}

TEST(PullTest, AServerWithoutRangesIsReadInOnePiece) {
  const std::string file = random_bytes(kFile, 8);
  HubForTest hub(Files{{"m.gguf", file}});
  hub.has_ranges = false;
  HubDirectory directory;
  const auto path = pull_file(hub, directory);
  ASSERT_TRUE(path.ok()) << path.error().message();
  EXPECT_EQ(content_of(*path), file);
}

TEST(PullTest, RedirectsLeadOnlyToAllowedHostsAndWithoutTheToken) {
  const std::string file = random_bytes(kFile, 9);
  HubForTest cdn(Files{{"m.gguf", file}});
  HubForTest hub(Files{{"m.gguf", file}}, [&](size_t, size_t, Answer& answer) {
    answer.reply(302, "", "Location: " + cdn.url("/m.gguf") + "\r\n");
    return true;
  });
  HubDirectory directory;
  Settings settings = hub.settings(directory);
  settings.hf_token = "secret";
  const auto refused = pull(*parse_reference("hf:user/repo"), settings, options(), {});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("not among the hosts"), std::string::npos)
      << refused.error().message();
  EXPECT_TRUE(cdn.server().asked().empty());
  settings.more_hosts.push_back(cdn.url());
  const auto path = pull(*parse_reference("hf:user/repo"), settings, options(), {});
  ASSERT_TRUE(path.ok()) << path.error().message();
  EXPECT_EQ(content_of(*path), file);
  for (const auto& asked : hub.server().asked()) {
    EXPECT_EQ(asked.header("authorization"), "Bearer secret");
  }
  for (const auto& asked : cdn.server().asked()) EXPECT_EQ(asked.header("authorization"), "");
}

TEST(PullTest, NamesOfAHubThatLeaveTheStoreAreNotWritten) {
  HubForTest hub(Files{{"../../evil-Q4_K_M.gguf", "x"}, {"m-Q8_0.gguf", "good"}});
  HubDirectory directory;
  const auto path = pull_file(hub, directory);
  ASSERT_TRUE(path.ok()) << path.error().message();
  EXPECT_EQ(content_of(*path), "good");
}

TEST(PullTest, OfflineAsksNobody) {
  HubForTest hub(Files{{"m.gguf", "x"}});
  HubDirectory directory;
  Settings settings = hub.settings(directory);
  settings.offline = true;
  const auto path = pull(*parse_reference("hf:user/repo"), settings, options(), {});
  ASSERT_FALSE(path.ok());
  EXPECT_EQ(path.error().code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(hub.server().asked().empty());
}

TEST(PullTest, OllamaNamesGoToItsStoreAndAreRemovedWithTheirBlobs) {
  const std::string file = random_bytes(kFile, 10);
  HubForTest hub(Files{{"model", file}});
  HubDirectory directory;
  const std::string name = fmt::format("ollama:127.0.0.1:{}/me/stone:1b", hub.server().port());
  const auto path = pull_file(hub, directory, name);
  ASSERT_TRUE(path.ok()) << path.error().message();
  EXPECT_EQ(content_of(*path), file);
  EXPECT_TRUE(path->ends_with("blobs/sha256-" + sha256_of(file))) << *path;
  const Settings settings = hub.settings(directory);
  const auto all = stored_models(settings);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].name, name);
  const auto freed = remove_stored(*parse_reference(name), settings);
  ASSERT_TRUE(freed.ok()) << freed.error().message();
  EXPECT_GE(*freed, kFile);
  EXPECT_FALSE(fs::exists(*path));
  EXPECT_TRUE(stored_models(settings).empty());
}

TEST(PullTest, RemovingKeepsWhatAnotherSnapshotUses) {
  const std::string file = random_bytes(kFile, 11);
  HubForTest hub(Files{{"m.gguf", file}});
  HubDirectory directory;
  const auto path = pull_file(hub, directory);
  ASSERT_TRUE(path.ok()) << path.error().message();
  const fs::path other = fs::path(*path).parent_path().parent_path() / "0ld";
  fs::create_directories(other);
  fs::create_symlink(fs::read_symlink(*path), other / "m.gguf");
  const Settings settings = hub.settings(directory);
  const auto kept = remove_stored(*parse_reference("hf:user/repo"), settings);
  ASSERT_TRUE(kept.ok()) << kept.error().message();
  EXPECT_EQ(*kept, 0u);
  EXPECT_EQ(content_of((other / "m.gguf").string()), file);
  const auto freed = remove_stored(*parse_reference("hf:user/repo@0ld"), settings);
  ASSERT_TRUE(freed.ok()) << freed.error().message();
  EXPECT_EQ(*freed, kFile);
}

TEST(PullTest, PlainHttpNeedsAHash) {
  HubForTest hub(Files{{"m.gguf", "weights"}});
  HubDirectory directory;
  Settings settings = hub.settings(directory);
  settings.more_hosts.clear();
  const auto reference = parse_reference(hub.url("/m.gguf"));
  const auto refused = pull(*reference, settings, options(), {});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("--sha256"), std::string::npos);
  PullOptions how = options();
  how.sha256 = sha256_of("weights");
  const auto path = pull(*reference, settings, how, {});
  ASSERT_TRUE(path.ok()) << path.error().message();
  EXPECT_EQ(content_of(*path), "weights");
}

TEST(PullTest, OnlyOneProcessPullsAFile) {
  HubForTest hub(Files{{"m.gguf", random_bytes(kFile, 12)}});
  HubDirectory directory;
  const std::string blob =
      (directory.path / "hf/models--user--repo/blobs" / sha256_of(random_bytes(kFile, 12)))
          .string();
  fs::create_directories(fs::path(blob).parent_path());
  const auto other = PartMap::open(blob + ".part.map", {kFile, kPart, "x"});
  ASSERT_TRUE(other.ok()) << other.error().message();
  const auto path = pull_file(hub, directory);
  ASSERT_FALSE(path.ok());
  EXPECT_EQ(path.error().code(), ErrorCode::kUnavailable);
}

/// Pulls in a child that is killed when the hub has been asked for its n-th part, over and over.
TEST(PullTest, SurvivesKillMinusNineAtAnyPart) {
  const std::string file = random_bytes(kFile, 13);
  std::atomic<pid_t> child{0};
  std::atomic<int> n_parts_asked{0}, kill_at{0};
  std::mutex mutex;
  std::map<size_t, int> n_asked;  // of each part
  HubForTest hub(Files{{"m.gguf", file}}, [&](size_t begin, size_t, Answer&) {
    {
      const std::lock_guard lock(mutex);
      ++n_asked[begin / kPart];
    }
    if (++n_parts_asked == kill_at && child != 0) ::kill(child, SIGKILL);
    return false;
  });
  HubDirectory directory;
  int n_kills = 0;
  for (int round = 0; round < 100; ++round) {
    n_parts_asked = 0;
    kill_at = 1 + round % 4;
    int go[2];
    ASSERT_EQ(::pipe(go), 0);
    const pid_t pid = ::fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      char byte;
      // The parent knows our number before anything is asked.
      if (::read(go[0], &byte, 1) != 1) ::_exit(3);
      ::_exit(pull_file(hub, directory).ok() ? 0 : 1);
    }
    child = pid;
    ASSERT_EQ(::write(go[1], "g", 1), 1);
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    child = 0;
    ::close(go[0]);
    ::close(go[1]);
    if (WIFEXITED(status)) {
      ASSERT_EQ(WEXITSTATUS(status), 0);
      break;
    }
    ++n_kills;
  }
  EXPECT_GT(n_kills, 0);
  const auto path = find_stored(*parse_reference("hf:user/repo"), hub.settings(directory));
  ASSERT_TRUE(path.ok()) << path.error().message();
  EXPECT_EQ(content_of(*path), file);
  EXPECT_EQ(n_leftovers(directory), 0);
  // A kill loses what was in flight on three connections, and never a part that was whole.
  int n_all = 0;
  for (const auto& [part, n] : n_asked) n_all += n;
  EXPECT_LE(n_all, 11 + 3 * n_kills);
}

}  // namespace
}  // namespace whet::hub
