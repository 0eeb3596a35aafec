// Dialects and routes on the shipped model, without a socket.
#include "serve/server.h"

#include <gtest/gtest.h>

#include <set>

#include "serve/fake_reply_for_test.h"

namespace whet::serve {
namespace {

const std::string kModel = WHET_SOURCE_DIR "/models/whetstone-2.8m-q8_0.gguf";

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

Json chat(const std::string& content, int max_tokens = 24) {
  return {{"model", "stone"},
          {"messages", {{{"role", "user"}, {"content", content}}}},
          {"max_tokens", max_tokens},
          {"temperature", 0}};
}

TEST_F(ServerTest, AnswersAChat) {
  const FakeReply reply = post("/v1/chat/completions", chat("What is 3 * 4?"));
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Json json = reply.json();
  EXPECT_EQ(json["object"], "chat.completion");
  EXPECT_EQ(json["model"], "stone");
  EXPECT_EQ(json["choices"][0]["message"]["role"], "assistant");
  EXPECT_FALSE(json["choices"][0]["message"]["content"].get<std::string>().empty());
  EXPECT_EQ(
      json["usage"]["total_tokens"].get<int>(),
      json["usage"]["prompt_tokens"].get<int>() + json["usage"]["completion_tokens"].get<int>());
}

TEST_F(ServerTest, TheStreamSpellsTheSameAnswerAndIsFramed) {
  Json body = chat("What is 3 * 4?");
  const std::string whole =
      post("/v1/chat/completions", body).json()["choices"][0]["message"]["content"];
  body["stream"] = true;
  body["stream_options"] = {{"include_usage", true}};
  const FakeReply reply = post("/v1/chat/completions", body);
  EXPECT_EQ(reply.content_type, "text/event-stream");
  EXPECT_EQ(reply.n_ended, 1);
  EXPECT_TRUE(reply.body.ends_with("data: [DONE]\n\n"));
  const auto list = events(reply.body);
  ASSERT_GE(list.size(), 3u);
  EXPECT_EQ(list.front()["choices"][0]["delta"]["role"], "assistant");
  std::string text;
  std::set<std::string> ids, created;
  int n_finishes = 0;
  for (const Json& event : list) {
    ids.insert(event["id"].dump());
    created.insert(event["created"].dump());
    for (const Json& choice : event["choices"]) {
      if (choice["delta"].contains("content"))
        text += choice["delta"]["content"].get<std::string>();
      if (choice["finish_reason"].is_null()) continue;
      ++n_finishes;
      EXPECT_TRUE(choice["delta"].empty());
    }
  }
  EXPECT_EQ(text, whole);
  EXPECT_EQ(n_finishes, 1);
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_EQ(created.size(), 1u);
  EXPECT_TRUE(list.back()["choices"].empty());
  EXPECT_GT(list.back()["usage"]["completion_tokens"], 0);
}

TEST_F(ServerTest, GivesNChoicesOfOnePrompt) {
  Json body = chat("Tell me something.");
  body["n"] = 4;
  body["temperature"] = 4;
  body["seed"] = 7;
  const Json first = post("/v1/chat/completions", body).json();
  ASSERT_EQ(first["choices"].size(), 4u);
  std::set<std::string> texts;
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(first["choices"][i]["index"], i);
    texts.insert(first["choices"][i]["message"]["content"].get<std::string>());
  }
  EXPECT_GT(texts.size(), 1u);
  const Json again = post("/v1/chat/completions", body).json();
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(again["choices"][i]["message"], first["choices"][i]["message"]) << "seeded";
  }
}

