#include <fmt/format.h>
#include <gtest/gtest.h>

#include "remote/address.h"
#include "remote/gathering.h"
#include "remote/line_reader.h"
#include "remote/ollama_wire.h"
#include "remote/openai_wire.h"
#include "remote/wire_json.h"

namespace whet::remote {
namespace {

GenerateRequest chat(std::string text) {
  GenerateRequest request;
  request.conversation().messages.push_back({.role = "user", .content = std::move(text)});
  return request;
}

Abilities abilities(EngineKind engine) {
  return {.engine = engine, .model = "m", .logprobs = true, .n = true, .context = 1000};
}

Json body_of(const Result<Call>& call) {
  EXPECT_TRUE(call.ok()) << (call.ok() ? "" : call.error().message());
  return call.ok() ? Json::parse(call->body) : Json();
}

TEST(AddressTest, ReadsBothForms) {
  const auto openai = parse_address("http://localhost:8080/v1#a/b:c");
  ASSERT_TRUE(openai.ok()) << openai.error().message();
  EXPECT_EQ(openai->base, "http://localhost:8080/v1");
  EXPECT_EQ(openai->model, "a/b:c");
  EXPECT_EQ(parse_address("https://host/")->base, "https://host/v1");
  EXPECT_EQ(parse_address("https://host/api/v3/")->base, "https://host/api/v3");
  const auto ollama = parse_address("ollama://host/llama3.2:1b");
  ASSERT_TRUE(ollama.ok()) << ollama.error().message();
  EXPECT_EQ(ollama->base, "http://host:11434");
  EXPECT_EQ(ollama->model, "llama3.2:1b");
  EXPECT_EQ(parse_address("ollama://[::1]:80/m")->base, "http://[::1]:80");
  EXPECT_EQ(parse_address("ollama://[::1]/m")->base, "http://[::1]:11434");
  for (const char* text : {"http://", "http:///v1#m", "http://host/v1?key=1#m", "ollama:///m"}) {
    const auto wrong = parse_address(text);
    ASSERT_FALSE(wrong.ok()) << text;
    EXPECT_EQ(wrong.error().code(), ErrorCode::kInvalidArgument);
  }
  EXPECT_FALSE(is_address("models/http:/x.gguf"));
}

TEST(LineReaderTest, PutsLinesTogether) {
  LineReader reader;
  std::string seen;
  const auto take = [&](std::string_view line) {
    seen += std::string(line) + "|";
    return true;
  };
  for (const char* piece : {"a", "b\r", "\n\nc\nd", "e\n"}) EXPECT_TRUE(reader.push(piece, take));
  EXPECT_EQ(seen, "ab||c|de|");
}

TEST(LineReaderTest, RefusesAnEndlessLine) {
  LineReader reader;
  const std::string piece(size_t{1} << 20, 'x');
  bool goes_on = true;
  for (int i = 0; i < 17 && goes_on; ++i) {
    goes_on = reader.push(piece, [](std::string_view) { return true; });
  }
  EXPECT_FALSE(goes_on);
}

TEST(OpenAiWireTest, SendsSamplingAsTheEngineNamesIt) {
  GenerateRequest request = chat("Hi");
  request.max_tokens = 7;
  request.stop = {"END"};
  request.top_logprobs = 0;
  request.samples[0].repeat_penalty = 1.1;
  request.samples[0].seed = 5;
  const Json llama = body_of(openai_call(request, 0, 2, abilities(EngineKind::kLlamaServer)));
  EXPECT_EQ(llama["n"], 2);
  EXPECT_EQ(llama["max_tokens"], 7);
  EXPECT_EQ(llama["seed"], 5);
  EXPECT_EQ(llama["top_k"], 40);
  EXPECT_EQ(llama["repeat_penalty"], 1.1);
  EXPECT_EQ(llama["stop"], Json({"END"}));
  EXPECT_EQ(llama["logprobs"], true);
  EXPECT_EQ(llama["stream_options"]["include_usage"], true);
  const Json vllm = body_of(openai_call(request, 0, 1, abilities(EngineKind::kVllm)));
  EXPECT_EQ(vllm["repetition_penalty"], 1.1);
  EXPECT_FALSE(vllm.contains("n"));
  EXPECT_FALSE(vllm.contains("repeat_last_n"));
  request.samples[0].repeat_penalty = 1;
  const Json openai = body_of(openai_call(request, 0, 1, abilities(EngineKind::kOpenAi)));
  EXPECT_EQ(openai["max_completion_tokens"], 7);
  EXPECT_FALSE(openai.contains("top_k"));
}

TEST(OpenAiWireTest, SaysWhatAnEngineCannotBeAskedFor) {
  const auto refused = [](const GenerateRequest& request, const Abilities& who) {
    const auto call = openai_call(request, 0, 1, who);
    EXPECT_FALSE(call.ok());
    return call.ok() ? "" : call.error().message();
  };
  GenerateRequest penalty = chat("Hi");
  penalty.samples[0].repeat_penalty = 2;
  EXPECT_NE(refused(penalty, abilities(EngineKind::kOpenAi)).find("--repeat-penalty"),
            std::string::npos);
  GenerateRequest logprobs = chat("Hi");
  logprobs.top_logprobs = 3;
  Abilities blind = abilities(EngineKind::kVllm);
  blind.logprobs = false;
  EXPECT_NE(refused(logprobs, blind).find("log-probabilities"), std::string::npos);
  GenerateRequest raw;
  raw.prompt = "text";
  EXPECT_NE(refused(raw, abilities(EngineKind::kVllm)).find("-n"), std::string::npos);
  EXPECT_EQ(body_of(openai_call(raw, 0, 1, abilities(EngineKind::kWhet)))["max_tokens"], 1000);
  GenerateRequest bytes = chat("\xff");
  EXPECT_NE(refused(bytes, abilities(EngineKind::kVllm)).find("UTF-8"), std::string::npos);
}

TEST(OpenAiWireTest, ReadsPieces) {
  const auto news = openai_news(
      R"(data: {"choices":[{"index":1,"delta":{"content":"ab","reasoning_content":"r"},)"
      R"("logprobs":{"content":[{"token":"?","bytes":[195],"logprob":-0.5,"id":7,)"
      R"("top_logprobs":[{"token":"x","logprob":-1}]}]},"finish_reason":"length"}],)"
      R"("usage":{"prompt_tokens":3,"completion_tokens":4,)"
      R"("prompt_tokens_details":{"cached_tokens":2}}})");
  ASSERT_TRUE(news.ok()) << news.error().message();
  ASSERT_EQ(news->pieces.size(), 1u);
  const Piece& piece = news->pieces[0];
  EXPECT_EQ(piece.choice, 1u);
  EXPECT_EQ(piece.text, "ab");
  EXPECT_EQ(piece.reasoning, "r");
  ASSERT_EQ(piece.tokens.size(), 1u);
  EXPECT_EQ(piece.tokens[0].bytes, "\xc3");
  EXPECT_EQ(piece.tokens[0].id, 7);
  EXPECT_EQ(piece.tokens[0].logprob, -0.5);
  EXPECT_EQ(piece.tokens[0].top.at(0).bytes, "x");
  EXPECT_EQ(piece.finish, FinishReason::kLength);
  EXPECT_EQ(news->n_prompt_tok, 3);
  EXPECT_EQ(piece.n_tok, 4);
  EXPECT_FALSE(news->n_completion_tok.has_value());
  EXPECT_EQ(
      openai_news(R"(data: {"choices":[],"usage":{"completion_tokens":9}})")->n_completion_tok, 9);
  EXPECT_EQ(news->n_cached_tok, 2);
  EXPECT_TRUE(openai_news("data: [DONE]")->done);
  EXPECT_TRUE(openai_news(": ping")->pieces.empty());
}

TEST(OpenAiWireTest, ReadsTheOlderLogprobs) {
  const auto news = openai_news(
      R"(data: {"choices":[{"text":"ab","logprobs":{"tokens":["a","b"],)"
      R"("token_logprobs":[-1,-2],"top_logprobs":[{"c":-3,"d":-1},null]},"finish_reason":null}]})");
  ASSERT_TRUE(news.ok());
  const auto& tokens = news->pieces.at(0).tokens;
  ASSERT_EQ(tokens.size(), 2u);
  EXPECT_EQ(tokens[1].logprob, -2);
  ASSERT_EQ(tokens[0].top.size(), 2u);
  EXPECT_EQ(tokens[0].top[0].bytes, "d");
}

TEST(OpenAiWireTest, OddRepliesAreErrorsOrNothing) {
  EXPECT_FALSE(openai_news("data: {").ok());
  EXPECT_FALSE(openai_news("data: 3").ok());
  const auto error = openai_news(R"(data: {"error":{"message":"no slot"}})");
  ASSERT_FALSE(error.ok());
  EXPECT_EQ(error.error().message(), "no slot");
  for (const char* line :
       {R"(data: {"choices":7})", R"(data: {"choices":[7,{}]})",
        R"(data: {"choices":[{"index":5,"delta":{"content":3},"logprobs":{"content":{}}}]})",
        R"(data: {"choices":[{"logprobs":{"tokens":[1],"token_logprobs":[]}}],"usage":[]})",
        R"(data: {"usage":{"prompt_tokens":"many"}})"}) {
    const auto news = openai_news(line);
    EXPECT_TRUE(news.ok()) << line;
  }
  const auto negative = openai_news(R"(data: {"choices":[{"index":-5}]})");
  ASSERT_FALSE(negative.ok());
  EXPECT_NE(negative.error().message().find("found -5"), std::string::npos);
}

TEST(OpenAiWireTest, CountsThatCouldOverflowAreNone) {
  for (const char* count : {"-1", "9223372036854775807", "18446744073709551615", "1e3"}) {
    const auto news = openai_news(fmt::format(
        R"(data: {{"choices":[],"usage":{{"prompt_tokens":{0},"completion_tokens":{0}}}}})",
        count));
    ASSERT_TRUE(news.ok()) << count;
    EXPECT_FALSE(news->n_prompt_tok || news->n_completion_tok) << count;
  }
}

TEST(WireJsonTest, RefusesWhatIsNestedDeeply) {
  const std::string deep = std::string(65, '[') + std::string(65, ']');
  EXPECT_TRUE(parsed(deep).is_discarded());
  EXPECT_TRUE(parsed(deep.substr(1, 128)).is_array());
  // Brackets in strings are text.
  EXPECT_TRUE(parsed(R"(["\\\"[)" + std::string(100, '{') + R"("])").is_array());
}

TEST(WireJsonTest, WhatAnEngineSaysStaysOnOneLine) {
  EXPECT_EQ(error_message("{\"error\":{\"message\":\"bad\\r\\nwhet: note: all is well\"}}"),
            "bad  whet: note: all is well");
  EXPECT_EQ(error_message("no\njson\x1b"), "no json ");
  EXPECT_EQ(error_message(std::string(5000, 'x')).size(), 600u);
}

TEST(OpenAiWireTest, ScoresTheTokensOfTheContinuationOnly) {
  const char* body =
      R"({"choices":[{"text":"","logprobs":{"tokens":["<s>","The"," sky"," is"," blue","!"],)"
      R"("token_logprobs":[null,-1,-2,-3,-4,-9]}}]})";
  const auto scores = openai_scores(body, " is blue");
  ASSERT_TRUE(scores.ok()) << scores.error().message();
  ASSERT_EQ(scores->size(), 2u);
  EXPECT_EQ((*scores)[0].bytes, " is");
  EXPECT_EQ((*scores)[1].logprob, -4);
  EXPECT_FALSE(openai_scores(body, "s blue").ok());
  EXPECT_FALSE(openai_scores("{}", "x").ok());
}

TEST(OllamaWireTest, AsksAndReads) {
  GenerateRequest request = chat("Hi");
  request.samples[0].seed = 9;
  const auto call = ollama_call(request, 0, abilities(EngineKind::kOllama));
  const Json body = body_of(call);
  EXPECT_EQ(call->path, "/api/chat");
  EXPECT_EQ(body["options"]["seed"], 9);
  EXPECT_EQ(body["options"]["num_predict"], -1);
  EXPECT_EQ(body["options"]["top_k"], 40);
  request.prompt = "raw text";
  const auto raw = ollama_call(request, 0, abilities(EngineKind::kOllama));
  EXPECT_EQ(raw->path, "/api/generate");
  EXPECT_EQ(body_of(raw)["raw"], true);
  const auto piece = ollama_news(R"({"message":{"content":"ab"},"done":false})");
  ASSERT_TRUE(piece.ok());
  EXPECT_EQ(piece->pieces.at(0).text, "ab");
  EXPECT_FALSE(piece->done);
  const auto last = ollama_news(
      R"({"response":"","done":true,"done_reason":"length","eval_count":5,"prompt_eval_count":2})");
  ASSERT_TRUE(last.ok());
  EXPECT_TRUE(last->done);
  EXPECT_EQ(last->pieces.at(0).finish, FinishReason::kLength);
  EXPECT_EQ(last->n_completion_tok, 5);
  EXPECT_EQ(ollama_news(R"({"error":"model not found"})").error().message(), "model not found");
}

TEST(GatheringTest, SharesAddUp) {
  EXPECT_EQ(apportioned(10, {1, 1, 2}), (std::vector<int64_t>{2, 3, 5}));
  EXPECT_EQ(apportioned(5, {0, 0}), (std::vector<int64_t>{3, 2}));
  EXPECT_EQ(apportioned(0, {3, 4}), (std::vector<int64_t>{0, 0}));
}

}  // namespace
}  // namespace whet::remote
