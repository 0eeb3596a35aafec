// Ollama's and llama-server's routes on the shipped model.
#include "serve/server_for_test.h"

namespace whet::serve {
namespace {

using OtherDialectsTest = ServerTest;

TEST_F(OtherDialectsTest, OllamaStreamsLinesByDefault) {
  const FakeReply reply =
      post("/api/chat", {{"model", "stone:latest"},
                         {"messages", {{{"role", "user"}, {"content", "What is 3 * 4?"}}}},
                         {"options", {{"temperature", 0}, {"num_predict", 80}, {"seed", 1}}}});
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.content_type, "application/x-ndjson");
  std::string text;
  size_t begin = 0;
  Json last;
  while (begin < reply.body.size()) {
    const size_t end = reply.body.find('\n', begin);
    ASSERT_NE(end, begin) << "an empty line kills ollama-python";
    last = Json::parse(reply.body.substr(begin, end - begin));
    text += last["message"]["content"].get<std::string>();
    begin = end + 1;
  }
  EXPECT_TRUE(last["done"].get<bool>());
  for (const char* name : {"total_duration", "load_duration", "prompt_eval_duration",
                           "eval_duration", "prompt_eval_count", "eval_count"}) {
    EXPECT_TRUE(last[name].is_number_integer()) << name;
  }
  const FakeReply whole =
      post("/api/generate", {{"model", "stone"},
                             {"prompt", "What is 3 * 4?"},
                             {"stream", false},
                             {"options", {{"temperature", 0}, {"num_predict", 80}, {"seed", 1}}}});
  EXPECT_EQ(whole.json()["response"], text);
  EXPECT_EQ(whole.json()["done_reason"], "stop");
}

TEST_F(OtherDialectsTest, ReadsKeepAliveAndUnloads) {
  for (const Json& good :
       {Json("5m"), Json("1h30m"), Json("1.5h"), Json(60), Json(-1), Json("-1s")}) {
    EXPECT_EQ(post("/api/generate", {{"model", "stone"}, {"keep_alive", good}}).status, 200)
        << good.dump();
  }
  for (const Json& bad : {Json("soon"), Json("5"), Json("m"), Json::array()}) {
    EXPECT_EQ(post("/api/generate", {{"model", "stone"}, {"keep_alive", bad}}).status, 400)
        << bad.dump();
  }
  EXPECT_EQ(ask("GET", "/api/ps").json()["models"].size(), 1u);
  const FakeReply gone = post("/api/generate", {{"model", "stone"}, {"keep_alive", 0}});
  EXPECT_EQ(gone.json()["done_reason"], "unload");
  EXPECT_EQ(ask("GET", "/api/ps").json()["models"].size(), 0u);
}

TEST_F(OtherDialectsTest, LlamaServersRoutesWork) {
  const Json tokens = post("/tokenize", {{"content", "Hello world"}}).json()["tokens"];
  EXPECT_EQ(post("/detokenize", {{"tokens", tokens}}).json()["content"], "Hello world");
  EXPECT_EQ(post("/detokenize", {{"tokens", {-1}}}).status, 400);
  EXPECT_NE(post("/apply-template", {{"messages", {{{"role", "user"}, {"content", "Hi"}}}}})
                .json()["prompt"]
                .get<std::string>()
                .find("Hi"),
            std::string::npos);
  const Json done = post("/completion", {{"prompt", "The sea"}, {"n_predict", 3}}).json();
  EXPECT_EQ(done["tokens_predicted"], 3);
  EXPECT_EQ(done["stop_type"], "limit");
  EXPECT_GT(ask("GET", "/props").json()["default_generation_settings"]["n_ctx"], 0);
  EXPECT_EQ(ask("GET", "/health").json()["status"], "ok");
  EXPECT_NE(ask("GET", "/metrics").body.find("whet_tokens_completion_total 3"), std::string::npos);
}

TEST_F(OtherDialectsTest, CompletionTakesSeveralPromptsAndGivesSeveralTexts) {
  const auto run = [&](const Json& more) {
    Json body{{"prompt", "The sea"}, {"n_predict", 4}, {"temperature", 0}};
    body.update(more);
    return post("/completion", body).json();
  };
  const Json ids =
      post("/tokenize", {{"content", "The sea"}, {"add_special", true}}).json()["tokens"];
  const Json one = run(Json::object());
  ASSERT_TRUE(one.is_object()) << one.dump();
  EXPECT_EQ(one["prompt"], "The sea");
  EXPECT_EQ(one["generation_settings"]["n_predict"], 4);
  const Json both = run({{"prompt", {"The sea", ids}}, {"return_tokens", true}});
  ASSERT_EQ(both.size(), 2u) << both.dump();
  EXPECT_EQ(both[0]["content"], one["content"]);
  EXPECT_EQ(both[1]["content"], one["content"]);
  EXPECT_EQ(both[1]["index"], 1);
  EXPECT_EQ(both[1]["tokens"].size(), 4u);
  Json mixed = ids;
  mixed.push_back(" and the sky");
  EXPECT_EQ(run({{"prompt", mixed}})["tokens_evaluated"].get<size_t>(),
            post("/tokenize", {{"content", " and the sky"}}).json()["tokens"].size() + ids.size());
  for (const char* name : {"n", "n_cmpl"}) {
    const Json several = run({{name, 3}, {"temperature", 4}, {"seed", 1}});
    ASSERT_EQ(several.size(), 3u) << name;
    EXPECT_NE(several[0]["content"], several[1]["content"]);
  }
  EXPECT_EQ(run({{"response_fields", {"content", "generation_settings/n_predict"}}}),
            (Json{{"content", one["content"]}, {"generation_settings/n_predict", 4}}));
  for (const Json& wrong : {Json(3), Json::array(), Json::array({1.5}), Json{{"a", "b"}},
                            Json::array({Json::array()}), Json::array({-1})}) {
    EXPECT_EQ(post("/completion", {{"prompt", wrong}}).status, 400) << wrong.dump();
  }
}

TEST_F(OtherDialectsTest, CompletionStreamsItsTokens) {
  const FakeReply reply = post(
      "/completion",
      {{"prompt", {"The sea", "The sky"}}, {"n_predict", 4}, {"temperature", 0}, {"stream", true}});
  std::vector<std::string> texts(2);
  std::vector<size_t> n_tokens(2), n_ends(2);
  for (const Json& event : events(reply.body)) {
    const size_t index = event["index"];
    ASSERT_LT(index, 2u);
    texts[index] += event["content"].get<std::string>();
    n_tokens[index] += event["tokens"].size();
    n_ends[index] += event["stop"].get<bool>() ? 1 : 0;
  }
  EXPECT_EQ(n_tokens, std::vector<size_t>(2, 4));
  EXPECT_EQ(n_ends, std::vector<size_t>(2, 1));
  EXPECT_EQ(texts[0],
            post("/completion", {{"prompt", "The sea"}, {"n_predict", 4}, {"temperature", 0}})
                .json()["content"]);
}

TEST_F(OtherDialectsTest, ABiasMayNameATextWhereLlamaServerTakesIt) {
  const Json body{{"prompt", "The sea"}, {"n_predict", 1}, {"temperature", 0}};
  const std::string likeliest = post("/completion", body).json()["content"];
  Json biased = body;
  biased["logit_bias"] = Json::array({Json::array({likeliest, false})});
  const FakeReply reply = post("/completion", biased);
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_NE(reply.json()["content"], likeliest);
  biased["model"] = "stone";
  EXPECT_EQ(post("/v1/completions", biased).status, 400) << "OpenAI's names ids";
}

TEST_F(OtherDialectsTest, PartsOfACharacterAreBytes) {
  const Json tokens =
      post("/tokenize", {{"content", "\xF0\x9F\xA4\x97"}, {"with_pieces", true}}).json()["tokens"];
  std::string bytes;
  for (const Json& token : tokens) {
    if (token["piece"].is_string()) {
      bytes += token["piece"].get<std::string>();
    } else {
      for (const Json& byte : token["piece"]) bytes.push_back(static_cast<char>(byte.get<int>()));
    }
  }
  EXPECT_EQ(bytes, "\xF0\x9F\xA4\x97") << tokens.dump();
}

TEST_F(OtherDialectsTest, OllamaReadsRolesInCapitalsAndNoImages) {
  const auto ask_with = [&](const Json& message) {
    return post("/api/chat", {{"model", "stone"},
                              {"messages", {message}},
                              {"stream", false},
                              {"options", {{"num_predict", 1}}}});
  };
  EXPECT_EQ(ask_with({{"role", "USER"}, {"content", "Hi"}}).status, 200);
  EXPECT_EQ(ask_with({{"role", "user"}, {"content", "Hi"}, {"images", {"aaaa"}}}).status, 400);
}

}  // namespace
}  // namespace whet::serve