TEST_F(ServerTest, ChatLogprobsSpellTheContent) {
  Json body = chat("What is 3 * 4?");
  body["logprobs"] = true;
  body["top_logprobs"] = 2;
  const Json choice = post("/v1/chat/completions", body).json()["choices"][0];
  std::string bytes;
  for (const Json& token : choice["logprobs"]["content"]) {
    EXPECT_LE(token["logprob"].get<double>(), 0);
    EXPECT_EQ(token["top_logprobs"].size(), 2u);
    for (const Json& byte : token["bytes"]) bytes.push_back(static_cast<char>(byte.get<int>()));
  }
  // The last token ends the turn; its spelling is no content.
  EXPECT_TRUE(bytes.starts_with(choice["message"]["content"].get<std::string>()));
}

TEST_F(ServerTest, EchoGivesLogprobsOfThePromptAsLmEvalReadsThem) {
  for (int max_tokens : {0, 1}) {
    const Json json = post("/v1/completions", {{"model", "stone"},
                                               {"prompt", "The sea is blue."},
                                               {"max_tokens", max_tokens},
                                               {"echo", true},
                                               {"logprobs", 1},
                                               {"temperature", 0}})
                          .json();
    const Json& logprobs = json["choices"][0]["logprobs"];
    const size_t n = json["usage"]["prompt_tokens"].get<size_t>();
    ASSERT_EQ(logprobs["tokens"].size(), n + static_cast<size_t>(max_tokens)) << json.dump();
    EXPECT_TRUE(logprobs["token_logprobs"][0].is_null());
    EXPECT_LT(logprobs["token_logprobs"][1].get<double>(), 0);
    EXPECT_EQ(logprobs["text_offset"][0], 0);
    EXPECT_TRUE(json["choices"][0]["text"].get<std::string>().starts_with("The sea is blue."));
  }
}

TEST_F(ServerTest, TakesAllFormsOfAPrompt) {
  const Json ids = post("/tokenize", {{"content", "The sea"}}).json()["tokens"];
  ASSERT_FALSE(ids.empty());
  const auto run = [&](const Json& prompt) {
    return post("/v1/completions",
                {{"prompt", prompt}, {"max_tokens", 4}, {"temperature", 0}, {"model", "stone"}})
        .json()["choices"];
  };
  const Json text = run("The sea");
  EXPECT_EQ(run(Json::array({"The sea", "The sky"})).size(), 2u);
  EXPECT_EQ(run(Json::array({"The sea", "The sky"}))[0]["text"], text[0]["text"]);
  EXPECT_EQ(run(ids)[0]["text"], text[0]["text"]);
  EXPECT_EQ(run(Json::array({ids, ids})).size(), 2u);
}

TEST_F(ServerTest, RefusesWrongFieldsByName) {
  const auto expect_refused = [&](Json body, const std::string& param) {
    const FakeReply reply = post("/v1/chat/completions", body);
    EXPECT_EQ(reply.status, 400) << body.dump();
    EXPECT_EQ(reply.json()["error"]["param"], param) << reply.body;
    EXPECT_EQ(reply.json()["error"]["type"], "invalid_request_error");
  };
  const auto with = [](const std::string& name, const Json& value) {
    Json body = chat("Hi");
    body[name] = value;
    return body;
  };
  expect_refused(with("temperature", "hot"), "temperature");
  expect_refused(with("temperature", -1), "temperature");
  expect_refused(with("n", 0), "n");
  expect_refused(with("n", 100000), "n");
  expect_refused(with("messages", Json::array()), "messages");
  expect_refused(with("messages", "Hi"), "messages");
  expect_refused(with("messages", Json::array({Json::object()})), "messages[0].role");
  expect_refused(with("messages", {{{"role", "user"}, {"content", 5}}}), "messages[0].content");
  expect_refused(with("messages", {{{"role", "user"},
                                    {"content", {{{"type", "image_url"}, {"image_url", "x"}}}}}}),
                 "messages[0].content");
  expect_refused(with("stop", 5), "stop");
  expect_refused(with("logit_bias", {{"x", 1}}), "logit_bias");
  expect_refused(with("top_logprobs", 2), "top_logprobs");
  expect_refused(with("response_format", {{"type", "sound"}}), "response_format");
  expect_refused(with("tool_choice", "required"), "tool_choice");
  expect_refused(with("max_completion_tokens", 3), "max_tokens");
  expect_refused(with("choice", Json::array()), "choice");
  for (const Json& tools :
       {Json("x"), Json({{"a", 1}}), Json::array({3}), Json::array({Json::object()}),
        Json::array({{{"type", "function"}, {"function", {{"name", 3}}}}}),
        Json::array({{{"type", "web"}, {"function", {{"name", "a"}}}}})}) {
    expect_refused(with("tools", tools), "tools");
  }
  expect_refused(with("structured_outputs", {{"choice", {"a"}}, {"regex", "a"}}), "choice");
  Json twice = with("structured_outputs", {{"choice", {"a"}}});
  twice["regex"] = "a";
  expect_refused(twice, "structured_outputs");
  expect_refused(with("logit_bias", {{"\"x", false}}), "logit_bias");
}

