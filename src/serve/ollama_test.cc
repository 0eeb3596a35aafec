// What Ollama's clients read of models and contexts. On the shipped model, without a socket.
#include "serve/ollama.h"

#include <gtest/gtest.h>

#include "serve/fake_reply_for_test.h"

namespace whet::serve {
namespace {

const std::string kModel = WHET_SOURCE_DIR "/models/whetstone-2.8m-q8_0.gguf";

class OllamaTest : public testing::Test {
 protected:
  OllamaTest()
      : server_({.version = "0"},
                std::make_unique<ServedModels>(
                    std::vector<ModelSource>{{"stone", kModel}},
                    [](const std::string& path) -> Result<std::unique_ptr<Engine>> {
                      WHET_TRY(LoadedModel loaded, load_model(path));
                      return Engine::create(std::move(loaded), {});
                    },
                    ServedModels::Seconds(-1))) {}

  FakeReply ask(const std::string& method, const std::string& path, const std::string& body = "") {
    FakeReply reply;
    server_.handle({method, path, "", {{"content-type", "application/json"}}, body}, reply);
    return reply;
  }
  FakeReply generate(Json more) {
    more["model"] = "stone";
    more["options"] = {{"temperature", 0}, {"num_predict", 12}};
    if (!more.contains("stream")) more["stream"] = false;
    return ask("POST", "/api/generate", more.dump());
  }

  Server server_;
};

TEST_F(OllamaTest, AContextGoesOnAsTheSameConversationWould) {
  const Json first = generate({{"prompt", "What is 3 * 4?"}, {"system", "Be short."}}).json();
  ASSERT_FALSE(first["context"].empty()) << first.dump();
  const FakeReply reply =
      generate({{"prompt", "And 5 * 6?"}, {"context", first["context"]}, {"system", "Be short."}});
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.header("x-whet-ignored"), "system");
  const Json second = reply.json();
  const Json chat{{"model", "stone"},
                  {"messages",
                   {{{"role", "system"}, {"content", "Be short."}},
                    {{"role", "user"}, {"content", "What is 3 * 4?"}},
                    {{"role", "assistant"}, {"content", first["response"]}},
                    {{"role", "user"}, {"content", "And 5 * 6?"}}}},
                  {"stream", false},
                  {"options", {{"temperature", 0}, {"num_predict", 12}}}};
  const Json whole = ask("POST", "/api/chat", chat.dump()).json();
  EXPECT_EQ(second["prompt_eval_count"], whole["prompt_eval_count"]);
  EXPECT_EQ(second["response"], whole["message"]["content"]);
  EXPECT_GT(second["context"].size(), first["context"].size());
}

TEST_F(OllamaTest, TheLastPieceOfAStreamHoldsTheSameContext) {
  const Json whole = generate({{"prompt", "What is 3 * 4?"}}).json();
  const std::string lines = generate({{"prompt", "What is 3 * 4?"}, {"stream", true}}).body;
  const size_t begin = lines.rfind('\n', lines.size() - 2) + 1;
  EXPECT_EQ(Json::parse(lines.substr(begin))["context"], whole["context"]);
  EXPECT_EQ(lines.find("context"), lines.rfind("context")) << "once";
}

TEST_F(OllamaTest, RawPromptsHaveNoContextAndWrongOnesAreErrors) {
  EXPECT_FALSE(generate({{"prompt", "Hi"}, {"raw", true}}).json().contains("context"));
  EXPECT_EQ(generate({{"prompt", "Hi"}, {"raw", true}, {"context", {1}}}).status, 400);
  for (const Json& wrong : {Json("1"), Json::array({-1}), Json::array({1.5}), Json::array({"a"}),
                            Json::array({INT32_MAX})}) {
    EXPECT_EQ(generate({{"prompt", "Hi"}, {"context", wrong}}).status, 400) << wrong.dump();
  }
  EXPECT_EQ(generate({{"prompt", "Hi"}, {"context", Json::array()}}).status, 200);
}

TEST_F(OllamaTest, ModelsHaveADigestAndALicence) {
  const std::string digest = server_.digests().wait(kModel);
  ASSERT_EQ(digest.size(), 64u);
  const Json listed = ask("GET", "/api/tags").json()["models"][0];
  EXPECT_EQ(listed["digest"], digest);
  EXPECT_GT(listed["size"], 1'000'000);
  const Json shown = ask("POST", "/api/show", R"({"model": "stone"})").json();
  EXPECT_NE(shown["license"], "");
  EXPECT_EQ(shown["modified_at"], listed["modified_at"]);
  EXPECT_EQ(shown["parameters"], "temperature 0.8\ntop_k 40\ntop_p 0.9\nmin_p 0");
  const std::string modelfile = shown["modelfile"];
  EXPECT_TRUE(modelfile.starts_with("FROM stone\nTEMPLATE \"\"\"")) << modelfile;
  EXPECT_TRUE(modelfile.ends_with("\nPARAMETER min_p 0\n")) << modelfile;
  EXPECT_EQ(ask("GET", "/api/ps").json()["models"][0]["digest"], digest);
  EXPECT_EQ(shown["details"]["quantization_level"], "Q8_0");
  EXPECT_EQ(shown["details"]["parameter_size"], "2.8M");
  EXPECT_GT(shown["model_info"]["general.parameter_count"], 2'700'000);
}

}  // namespace
}  // namespace whet::serve
