// The generator against a small engine whose every reply a test decides.
#include "remote/remote_generator.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <set>

#include "base/clock.h"
#include "http/server_for_test.h"
#include "remote/wire_json.h"

namespace whet::remote {
namespace {

using http::ServerForTest;
using Asked = ServerForTest::Asked;
using Answer = ServerForTest::Answer;

std::string sse(const Json& json) {
  const std::string text = "data: " + json.dump() + "\n\n";
  return fmt::format("{:x}\r\n{}\r\n", text.size(), text);
}
Json delta(int64_t index, const std::string& text, const Json& finish = nullptr) {
  return {
      {"choices", {{{"index", index}, {"delta", {{"content", text}}}, {"finish_reason", finish}}}}};
}
constexpr const char* kBegin =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// An OpenAI-compatible engine. `on_chat` answers what streams.
class Engine {
 public:
  using OnChat = std::function<void(const Json& body, Answer& answer)>;
  explicit Engine(OnChat on_chat = {}, bool has_n = true, std::string owner = "llamacpp",
                  std::string key = "")
      : on_chat_(std::move(on_chat)),
        has_n_(has_n),
        owner_(std::move(owner)),
        key_(std::move(key)),
        server_([this](const Asked& asked, Answer& answer) { handle(asked, answer); }) {}

  std::string address() const { return server_.url("/v1#m"); }
  std::vector<Asked> asked() const { return server_.asked(); }
  /// Bodies of the streamed requests.
  std::vector<Json> chats() const {
    std::vector<Json> bodies;
    for (const Asked& asked : server_.asked()) {
      if (asked.method != "POST") continue;
      Json body = Json::parse(asked.body);
      if (body.contains("stream")) bodies.push_back(std::move(body));
    }
    return bodies;
  }
  std::atomic<bool> has_logprobs{true};
  std::atomic<int> n_busy_probes{0}, n_slots{0};

