// What llama-server's users set and read: thinking, prompts, sampling, settings. On the shipped
// model, without a socket.
#include "serve/llama_server.h"

#include <gtest/gtest.h>

#include "serve/fake_reply_for_test.h"
#include "serve/gate.h"

namespace whet::serve {
namespace {

const std::string kModel = WHET_SOURCE_DIR "/models/whetstone-2.8m-q8_0.gguf";

// As of QwQ: thinking is opened whatever the template is told.
constexpr const char* kThinks =
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}|{% endfor %}"
    "{% if enable_thinking is defined %}{{ enable_thinking }}{% endif %}"
    "{% if reasoning_effort is defined %}{{ reasoning_effort }}{% endif %}"
    "{% if add_generation_prompt %}<think>\n{% endif %}";

class LlamaServerTest : public testing::Test {
 protected:
  LlamaServerTest() { make({}); }

  void make(ServerOptions options, const std::string& chat_template = "") {
    options.version = "0";
    server_ = std::make_unique<Server>(
        std::move(options),
        std::make_unique<ServedModels>(
            std::vector<ModelSource>{{"stone", kModel}},
            [chat_template](const std::string& path) -> Result<std::unique_ptr<Engine>> {
              WHET_TRY(LoadedModel loaded, load_model(path));
              EngineOptions engine_options;
              engine_options.chat_template = chat_template;
              return Engine::create(std::move(loaded), engine_options);
            },
            ServedModels::Seconds(-1)));
  }

  FakeReply ask(const std::string& method, const std::string& path, const std::string& body = "") {
    FakeReply reply;
    server_->handle({method, path, "", {{"content-type", "application/json"}}, body}, reply);
    return reply;
  }
  FakeReply post(const std::string& path, const Json& body) {
    return ask("POST", path, body.dump());
  }
  /// Of a chat that says "Hi".
  std::string prompt(Json more, const std::string& path = "/apply-template") {
    more["messages"] = {{{"role", "user"}, {"content", "Hi"}}};
    const FakeReply reply = post(path, more);
    return reply.status == 200 ? reply.json()["prompt"].get<std::string>()
                               : std::to_string(reply.status);
  }