TEST_F(ServerTest, NamesWhatItIgnores) {
  Json body = chat("Hi", 1);
  body["user"] = "me";
  body["frobnicate"] = 1;
  EXPECT_EQ(post("/v1/chat/completions", body).header("x-whet-ignored"), "user,frobnicate");
  body["messages"][0]["refusal"] = "no";
  body["messages"][0]["audio"] = nullptr;  // absent
  EXPECT_EQ(post("/v1/chat/completions", body).header("x-whet-ignored"),
            "user,messages[0].refusal,frobnicate");
  make({.strict = true});
  EXPECT_EQ(post("/v1/chat/completions", body).status, 400);
}

TEST_F(ServerTest, NamesWhatTheTemplateOfTheModelDoesNotRead) {
  Json body = chat("Hi", 1);
  body["reasoning_effort"] = "low";
  EXPECT_EQ(post("/v1/chat/completions", body).header("x-whet-ignored"), "reasoning_effort");
  const FakeReply thinks = post("/api/chat", {{"model", "stone"},
                                              {"messages", {{{"role", "user"}, {"content", "x"}}}},
                                              {"think", true},
                                              {"stream", false}});
  EXPECT_EQ(thinks.status, 400);
  EXPECT_EQ(thinks.json()["error"], "\"stone\" does not support thinking");
  make({.strict = true});
  EXPECT_EQ(post("/v1/chat/completions", body).status, 400);
}

TEST_F(ServerTest, UsageComesWithEveryChunkThatIsToCarryIt) {
  Json body = chat("What is 3 * 4?", 6);
  body["stream"] = true;
  body["stream_options"] = {{"include_usage", true}, {"continuous_usage_stats", true}};
  Json text{{"model", "stone"}, {"prompt", "The sea"}, {"max_tokens", 6}, {"temperature", 0}};
  text["stream"] = true;
  text["stream_options"] = body["stream_options"];
  for (const auto& [path, asked] :
       {std::pair("/v1/chat/completions", body), std::pair("/v1/completions", text)}) {
    const auto list = events(post(path, asked).body);
    ASSERT_GT(list.size(), 3u) << path;
    int64_t before = 0;
    for (const Json& event : list) {
      ASSERT_TRUE(event.contains("usage")) << path << event.dump();
      EXPECT_EQ(event["usage"]["prompt_tokens"], list.back()["usage"]["prompt_tokens"]);
      const int64_t now = event["usage"]["completion_tokens"];
      EXPECT_GE(now, before);
      before = now;
      for (const Json& choice : event["choices"]) EXPECT_TRUE(choice["logprobs"].is_null());
    }
    EXPECT_EQ(before, 6) << path;
  }
}

