// Strategies that are asked for as models, by field or by a text.
#include "serve/server_for_test.h"

namespace whet::serve {
namespace {

using StrategyModelsTest = ServerTest;

TEST_F(StrategyModelsTest, StrategiesAreModels) {
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

TEST_F(StrategyModelsTest, AStreamedStrategyTellsOfItsCallsOrShowsItsTextWhileItIsMade) {
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

TEST_F(StrategyModelsTest, AnAnswerIsOneOfTheChoices) {
  for (const Json& asked : {Json{{"choice", {"quartz", "slate"}}},
                            Json{{"structured_outputs", {{"choice", {"quartz", "slate"}}}}}}) {
    Json body = chat("Which stone?");
    body.update(asked);
    const Json reply = post("/v1/chat/completions", body).json();
    const std::string text = reply["choices"][0]["message"]["content"];
    EXPECT_TRUE(text == "quartz" || text == "slate") << reply.dump();
  }
}

TEST_F(StrategyModelsTest, AnApproachMayStandInTheText) {
  Json body = chat("<optillm_approach>re2</optillm_approach>What is 3 * 4?", 60);
  const Json tagged = post("/v1/chat/completions", body).json();
  EXPECT_EQ(tagged["whet"]["strategy"], "re2") << tagged.dump();
  body = chat("What is 3 * 4?", 60);
  body["model"] = "re2-stone";
  EXPECT_EQ(post("/v1/chat/completions", body).json()["choices"], tagged["choices"]);
}

TEST_F(StrategyModelsTest, AStrategyRefusesWhatItWouldDrop) {
  for (const auto& [name, value] : {std::pair("stop", Json("x")), std::pair("logprobs", Json(true)),
                                    std::pair("min_tokens", Json(3)),
                                    std::pair("ignore_eos", Json(true)), std::pair("n", Json(2))}) {
    Json body = chat("What is 3 * 4?", 8);
    body["model"] = "best-of-n-stone";
    body[name] = value;
    EXPECT_EQ(post("/v1/chat/completions", body).status, 400) << name;
  }
}

TEST_F(StrategyModelsTest, ComposedAndConfiguredStrategiesAreModels) {
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

}  // namespace
}  // namespace whet::serve