  /// The words "one two" as answer of each completion.
  static void answer_plainly(const Json& body, Answer& answer) {
    const int64_t n = body.value("n", 1);
    answer.write(kBegin);
    for (int64_t i = 0; i < n; ++i) answer.write(sse(delta(i, "one")));
    for (int64_t i = 0; i < n; ++i) answer.write(sse(delta(i, " two", "stop")));
    finish(answer, n);
  }
  static void finish(Answer& answer, int64_t n) {
    answer.write(sse({{"choices", Json::array()},
                      {"usage", {{"prompt_tokens", 5}, {"completion_tokens", 2 * n}}}}));
    answer.write("e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
  }

 private:
  void handle(const Asked& asked, Answer& answer) {
    if (!key_.empty() && asked.header("authorization") != "Bearer " + key_) {
      answer.reply(401, R"({"error":{"message":"bad key"}})");
    } else if (asked.target == "/v1/models") {
      answer.reply(200, Json{{"data", {{{"id", "m"}, {"owned_by", owner_}}}}}.dump());
    } else if (asked.method == "GET") {
      answer.reply(200, Json{{"total_slots", n_slots.load()}}.dump());
    } else {
      const Json body = Json::parse(asked.body);
      if (body.contains("stream")) {
        if (on_chat_)
          on_chat_(body, answer);
        else
          answer_plainly(body, answer);
        return;
      }
      if (n_busy_probes > 0) {
        --n_busy_probes;
        answer.reply(429, R"({"error":"often"})", "Retry-After: 0.4\r\n");
        return;
      }
      Json choice{{"message", {{"content", "x"}}}};
      if (has_logprobs) choice["logprobs"] = {{"content", {{{"token", "x"}, {"logprob", -1}}}}};
      Json choices = Json::array({choice});
      if (has_n_ && body.value("n", 1) == 2) choices.push_back(choice);
      answer.reply(200, Json{{"choices", choices}}.dump());
    }
  }

  const OnChat on_chat_;
  const bool has_n_;
  const std::string owner_, key_;
  ServerForTest server_;
};

std::unique_ptr<RemoteGenerator> open(const std::vector<std::string>& addresses, int most = 16) {
  RemoteOptions options{.addresses = addresses, .most_per_endpoint = most};
  auto opened = RemoteGenerator::open(options);
  EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().message());
  return opened.ok() ? std::move(*opened) : nullptr;
}

GenerateRequest question(size_t n = 1) {
  GenerateRequest request;
  request.conversation().messages.push_back({.role = "user", .content = "Count."});
  request.samples.assign(n, {});
  for (size_t i = 0; i < n; ++i) request.samples[i].seed = i;
  return request;
}

TEST(RemoteGeneratorTest, StreamsTextAndKeepsTheCounts) {
  Engine engine;
  const auto model = open({engine.address()});
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->describe().name, "m");
  EXPECT_TRUE(model->describe().can.logprobs);
  EXPECT_FALSE(model->describe().can.ids);
  std::vector<std::string> texts;
  const auto result = model->generate(question(), [&](const GenerateEvent& event) {
    texts.emplace_back(event.text);
    return Continue::kYes;
  });
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(texts, (std::vector<std::string>{"one", " two"}));
  const Completion& completion = result->completions.at(0);
  EXPECT_EQ(completion.text, "one two");
  EXPECT_EQ(completion.finish, FinishReason::kStop);
  EXPECT_EQ(completion.n_completion_tok, 2);
  EXPECT_EQ(completion.token_ns.size(), 2u);
  EXPECT_EQ(result->n_prompt_tok, 5);
  EXPECT_GE(result->first_token_ns, result->start_ns);
}

TEST(RemoteGeneratorTest, AlikeSamplesAreOneRequestWhereTheEngineHasN) {
  Engine engine;
  const auto model = open({engine.address()});
  const auto result = model->generate(question(5));
  ASSERT_TRUE(result.ok()) << result.error().message();
  ASSERT_EQ(engine.chats().size(), 1u);
  EXPECT_EQ(engine.chats()[0]["n"], 5);
  for (const Completion& c : result->completions) {
    EXPECT_EQ(c.text, "one two");
    EXPECT_EQ(c.n_completion_tok, 2);
  }
}

TEST(RemoteGeneratorTest, OneRequestAsksForNoMoreThanTheEngineGives) {
  Engine engine;
  engine.n_slots = 3;  // llama-server refuses a larger n
  const auto model = open({engine.address()});
  const auto result = model->generate(question(8));
  ASSERT_TRUE(result.ok()) << result.error().message();
  std::multiset<int64_t> sizes;
  for (const Json& body : engine.chats()) sizes.insert(body.value("n", 1));
  EXPECT_EQ(sizes, (std::multiset<int64_t>{2, 3, 3}));
}

TEST(RemoteGeneratorTest, WithoutNEachSampleIsARequestWithItsOwnSeed) {
  Engine engine({}, /*has_n=*/false);
  const auto model = open({engine.address()});
  EXPECT_FALSE(model->describe().can.shared_prefill);
  const auto result = model->generate(question(5));
  ASSERT_TRUE(result.ok()) << result.error().message();
  std::set<int64_t> seeds;
  for (const Json& body : engine.chats()) {
    EXPECT_FALSE(body.contains("n"));
    seeds.insert(body["seed"].get<int64_t>());
  }
  EXPECT_EQ(seeds, (std::set<int64_t>{0, 1, 2, 3, 4}));
}

TEST(RemoteGeneratorTest, NeverMoreAtOnceThanTheLimit) {
  std::atomic<int> running{0}, most{0};
  std::atomic<bool> both{false};
  Engine engine(
      [&](const Json& body, Answer& answer) {
        const int now = ++running;
        int seen = most;
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        if (now == 2) both = true;
        // The first ones wait until two run, so the limit is reached and not only kept.
        for (int waited = 0; !both && waited < 60'000; ++waited) ::poll(nullptr, 0, 1);
        --running;  // before the reply, after which the next may come
        Engine::answer_plainly(body, answer);
      },
      /*has_n=*/false);
  const auto model = open({engine.address()}, /*most=*/2);
  const auto result = model->generate(question(8));
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(most, 2);
}

TEST(RemoteGeneratorTest, EndpointsShareTheWork) {
  Engine first, second;
  const auto model = open({first.address(), second.address()});
  const auto result = model->generate(question(8));
  ASSERT_TRUE(result.ok()) << result.error().message();
  ASSERT_EQ(first.chats().size(), 1u);
  ASSERT_EQ(second.chats().size(), 1u);
  EXPECT_EQ(first.chats()[0]["n"], 4);
  EXPECT_EQ(second.chats()[0]["n"], 4);
}

TEST(RemoteGeneratorTest, EndpointsWithoutNShareTheWorkToo) {
  // Nobody answers before all have been asked, so that each share is what was outstanding.
  std::atomic<int> n_asked{0};
  const auto answer_together = [&](const Json& body, Answer& answer) {
    ++n_asked;
    for (int waited = 0; n_asked < 16 && waited < 60'000; ++waited) ::poll(nullptr, 0, 1);
    Engine::answer_plainly(body, answer);
  };
  Engine first(answer_together, false), second(answer_together, false);
  const auto model = open({first.address(), second.address()});
  const auto result = model->generate(question(16));
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(first.chats().size(), 8u);
  EXPECT_EQ(second.chats().size(), 8u);
}

TEST(RemoteGeneratorTest, WhatNoEngineTookIsSentAgain) {
  std::atomic<int> n_refused{0};
  Engine engine([&](const Json& body, Answer& answer) {
    if (n_refused++ < 2) {
      answer.reply(n_refused == 1 ? 503 : 429, R"({"error":"busy"})", "Retry-After: 0\r\n");
    } else {
      Engine::answer_plainly(body, answer);
    }
  });
  const auto model = open({engine.address()});
  const auto result = model->generate(question());
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(result->completions[0].text, "one two");
  EXPECT_EQ(engine.chats().size(), 3u);
}

TEST(RemoteGeneratorTest, LeavesAnEngineInPeaceForAsLongAsItAsks) {
  Engine engine;
  engine.n_busy_probes = 1;
  const int64_t begin_ns = monotonic_ns();
  ASSERT_NE(open({engine.address()}), nullptr);
  EXPECT_GE(monotonic_ns() - begin_ns, 400'000'000);
  // Longer than anybody waits for an engine: what it says is the error.
  engine.n_busy_probes = 1;
  const auto refused = RemoteGenerator::open(
      {.addresses = {engine.address()}, .endpoint = {.start_timeout_ms = 300}});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("429: often"), std::string::npos)
      << refused.error().message();
}

TEST(RemoteGeneratorTest, AnAnswerWithoutEndIsCut) {
  Engine engine([](const Json&, Answer& answer) {
    answer.write(kBegin);
    while (answer.write(sse(delta(0, "again ")))) {
    }
    answer.cut();
  });
  const auto model =
      RemoteGenerator::open({.addresses = {engine.address()}, .endpoint = {.max_bytes = 10'000}});
  ASSERT_TRUE(model.ok());
  const auto result = (*model)->generate(question());
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message().find("at most 10000 bytes"), std::string::npos);
}

TEST(RemoteGeneratorTest, ARedirectIsNotFollowed) {
  Engine other;
  ServerForTest first([&](const Asked&, Answer& answer) {
    answer.reply(307, "", "Location: " + other.address() + "\r\n");
  });
  const auto refused =
      RemoteGenerator::open({.addresses = {first.url("/v1#m")}, .endpoint = {.key = "secret"}});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("redirects elsewhere (status 307)"), std::string::npos);
  EXPECT_TRUE(other.asked().empty());
}

TEST(RemoteGeneratorTest, AnEndpointThatIsGoneIsReplaced) {
  Engine second;
  std::unique_ptr<RemoteGenerator> model;
  {
    Engine first;
    model = open({first.address(), second.address()});
  }
  const auto result = model->generate(question(4));
  ASSERT_TRUE(result.ok()) << result.error().message();
  for (const Completion& c : result->completions) EXPECT_EQ(c.text, "one two");
}

TEST(RemoteGeneratorTest, WhatWasTakenIsNeverSentAgain) {
  Engine engine([](const Json&, Answer& answer) {
    answer.write(kBegin);
    answer.write(sse(delta(0, "one")));
    answer.cut();
  });
  const auto model = open({engine.address()});
  const auto result = model->generate(question());
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kIo);
  EXPECT_EQ(engine.chats().size(), 1u);
}

TEST(RemoteGeneratorTest, RepliesThatMakeNoSenseAreErrors) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {sse(delta(3, "x", "stop")), "found number 4"},
      {"3\r\n{}\n\r\n", "broke off"},
      {"9\r\ndata: {{\n\r\n", "expected JSON"},
      {sse({{"error", {{"message", "out of slots"}}}}), "out of slots"},
      {"e\r\ndata: [DONE]\n\n\r\n", "found 0"},
      {sse(delta(0, "x")) + "e\r\ndata: [DONE]\n\n\r\n", "without saying why"},
  };
  for (const auto& [reply, expected] : cases) {
    Engine engine([&](const Json&, Answer& answer) {
      answer.write(kBegin);
      answer.write(reply + "0\r\n\r\n");
    });
    const auto model = open({engine.address()});
    const auto result = model->generate(question());
    ASSERT_FALSE(result.ok()) << reply;
    EXPECT_NE(result.error().message().find(expected), std::string::npos)
        << result.error().message();
  }
}