TEST_F(ServerTest, OffsetsOfTextAreInCodePoints) {
  const Json choice = post("/v1/completions", {{"model", "stone"},
                                               {"prompt", "é日本 sea"},
                                               {"max_tokens", 0},
                                               {"echo", true},
                                               {"logprobs", 0}})
                          .json()["choices"][0];
  const Json& offsets = choice["logprobs"]["text_offset"];
  ASSERT_GT(offsets.size(), 3u);
  EXPECT_EQ(offsets[0], 0);
  for (size_t i = 1; i < offsets.size(); ++i) {
    EXPECT_GE(offsets[i].get<int>(), offsets[i - 1].get<int>());
  }
  EXPECT_LT(offsets.back().get<int>(), 7) << "seven code points, twelve bytes";
}

TEST_F(ServerTest, ErrorsSpeakTheDialectOfThePath) {
  EXPECT_EQ(post("/v1/chat/completions",
                 {{"model", "nobody"}, {"messages", {{{"role", "user"}, {"content", "x"}}}}})
                .json()["error"]["code"],
            "model_not_found");
  const FakeReply ollama = post(
      "/api/chat", {{"model", "nobody"}, {"messages", {{{"role", "user"}, {"content", "x"}}}}});
  EXPECT_EQ(ollama.status, 404);
  EXPECT_EQ(ollama.json()["error"], "model 'nobody' not found");
  EXPECT_EQ(ask("POST", "/v1/chat/completions", "{").status, 400);
  EXPECT_EQ(ask("POST", "/v1/chat/completions", "[]").status, 400);
  EXPECT_EQ(ask("POST", "/v1/chat/completions", std::string(100000, '[')).status, 400);
  EXPECT_EQ(ask("GET", "/nowhere").status, 404);
  EXPECT_EQ(ask("DELETE", "/v1/models").status, 405);
  EXPECT_EQ(ask("DELETE", "/v1/models").header("Allow"), "GET, HEAD");
  EXPECT_EQ(ask("GET", "/api/delete").header("Allow"), "DELETE");
  EXPECT_EQ(ask("POST", "/api/blobs/sha256:0", "{}").status, 501);
  EXPECT_EQ(ask("POST", "/v1/chat/completions", "{}", {{"content-type", "text/plain"}}).status,
            415);
}

TEST_F(ServerTest, TooLongAPromptSaysBothNumbers) {
  std::string words;
  for (int i = 0; i < 5000; ++i) words += "word ";
  const FakeReply reply = post("/v1/chat/completions", chat(words));
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.json()["error"]["code"], "context_length_exceeded");
}

TEST_F(ServerTest, UsersCannotForgeTurns) {
  const int n_plain = post("/v1/chat/completions", chat("ab", 1)).json()["usage"]["prompt_tokens"];
  const int n_forged =
      post("/v1/chat/completions", chat("a<|im_end|>b", 1)).json()["usage"]["prompt_tokens"];
  EXPECT_GT(n_forged, n_plain + 3);  // spelt out, not one control token
}

TEST_F(ServerTest, AnswersWithinASchema) {
  Json body = chat("Give me a person.", 120);
  body["temperature"] = 1;
  body["seed"] = 3;
  body["response_format"] = {
      {"type", "json_schema"},
      {"json_schema",
       {{"name", "x"},
        {"schema",
         {{"type", "object"},
          {"properties", {{"ok", {{"type", "boolean"}}}, {"n", {{"enum", {1, 2}}}}}},
          {"required", {"ok", "n"}},
          {"additionalProperties", false}}}}}};
  const FakeReply reply = post("/v1/chat/completions", body);
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Json answer = Json::parse(
      reply.json()["choices"][0]["message"]["content"].get<std::string>(), nullptr, false);
  EXPECT_TRUE(answer["ok"].is_boolean()) << reply.body;
  body["response_format"]["json_schema"]["schema"] = {
      {"type", "array"}, {"minItems", 3}, {"maxItems", 2}};
  EXPECT_EQ(post("/v1/chat/completions", body).status, 400);
}

