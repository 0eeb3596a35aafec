// A Server over the shipped model, asked without a socket.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "serve/fake_reply_for_test.h"
#include "serve/server.h"

namespace whet::serve {

inline const std::string kModel = WHET_SOURCE_DIR "/models/whetstone-2.8m-q8_0.gguf";

class ServerTest : public testing::Test {
 protected:
  ServerTest() { make({}); }

  void make(ServerOptions options) {
    options.version = "0";
    server_ = std::make_unique<Server>(
        std::move(options), std::make_unique<ServedModels>(
                                std::vector<ModelSource>{{"stone", kModel}},
                                [](const std::string& path) -> Result<std::unique_ptr<Engine>> {
                                  WHET_TRY(LoadedModel loaded, load_model(path));
                                  return Engine::create(std::move(loaded), {});
                                },
                                ServedModels::Seconds(-1)));
  }

  FakeReply ask(const std::string& method, const std::string& path, const std::string& body = "",
                std::map<std::string, std::string> headers = {}) {
    Request request{method, path, "", std::move(headers), body};
    request.headers.try_emplace("content-type", "application/json");
    request.headers.try_emplace("host", "localhost:9438");
    FakeReply reply;
    server_->handle(request, reply);
    EXPECT_EQ(reply.n_begun, 1) << path;
    return reply;
  }
  FakeReply post(const std::string& path, const Json& body) {
    return ask("POST", path, body.dump());
  }

  static std::vector<Json> events(const std::string& body) {
    std::vector<Json> events;
    size_t begin = 0;
    while (begin < body.size()) {
      const size_t end = body.find("\n\n", begin);
      EXPECT_NE(end, std::string::npos);
      if (end == std::string::npos) break;
      const std::string line = body.substr(begin, end - begin);
      EXPECT_TRUE(line.starts_with("data: ")) << line;
      if (line != "data: [DONE]") events.push_back(Json::parse(line.substr(6)));
      begin = end + 2;
    }
    return events;
  }

  std::unique_ptr<Server> server_;
};

inline Json chat(const std::string& content, int max_tokens = 24) {
  return {{"model", "stone"},
          {"messages", {{{"role", "user"}, {"content", content}}}},
          {"max_tokens", max_tokens},
          {"temperature", 0}};
}

}  // namespace whet::serve
