// Which models are in memory, and what makes room for which.
#include "serve/served_models.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace whet::serve {
namespace {

namespace fs = std::filesystem;
using Seconds = ServedModels::Seconds;

const std::string kTiny = WHET_SOURCE_DIR "/tests/golden/tied.gguf";

class ServedModelsTest : public testing::Test {
 protected:
  ServedModelsTest() {
    fs::create_directories(directory_);
    for (const char* id : {"a", "b", "c"}) fs::copy_file(kTiny, path(id));
    std::ofstream(path("large"));
    fs::resize_file(path("large"), uint64_t{1} << 40);  // a hole: it takes no room
  }
  ~ServedModelsTest() override { fs::remove_all(directory_); }

  std::string path(const std::string& id) const { return (directory_ / (id + ".gguf")).string(); }

  std::unique_ptr<ServedModels> models(uint64_t memory_bytes = UINT64_MAX,
                                       Seconds keep_alive = Seconds(-1)) {
    return std::make_unique<ServedModels>(
        models_in(directory_.string()).value(),
        [this](const std::string& p) -> Result<std::unique_ptr<Engine>> {
          ++n_loads_;
          WHET_TRY(LoadedModel loaded, load_model(p));
          return Engine::create(std::move(loaded), {});
        },
        keep_alive, memory_bytes);
  }

  static std::vector<std::string> ids(const ServedModels& models) {
    std::vector<std::string> ids;
    for (const auto& running : models.running()) ids.push_back(running.model->id);
    return ids;
  }

  const fs::path directory_ =
      fs::temp_directory_path() / ("whet-served-models-" + std::to_string(::getpid()));
  int n_loads_ = 0;
};

using Ids = std::vector<std::string>;

TEST_F(ServedModelsTest, ADirectoryGivesItsModelsByName) {
  fs::copy_file(kTiny, path("split-00001-of-00002"));
  fs::copy_file(kTiny, path("split-00002-of-00002"));
  fs::create_directories(directory_ / "tensors");
  std::ofstream(directory_ / "tensors" / "config.json") << "{}";
  std::ofstream(directory_ / "notes.txt") << "no model";
  const auto sources = models_in(directory_.string()).value();
  Ids names;
  for (const ModelSource& source : sources) names.push_back(source.id);
  EXPECT_EQ(names, (Ids{"a", "b", "c", "large", "split", "tensors"}));
  EXPECT_EQ(bytes_on_disk(path("split-00001-of-00002")), 2 * fs::file_size(kTiny));
  EXPECT_EQ(bytes_on_disk((directory_ / "tensors").string()), 2u);
  EXPECT_FALSE(models_in((directory_ / "tensors").string()).ok())
      << "a model is no directory of them";
  EXPECT_FALSE(models_in((directory_ / "absent").string()).ok());
}

TEST_F(ServedModelsTest, LoadsOnceWhenFirstAskedFor) {
  auto m = models();
  EXPECT_TRUE(ids(*m).empty());
  const auto first = m->use("a").value();
  EXPECT_EQ(m->use("A:latest").value(), first);
  EXPECT_EQ(n_loads_, 1);
  EXPECT_EQ(ids(*m), Ids{"a"});
  EXPECT_EQ(m->use("nobody").error().code(), ErrorCode::kNotFound);
}

TEST_F(ServedModelsTest, WhatNeverFitsIsRefusedBeforeAnythingIsUnloaded) {
  auto m = models(uint64_t{1} << 30);
  ASSERT_TRUE(m->use("a").ok());
  const auto refused = m->use("large");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_NE(refused.error().message().find("1048576 MiB"), std::string::npos)
      << refused.error().message();
  EXPECT_EQ(ids(*m), Ids{"a"});
  EXPECT_EQ(n_loads_, 1);
}

TEST_F(ServedModelsTest, TheLongestUnusedMakesRoomAndOnlyIfThatIsEnough) {
  const uint64_t each = fs::file_size(kTiny);
  auto m = models(each * 5 / 2);
  auto a = m->use("a").value();
  ASSERT_TRUE(m->use("b").ok());
  ASSERT_TRUE(m->use("c").ok());  // "a" is in use, so "b" goes
  EXPECT_EQ(ids(*m), (Ids{"a", "c"}));
  auto c = m->use("c").value();
  const auto refused = m->use("b");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(ids(*m), (Ids{"a", "c"}));
  a.reset();
  EXPECT_TRUE(m->use("b").ok());
  EXPECT_EQ(ids(*m), (Ids{"c", "b"}));
  // Of two that nobody uses the one that was asked for longer ago goes.
  auto idle = models(each * 5 / 2);
  for (const char* id : {"a", "b", "a", "c"}) ASSERT_TRUE(idle->use(id).ok());
  EXPECT_EQ(ids(*idle), (Ids{"a", "c"}));
}

TEST_F(ServedModelsTest, KeepAliveSaysWhenAModelGoes) {
  auto m = models(UINT64_MAX, Seconds(3600));
  ASSERT_TRUE(m->use("a").ok());
  ASSERT_TRUE(m->use("b", Seconds(-1)).ok());
  const auto before = std::chrono::system_clock::now();
  ASSERT_TRUE(m->use("c", Seconds(60)).ok());
  const auto after = std::chrono::system_clock::now();
  const auto running = m->running();
  ASSERT_EQ(running.size(), 3u);
  ASSERT_TRUE(running[0].expires && running[2].expires);
  EXPECT_FALSE(running[1].expires) << "for ever";
  EXPECT_GT(*running[0].expires, *running[2].expires);
  EXPECT_GE(*running[2].expires, before + Seconds(60));
  EXPECT_LE(*running[2].expires, after + Seconds(60));
}

TEST_F(ServedModelsTest, KeepAliveOfZeroEndsWithTheLastUse) {
  auto m = models();
  {
    const auto used = m->use("a", Seconds(0)).value();
    EXPECT_EQ(ids(*m), Ids{"a"});
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!ids(*m).empty() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_TRUE(ids(*m).empty());
}

}  // namespace
}  // namespace whet::serve
