// OpenAI's chat and completions on the shipped model.
#include <set>

#include "serve/server_for_test.h"

namespace whet::serve {
namespace {

using OpenAiTest = ServerTest;

TEST_F(OpenAiTest, AnswersAChat) {
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

TEST_F(OpenAiTest, TheStreamSpellsTheSameAnswerAndIsFramed) {
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

TEST_F(OpenAiTest, GivesNChoicesOfOnePrompt) {
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

TEST_F(OpenAiTest, ChatLogprobsSpellTheContent) {
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

TEST_F(OpenAiTest, EchoGivesLogprobsOfThePromptAsLmEvalReadsThem) {
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

TEST_F(OpenAiTest, TakesAllFormsOfAPrompt) {
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

TEST_F(OpenAiTest, RefusesWrongFieldsByName) {
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

TEST_F(OpenAiTest, NamesWhatItIgnores) {
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

TEST_F(OpenAiTest, NamesWhatTheTemplateOfTheModelDoesNotRead) {
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

TEST_F(OpenAiTest, UsageComesWithEveryChunkThatIsToCarryIt) {
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

TEST_F(OpenAiTest, OffsetsOfTextAreInCodePoints) {
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

TEST_F(OpenAiTest, TooLongAPromptSaysBothNumbers) {
  std::string words;
  for (int i = 0; i < 5000; ++i) words += "word ";
  const FakeReply reply = post("/v1/chat/completions", chat(words));
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.json()["error"]["code"], "context_length_exceeded");
}

TEST_F(OpenAiTest, AnswersWithinASchema) {
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

TEST_F(OpenAiTest, ARequiredToolIsCalled) {
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

}  // namespace
}  // namespace whet::serve