TEST(RemoteGeneratorTest, TheSinkACancelAndADeadlineEndARequest) {
  Engine engine([](const Json&, Answer& answer) {
    answer.write(kBegin);
    answer.write(sse(delta(0, "one")));
    answer.wait_for_goodbye();
    answer.cut();
  });
  const auto model = open({engine.address()});
  const auto ended =
      model->generate(question(), [](const GenerateEvent&) { return Continue::kEndSample; });
  ASSERT_TRUE(ended.ok()) << ended.error().message();
  EXPECT_EQ(ended->completions[0].finish, FinishReason::kCancelled);
  EXPECT_EQ(ended->completions[0].text, "one");

  CancelFlag cancel;
  const auto cancelled = model->generate(
      question(),
      [&](const GenerateEvent&) {
        cancel.cancel();
        return Continue::kYes;
      },
      &cancel);
  ASSERT_TRUE(cancelled.ok()) << cancelled.error().message();
  EXPECT_EQ(cancelled->completions[0].finish, FinishReason::kCancelled);

  GenerateRequest timed = question();
  timed.deadline_ns = monotonic_ns() + 50'000'000;
  const auto late = model->generate(timed);
  ASSERT_TRUE(late.ok()) << late.error().message();
  EXPECT_EQ(late->completions[0].finish, FinishReason::kTime);
}