  std::unique_ptr<Server> server_;
};

TEST_F(LlamaServerTest, ARequestSaysWhetherTheModelThinks) {
  make({}, kThinks);
  EXPECT_EQ(prompt(Json::object()), "<user>Hi|<think>\n");
  const std::string closed = "<user>Hi|False<think>\n</think>";
  EXPECT_EQ(prompt({{"chat_template_kwargs", {{"enable_thinking", false}}}}), closed);
  EXPECT_EQ(prompt({{"reasoning_effort", "none"}}), closed);
  EXPECT_EQ(prompt({{"reasoning_budget_tokens", 0}}), closed);
  EXPECT_EQ(prompt({{"thinking_budget_tokens", 0}}), closed);
  EXPECT_EQ(prompt({{"reasoning_budget_tokens", -1}}), "<user>Hi|<think>\n");
  EXPECT_EQ(prompt({{"reasoning_budget_tokens", 7}}), "400") << "not supported, and said so";
  EXPECT_EQ(prompt({{"reasoning_effort", "low"}}), "<user>Hi|low<think>\n");
}

TEST_F(LlamaServerTest, TheServerSaysSoWhereTheRequestDoesNot) {
  make({.thinks = false}, kThinks);
  EXPECT_EQ(prompt(Json::object()), "<user>Hi|False<think>\n</think>");
  EXPECT_EQ(prompt({{"chat_template_kwargs", {{"enable_thinking", true}}}}),
            "<user>Hi|True<think>\n");
  make({.thinks = true}, kThinks);
  EXPECT_EQ(prompt(Json::object()), "<user>Hi|True<think>\n");
  // The other dialects render the same prompt, as long as it is.
  const auto n_tokens = [&](bool thinks) {
    make({.thinks = thinks}, kThinks);
    const Json body{{"model", "stone"},
                    {"messages", {{{"role", "user"}, {"content", "Hi"}}}},
                    {"stream", false},
                    {"max_tokens", 1},
                    {"options", {{"num_predict", 1}}}};
    const auto prompt_tokens =
        post("/tokenize", {{"content", prompt(Json::object())}, {"add_special", true}})
            .json()["tokens"]
            .size();
    EXPECT_EQ(post("/v1/chat/completions", body).json()["usage"]["prompt_tokens"], prompt_tokens);
    EXPECT_EQ(post("/api/chat", body).json()["prompt_eval_count"], prompt_tokens);
    EXPECT_EQ(post("/api/generate", {{"model", "stone"}, {"prompt", "Hi"}, {"stream", false}})
                  .json()["prompt_eval_count"],
              prompt_tokens);
    return prompt_tokens;
  };
  EXPECT_NE(n_tokens(true), n_tokens(false));
}

TEST_F(LlamaServerTest, ReasoningFormatIsTheRequests) {
  make({}, "{{ messages[0].content }}{% if add_generation_prompt %}<think>{% endif %}");
  const auto message = [&](const Json& format) {
    return post("/v1/chat/completions", {{"model", "stone"},
                                         {"messages", {{{"role", "user"}, {"content", "Hi"}}}},
                                         {"temperature", 0},
                                         {"max_tokens", 8},
                                         {"ignore_eos", true},
                                         {"reasoning_format", format}})
        .json()["choices"][0]["message"];
  };
  const Json apart = message("deepseek"), together = message("none");
  EXPECT_TRUE(apart.contains("reasoning_content")) << apart.dump();
  EXPECT_FALSE(together.contains("reasoning_content"));
  EXPECT_NE(together["content"], "");
  EXPECT_EQ(apart, message("auto"));
  EXPECT_EQ(post("/v1/chat/completions", {{"model", "stone"},
                                          {"messages", {{{"role", "user"}, {"content", "Hi"}}}},
                                          {"reasoning_format", "deepseek-legacy"}})
                .status,
            400);
}

TEST_F(LlamaServerTest, APromptNeedNotOpenTheAnswer) {
  make({}, kThinks);
  EXPECT_EQ(prompt({{"add_generation_prompt", false}}), "<user>Hi|");
  const Json messages{{{"role", "user"}, {"content", "Hi"}},
                      {{"role", "assistant"}, {"content", "Hel"}}};
  const auto with = [&](Json more) {
    more["messages"] = messages;
    const FakeReply reply = post("/apply-template", more);
    return reply.status == 200 ? reply.json()["prompt"].get<std::string>()
                               : std::to_string(reply.status);
  };
  EXPECT_EQ(with(Json::object()), "<user>Hi|<assistant>Hel");
  EXPECT_EQ(with({{"continue_final_message", true}, {"add_generation_prompt", false}}),
            "<user>Hi|<assistant>Hel");
  EXPECT_EQ(with({{"continue_final_message", false}}), "<user>Hi|<assistant>Hel|<think>\n");
  EXPECT_EQ(with({{"continue_final_message", true}, {"add_generation_prompt", true}}), "400");
  EXPECT_EQ(prompt({{"continue_final_message", true}}), "400") << "nothing to continue";
}

TEST_F(LlamaServerTest, CountsTheTokensOfAChat) {
  Json body{{"model", "stone"},
            {"messages", {{{"role", "user"}, {"content", "What is 3 * 4?"}}}},
            {"max_tokens", 1}};
  const Json used = post("/v1/chat/completions", body).json()["usage"]["prompt_tokens"];
  EXPECT_EQ(post("/v1/chat/completions/input_tokens", body).json()["input_tokens"], used);
  body["messages"] = "none";
  EXPECT_EQ(post("/v1/chat/completions/input_tokens", body).status, 400);
}

TEST_F(LlamaServerTest, SettingsNameTheBiases) {
  const auto biases = [&](const Json& more) {
    Json body{{"prompt", "The sea"}, {"n_predict", 1}};
    body.update(more);
    return post("/completion", body).json()["generation_settings"]["logit_bias"];
  };
  EXPECT_EQ(biases(Json::object()), Json::array());
  EXPECT_EQ(biases({{"logit_bias", Json::array({Json::array({5, 1.5})})}}),
            Json::array({{{"token", 5}, {"bias", 1.5}}}));
  const Json endless = biases({{"ignore_eos", true}});
  ASSERT_FALSE(endless.empty());
  for (const Json& entry : endless) EXPECT_TRUE(entry["bias"].is_null()) << entry.dump();
}

TEST_F(LlamaServerTest, TheServersSamplingIsThatOfRequestsThatNameNone) {
  make({.sampling = {.temperature = 4, .seed = 7, .max_tokens = 5}, .n_parallel = 3});
  const Json body{{"model", "stone"}, {"prompt", "The sea"}, {"ignore_eos", true}};
  const Json done = post("/completion", body).json();
  EXPECT_EQ(done["generation_settings"]["temperature"], 4);
  EXPECT_EQ(done["generation_settings"]["seed"], 7);
  EXPECT_EQ(done["tokens_predicted"], 5);
  const Json text = post("/v1/completions", body).json();
  EXPECT_EQ(text["usage"]["completion_tokens"], 5);
  EXPECT_EQ(text["choices"], post("/v1/completions", body).json()["choices"]) << "seeded";
  const Json generated =
      post("/api/generate",
           {{"model", "stone"}, {"prompt", "Hi"}, {"raw", true}, {"stream", false}})
          .json();
  EXPECT_LE(generated["eval_count"], 5);
  Json named = body;
  named["max_tokens"] = 2;
  EXPECT_EQ(post("/v1/completions", named).json()["usage"]["completion_tokens"], 2);
  const Json props = ask("GET", "/props").json();
  EXPECT_EQ(props["default_generation_settings"]["params"]["seed"], 7);
  EXPECT_EQ(props["total_slots"], 3);
  EXPECT_EQ(props["model_path"], kModel);
}

TEST(Gate, PagesOfThisMachineMayBeAllowedTogether) {
  const GatePolicy policy{.cors_origins = {"localhost"}};
  const auto status = [&](const std::string& origin) {
    Visitor visitor;
    const Request request{
        "POST", "/completion", "", {{"origin", origin}, {"host", "127.0.0.1"}}, ""};
    return refuse(policy, request, visitor) ? 403 : 200;
  };
  for (const char* origin : {"http://localhost", "http://localhost:8080", "http://127.0.0.1:3000",
                             "https://[::1]:3000"}) {
    EXPECT_EQ(status(origin), 200) << origin;
  }
  for (const char* origin : {"http://evil.com", "http://notlocalhost", "http://localhost.evil.com",
                             "http://127.0.0.1.evil.com", "null"}) {
    EXPECT_EQ(status(origin), 403) << origin;
  }
}

}  // namespace
}  // namespace whet::serve
