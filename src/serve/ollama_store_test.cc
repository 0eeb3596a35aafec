// Fetching and deleting models through the server, with a store that does as the tests say.
#include "serve/ollama_store.h"

#include <gtest/gtest.h>

#include "serve/fake_reply_for_test.h"

namespace whet::serve {
namespace {

const std::string kModel = WHET_SOURCE_DIR "/models/whetstone-2.8m-q8_0.gguf";

class FakeStore : public ModelStore {
 public:
  Result<ModelSource> pull(const std::string& name,
                           const std::function<void(const PullProgress&)>& on_progress,
                           const CancelFlag& cancel) override {
    if (name == "absent") return Error(ErrorCode::kNotFound, "absent: found nothing");
    on_progress({"blob", 0, 100});
    if (name == "broken") return Error(ErrorCode::kIo, "the line was cut");
    if (cancel.cancelled()) return Error(ErrorCode::kCancelled, "cancelled");
    on_progress({"blob", 100, 100});
    return ModelSource{name, kModel, "stored:" + name};
  }
  Status remove(const ModelSource& source) override {
    removed.push_back(source.stored_as);
    return ok_status();
  }
  std::vector<std::string> removed;
};

class OllamaStoreTest : public testing::Test {
 protected:
  OllamaStoreTest() { make(std::make_unique<FakeStore>()); }
  void make(std::unique_ptr<FakeStore> store) {
    store_ = store.get();
    server_ = std::make_unique<Server>(
        ServerOptions{.version = "0"},
        std::make_unique<ServedModels>(
            std::vector<ModelSource>{{"stone", kModel}},
            [](const std::string& path) -> Result<std::unique_ptr<Engine>> {
              WHET_TRY(LoadedModel loaded, load_model(path));
              return Engine::create(std::move(loaded), {});
            },
            ServedModels::Seconds(-1)),
        std::move(store));
  }
  FakeReply ask(const std::string& method, const std::string& path, const Json& body) {
    Request request{method, path, "", {}, body.dump()};
    request.headers = {{"content-type", "application/json"}, {"host", "localhost:9438"}};
    FakeReply reply;
    server_->handle(request, reply);
    EXPECT_EQ(reply.n_begun, 1);
    return reply;
  }
  std::vector<std::string> names() {
    std::vector<std::string> names;
    for (const ModelSource& source : server_->models().sources()) names.push_back(source.id);
    return names;
  }
  static std::vector<Json> lines(const std::string& body) {
    std::vector<Json> lines;
    for (size_t begin = 0; begin < body.size();) {
      const size_t end = body.find('\n', begin);
      lines.push_back(Json::parse(body.substr(begin, end - begin)));
      begin = end + 1;
    }
    return lines;
  }

  FakeStore* store_ = nullptr;
  std::unique_ptr<Server> server_;
};

TEST_F(OllamaStoreTest, PullTellsHowFarItIsAndOffersTheModel) {
  const FakeReply reply = ask("POST", "/api/pull", {{"model", "new:1b"}});
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.content_type, "application/x-ndjson");
  const auto told = lines(reply.body);
  ASSERT_EQ(told.size(), 3u);
  EXPECT_EQ(told[0]["total"], 100);
  EXPECT_EQ(told[0]["completed"], 0);
  EXPECT_EQ(told[1]["completed"], 100);
  EXPECT_EQ(told[2], Json({{"status", "success"}}));
  EXPECT_EQ(names(), (std::vector<std::string>{"stone", "new:1b"}));
  EXPECT_EQ(ask("POST", "/api/generate",
                {{"model", "new:1b"}, {"prompt", "a"}, {"options", {{"num_predict", 1}}}})
                .status,
            200);
  // Once more: as it may have changed at its origin, and is offered once.
  EXPECT_EQ(ask("POST", "/api/pull", {{"name", "new:1b"}, {"stream", false}}).json(),
            Json({{"status", "success"}}));
  // Ollama's own client sends both.
  for (const char* path : {"/api/pull", "/api/show"}) {
    EXPECT_EQ(ask("POST", path, {{"model", ""}, {"name", "new:1b"}}).status, 200) << path;
    EXPECT_EQ(ask("POST", path, {{"model", ""}, {"name", ""}}).status, 400) << path;
  }
  EXPECT_EQ(names().size(), 2u);
}

TEST_F(OllamaStoreTest, AFailedPullSaysSo) {
  const FakeReply absent = ask("POST", "/api/pull", {{"model", "absent"}});
  EXPECT_EQ(absent.status, 404);
  EXPECT_EQ(absent.json()["error"], "absent: found nothing");
  const auto told = lines(ask("POST", "/api/pull", {{"model", "broken"}}).body);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[1], Json({{"error", "the line was cut"}}));
  EXPECT_EQ(ask("POST", "/api/pull", {{"model", "broken"}, {"stream", false}}).status, 500);
  EXPECT_EQ(ask("POST", "/api/pull", Json::object()).status, 400);
  EXPECT_EQ(names().size(), 1u);
}

TEST_F(OllamaStoreTest, DeleteRemovesWhatWasFetchedAndNothingElse) {
  ask("POST", "/api/pull", {{"model", "new"}});
  EXPECT_EQ(ask("DELETE", "/api/delete", {{"model", "new:latest"}}).status, 200);
  EXPECT_EQ(store_->removed, std::vector<std::string>{"stored:new"});
  EXPECT_EQ(names(), std::vector<std::string>{"stone"});
  EXPECT_EQ(ask("DELETE", "/api/delete", {{"model", "new"}}).status, 404);
  EXPECT_EQ(ask("DELETE", "/api/delete", {{"model", "stone"}}).status, 403);
  EXPECT_EQ(store_->removed.size(), 1u);
}

TEST_F(OllamaStoreTest, WithoutAStoreNothingIsFetchedOrDeleted) {
  make(nullptr);
  EXPECT_EQ(ask("POST", "/api/pull", {{"model", "new"}}).status, 403);
  EXPECT_EQ(ask("DELETE", "/api/delete", {{"model", "stone"}}).status, 403);
  EXPECT_EQ(ask("POST", "/api/pull", {{"model", "stone"}, {"stream", false}}).status, 200);
}

}  // namespace
}  // namespace whet::serve