TEST(RemoteGeneratorTest, ReasoningComesAsTheModelWroteIt) {
  Engine engine([](const Json&, Answer& answer) {
    answer.write(kBegin);
    answer.write(sse({{"choices", {{{"index", 0}, {"delta", {{"reasoning_content", "hm"}}}}}}}));
    answer.write(sse(delta(0, "yes", "stop")));
    Engine::finish(answer, 1);
  });
  const auto model = open({engine.address()});
  const auto result = model->generate(question());
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(result->completions[0].text, "<think>\nhm\n</think>\n\nyes");
}

TEST(RemoteGeneratorTest, SaysWhatAnEndpointCannotDoBeforeItIsAsked) {
  Engine engine({}, true, "somebody");
  engine.has_logprobs = false;
  const auto model = open({engine.address()});
  EXPECT_FALSE(model->describe().can.logprobs);
  ASSERT_EQ(model->notes().size(), 2u);
  EXPECT_NE(model->notes()[0].find("--top-k"), std::string::npos);
  EXPECT_NE(model->notes()[1].find("log-probabilities"), std::string::npos);
  GenerateRequest request = question();
  request.top_logprobs = 0;
  const auto result = model->generate(request);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(engine.chats().empty());
  EXPECT_FALSE(model->score("a", "b").ok());
}

TEST(RemoteGeneratorTest, NamesTheModelsThatAreThere) {
  Engine engine;
  const std::string base = engine.address().substr(0, engine.address().find('#'));
  EXPECT_NE(open({base}), nullptr);  // the only one needs no name
  const auto wrong = RemoteGenerator::open({.addresses = {base + "#other"}});
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().message().find("one of: m"), std::string::npos);
}

TEST(RemoteGeneratorTest, TheKeyIsSentAndItsRefusalSaysWhatToDo) {
  Engine engine({}, true, "vllm", "secret");
  RemoteOptions options{.addresses = {engine.address()}};
  const auto refused = RemoteGenerator::open(options);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("WHET_ENDPOINT_KEY"), std::string::npos);
  options.endpoint.key = "secret";
  EXPECT_TRUE(RemoteGenerator::open(options).ok());
}

TEST(RemoteGeneratorTest, AKeyGoesToItsOwnAddressOnly) {
  Engine first({}, true, "vllm", "secret"), second;
  RemoteOptions options{.addresses = {first.address(), second.address()}};
  options.key_of = [&](const std::string& address) {
    return address == first.address() ? "secret" : "";
  };
  const auto model = RemoteGenerator::open(options);
  ASSERT_TRUE(model.ok()) << model.error().message();
  ASSERT_TRUE((*model)->generate(question(4)).ok());
  for (const Asked& asked : first.asked())
    EXPECT_EQ(asked.header("authorization"), "Bearer secret");
  EXPECT_FALSE(second.asked().empty());
  for (const Asked& asked : second.asked()) EXPECT_EQ(asked.header("authorization"), "");
}

}  // namespace
}  // namespace whet::remote