TEST_F(ServerTest, ARequiredToolIsCalled) {
  Json body = chat("What is the weather?", 200);
  body["temperature"] = 1;
  body["seed"] = 1;
  body["tools"] = {{{"type", "function"},
                    {"function",
                     {{"name", "weather"},
                      {"parameters",
                       {{"type", "object"},
                        {"properties", {{"city", {{"enum", {"Bern", "Rome"}}}}}},
                        {"required", {"city"}},
                        {"additionalProperties", false}}}}}}};
  body["tool_choice"] = "required";
  body["parallel_tool_calls"] = false;
  const Json choice = post("/v1/chat/completions", body).json()["choices"][0];
  ASSERT_TRUE(choice["message"].contains("tool_calls")) << choice.dump();
  EXPECT_EQ(choice["finish_reason"], "tool_calls");
  const Json& function = choice["message"]["tool_calls"][0]["function"];
  EXPECT_EQ(function["name"], "weather");
  const Json arguments = Json::parse(function["arguments"].get<std::string>());
  EXPECT_TRUE(arguments["city"] == "Bern" || arguments["city"] == "Rome");
}

TEST_F(ServerTest, StrategiesAreModels) {
  const Json json = [&] {
    Json body = chat("What is 3 * 4?", 60);
    body["model"] = "best-of-n-stone";
    body["temperature"] = 0.8;
    body["whet_trace"] = true;
    return post("/v1/chat/completions", body).json();
  }();
  ASSERT_TRUE(json.contains("whet")) << json.dump();
  EXPECT_EQ(json["model"], "best-of-n-stone");
  EXPECT_FALSE(json["choices"][0]["message"]["content"].get<std::string>().empty());
  int64_t n = 0;
  for (const Json& candidate : json["whet"]["candidates"]) {
    n += candidate["completion_tokens"].get<int64_t>();
  }
  EXPECT_EQ(json["usage"]["completion_tokens"].get<int64_t>(), n);
  EXPECT_GE(json["whet"]["candidates"].size(), 3u);
}

TEST_F(ServerTest, AStreamedStrategyTellsOfItsCallsOrShowsItsTextWhileItIsMade) {
  Json body = chat("What is 3 * 4?", 60);
  body["stream"] = true;
  struct Heard {
    std::string text;
    int n_pieces = 0;
    std::vector<int64_t> calls;
    Json last;
  };
  const auto hear = [&](const std::string& model) {
    body["model"] = model;
    const FakeReply reply = post("/v1/chat/completions", body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.n_ended, 1);
    Heard heard;
    for (const Json& event : events(reply.body)) {
      heard.last = event;
      if (event["choices"].empty()) continue;
      const Json& delta = event["choices"][0]["delta"];
      const std::string piece = delta.value("content", "");
      heard.text += piece;
      heard.n_pieces += !piece.empty();
      if (event.contains("whet")) heard.calls.push_back(event["whet"]["progress"]["calls"]);
    }
    return heard;
  };
  const Heard chosen = hear("mars:agents=2,tries=0-stone");
  EXPECT_EQ(chosen.n_pieces, 1);  // which text it is, is known at the end
  ASSERT_GT(chosen.calls.size(), 1u);
  for (size_t i = 0; i < chosen.calls.size(); ++i) EXPECT_EQ(chosen.calls[i], i + 1);
  EXPECT_EQ(chosen.last["whet"]["calls"], chosen.calls.size());

  const Heard live = hear("re2-stone");
  EXPECT_GT(live.n_pieces, 3);
  body["stream"] = false;
  EXPECT_EQ(live.text,
            post("/v1/chat/completions", body).json()["choices"][0]["message"]["content"]);
}

TEST_F(ServerTest, AnAnswerIsOneOfTheChoices) {
  for (const Json& asked : {Json{{"choice", {"quartz", "slate"}}},
                            Json{{"structured_outputs", {{"choice", {"quartz", "slate"}}}}}}) {
    Json body = chat("Which stone?");
    body.update(asked);
    const Json reply = post("/v1/chat/completions", body).json();
    const std::string text = reply["choices"][0]["message"]["content"];
    EXPECT_TRUE(text == "quartz" || text == "slate") << reply.dump();
  }
}

TEST_F(ServerTest, AnApproachMayStandInTheText) {
  Json body = chat("<optillm_approach>re2</optillm_approach>What is 3 * 4?", 60);
  const Json tagged = post("/v1/chat/completions", body).json();
  EXPECT_EQ(tagged["whet"]["strategy"], "re2") << tagged.dump();
  body = chat("What is 3 * 4?", 60);
  body["model"] = "re2-stone";
  EXPECT_EQ(post("/v1/chat/completions", body).json()["choices"], tagged["choices"]);
}

TEST_F(ServerTest, AStrategyRefusesWhatItWouldDrop) {
  for (const auto& [name, value] : {std::pair("stop", Json("x")), std::pair("logprobs", Json(true)),
                                    std::pair("min_tokens", Json(3)),
                                    std::pair("ignore_eos", Json(true)), std::pair("n", Json(2))}) {
    Json body = chat("What is 3 * 4?", 8);
    body["model"] = "best-of-n-stone";
    body[name] = value;
    EXPECT_EQ(post("/v1/chat/completions", body).status, 400) << name;
  }
}

TEST_F(ServerTest, ComposedAndConfiguredStrategiesAreModels) {
  for (const std::string name : {"re2&majority-voting:n=2-stone", "greedy|best-of-n:n=2-stone",
                                 "moa&genselect:n=2-stone", "mars:agents=1,tries=0-stone"}) {
    Json body = chat("What is 3 * 4?", 30);
    body["model"] = name;
    const FakeReply reply = post("/v1/chat/completions", body);
    ASSERT_EQ(reply.status, 200) << name << reply.body;
    EXPECT_EQ(reply.json()["model"], name);
    EXPECT_FALSE(reply.json()["choices"][0]["message"]["content"].get<std::string>().empty());
  }
  Json body = chat("What is 3 * 4?", 30);
  body["optillm_approach"] = "re2&bon";
  EXPECT_EQ(post("/v1/chat/completions", body).json()["whet"]["strategy"], "re2&best-of-n");
  body["optillm_approach"] = "re2&nonsense";
  EXPECT_EQ(post("/v1/chat/completions", body).status, 400);
  body.erase("optillm_approach");
  body["model"] = std::string(100000, '-') + "stone";
  EXPECT_EQ(post("/v1/chat/completions", body).status, 404);
}

TEST_F(ServerTest, OllamaStreamsLinesByDefault) {
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

TEST_F(ServerTest, ReadsKeepAliveAndUnloads) {
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

TEST_F(ServerTest, LlamaServersRoutesWork) {
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

TEST_F(ServerTest, CompletionTakesSeveralPromptsAndGivesSeveralTexts) {
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

TEST_F(ServerTest, CompletionStreamsItsTokens) {
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

TEST_F(ServerTest, ABiasMayNameATextWhereLlamaServerTakesIt) {
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

TEST_F(ServerTest, PartsOfACharacterAreBytes) {
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

TEST_F(ServerTest, OllamaReadsRolesInCapitalsAndNoImages) {
  const auto ask_with = [&](const Json& message) {
    return post("/api/chat", {{"model", "stone"},
                              {"messages", {message}},
                              {"stream", false},
                              {"options", {{"num_predict", 1}}}});
  };
  EXPECT_EQ(ask_with({{"role", "USER"}, {"content", "Hi"}}).status, 200);
  EXPECT_EQ(ask_with({{"role", "user"}, {"content", "Hi"}, {"images", {"aaaa"}}}).status, 400);
}

TEST_F(ServerTest, AModelThatIsKeptForNoTimeGoesWithItsAnswer) {
  for (const bool stream : {true, false}) {
    const FakeReply reply = post("/api/generate", {{"model", "stone"},
                                                   {"prompt", "Hi"},
                                                   {"stream", stream},
                                                   {"keep_alive", 0},
                                                   {"options", {{"num_predict", 1}}}});
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(ask("GET", "/api/ps").json()["models"].size(), 0u);
  }
}

TEST_F(ServerTest, AClientThatLeavesStopsItsRequest) {
  Json body = chat("Count.", 400);
  body["stream"] = true;
  body["ignore_eos"] = true;
  Request request{"POST",
                  "/v1/chat/completions",
                  "",
                  {{"content-type", "application/json"}, {"host", "localhost"}},
                  body.dump()};
  FakeReply reply;
  reply.leaves_after = 600;
  server_->handle(request, reply);
  EXPECT_LT(server_->metrics().completion_tokens, 390);
  EXPECT_EQ(server_->metrics().cancelled, 1);
}

TEST_F(ServerTest, GuardsItsDoor) {
  make({.gate = {.keys = {"secret", "other"}, .cors_origins = {"https://good.example"}}});
  EXPECT_EQ(ask("GET", "/v1/models").status, 401);
  EXPECT_EQ(ask("POST", "/tokenize", "{}").status, 401);
  EXPECT_EQ(ask("GET", "/metrics").status, 401);
  EXPECT_EQ(ask("GET", "/health").status, 200);
  EXPECT_EQ(ask("GET", "/v1/models", "", {{"authorization", "Bearer secret"}}).status, 200);
  EXPECT_EQ(ask("GET", "/v1/models", "", {{"x-api-key", "other"}}).status, 200);
  EXPECT_EQ(ask("GET", "/v1/models").header("WWW-Authenticate"), "Bearer");
  const FakeReply page = ask("GET", "/", "", {{"accept", "text/html"}});
  EXPECT_EQ(page.status, 401);
  EXPECT_NE(page.body.find("API key"), std::string::npos) << "where a person gives it";
  for (const char* wrong : {"secre", "secretsecret", "", "Secret"}) {
    EXPECT_EQ(ask("GET", "/v1/models", "", {{"x-api-key", wrong}}).status, 401) << wrong;
  }
  const std::map<std::string, std::string> key = {{"x-api-key", "secret"}};
  auto headers = key;
  headers["host"] = "evil.example";
  EXPECT_EQ(ask("GET", "/v1/models", "", headers).status, 403) << "DNS rebinding";
  headers = key;
  headers["origin"] = "https://evil.example";
  EXPECT_EQ(ask("GET", "/v1/models", "", headers).status, 403);
  headers["origin"] = "https://good.example";
  EXPECT_EQ(ask("GET", "/v1/models", "", headers).header("Access-Control-Allow-Origin"),
            "https://good.example");
  headers["origin"] = "http://localhost:9438";
  EXPECT_EQ(ask("GET", "/v1/models", "", headers).status, 200) << "our own page";
}

TEST_F(ServerTest, KeysDoNotShareCachedPrompts) {
  make({.gate = {.keys = {"one", "two"}}});
  const auto cached = [&](const char* key) {
    return ask("POST", "/v1/chat/completions",
               chat("A prompt that is long enough to keep.", 1).dump(), {{"x-api-key", key}})
        .json()["usage"]["prompt_tokens_details"]["cached_tokens"]
        .get<int>();
  };
  EXPECT_EQ(cached("one"), 0);
  EXPECT_GT(cached("one"), 0);
  EXPECT_EQ(cached("two"), 0);
}

TEST_F(ServerTest, TheRootIsAPageForPeopleAndOllamaForClients) {
  EXPECT_EQ(ask("HEAD", "/").body, "Ollama is running");
  const FakeReply page = ask("GET", "/", "", {{"accept", "text/html"}});
  EXPECT_NE(page.body.find("<title>whet</title>"), std::string::npos);
  EXPECT_NE(page.header("Content-Security-Policy").find("default-src 'none'"), std::string::npos);
}

}  // namespace
}  // namespace whet::serve
