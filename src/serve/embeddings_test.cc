// Embeddings in the three dialects on the shipped model, without a socket.
#include "serve/embeddings.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "serve/base64.h"
#include "serve/fake_reply_for_test.h"

namespace whet::serve {
namespace {

const std::string kModel = WHET_SOURCE_DIR "/models/whetstone-2.8m-q8_0.gguf";

class EmbeddingsTest : public testing::Test {
 protected:
  static FakeReply post(const std::string& path, const Json& body) {
    static Server server({}, std::make_unique<ServedModels>(
                                 std::vector<ModelSource>{{"stone", kModel}},
                                 [](const std::string& p) -> Result<std::unique_ptr<Engine>> {
                                   WHET_TRY(LoadedModel loaded, load_model(p));
                                   return Engine::create(std::move(loaded), {});
                                 },
                                 ServedModels::Seconds(-1)));
    Request request{"POST", path, "", {{"content-type", "application/json"}}, body.dump()};
    FakeReply reply;
    server.handle(request, reply);
    EXPECT_EQ(reply.n_begun, 1) << path;
    return reply;
  }
};

std::vector<float> floats(const std::string& text) {
  static const std::string kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int n_bits = 0;
  for (char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<uint32_t>(kDigits.find(c));
    n_bits += 6;
    if (n_bits < 8) continue;
    n_bits -= 8;
    bytes.push_back(static_cast<char>(bits >> n_bits & 255));
  }
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

TEST(Base64, IsThatOfRfc4648) {
  const auto of = [](std::string_view text) { return base64(std::as_bytes(std::span(text))); };
  EXPECT_EQ(of(""), "");
  EXPECT_EQ(of("f"), "Zg==");
  EXPECT_EQ(of("fo"), "Zm8=");
  EXPECT_EQ(of("foo"), "Zm9v");
  EXPECT_EQ(of("foobar"), "Zm9vYmFy");
  EXPECT_EQ(of("\xFB\xFF"), "+/8=");
}

TEST_F(EmbeddingsTest, OpenAisRouteTakesAllFormsOfInput) {
  const Json one = post("/v1/embeddings", {{"model", "stone"}, {"input", "a whetstone"}}).json();
  EXPECT_EQ(one["object"], "list");
  EXPECT_EQ(one["model"], "stone");
  EXPECT_GT(one["usage"]["prompt_tokens"], 0);
  EXPECT_EQ(one["usage"]["prompt_tokens"], one["usage"]["total_tokens"]);
  const auto values = one["data"][0]["embedding"].get<std::vector<float>>();
  double square = 0;
  for (float v : values) square += double{v} * double{v};
  EXPECT_NEAR(square, 1, 1e-5);
  const Json two =
      post("/v1/embeddings", {{"model", "stone"}, {"input", {"a whetstone", "another"}}}).json();
  ASSERT_EQ(two["data"].size(), 2u);
  EXPECT_EQ(two["data"][1]["index"], 1);
  EXPECT_EQ(two["data"][0]["embedding"], one["data"][0]["embedding"]);
  EXPECT_NE(two["data"][1]["embedding"], one["data"][0]["embedding"]);
  const Json ids = post("/v1/embeddings", {{"model", "stone"}, {"input", {5, 6, 7}}}).json();
  const Json lists =
      post("/v1/embeddings", {{"model", "stone"}, {"input", {{5, 6, 7}, {8}}}}).json();
  EXPECT_EQ(lists["data"][0]["embedding"], ids["data"][0]["embedding"]);
  EXPECT_EQ(ids["usage"]["prompt_tokens"], 3);
  EXPECT_EQ(lists["usage"]["prompt_tokens"], 4);
  const Json packed =
      post("/v1/embeddings",
           {{"model", "stone"}, {"input", "a whetstone"}, {"encoding_format", "base64"}})
          .json();
  EXPECT_EQ(floats(packed["data"][0]["embedding"]), values);
}

TEST_F(EmbeddingsTest, DimensionsKeepTheFirstValuesAtLengthOne) {
  Json body{{"model", "stone"}, {"input", "a whetstone"}};
  const auto whole =
      post("/v1/embeddings", body).json()["data"][0]["embedding"].get<std::vector<float>>();
  body["dimensions"] = 8;
  const auto first =
      post("/v1/embeddings", body).json()["data"][0]["embedding"].get<std::vector<float>>();
  ASSERT_EQ(first.size(), 8u);
  double square = 0;
  for (float v : first) square += double{v} * double{v};
  EXPECT_NEAR(square, 1, 1e-5);
  EXPECT_NEAR(first[0] * whole[1], first[1] * whole[0], 1e-6);
  body["dimensions"] = whole.size() + 1;
  const FakeReply refused = post("/v1/embeddings", body);
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.json()["error"]["param"], "dimensions");
}

TEST_F(EmbeddingsTest, OllamasAndLlamaServersRoutesGiveTheSameVectors) {
  const Json openai = post("/v1/embeddings", {{"model", "stone"}, {"input", "a whetstone"}}).json();
  const Json& expected = openai["data"][0]["embedding"];
  const Json embed = post("/api/embed", {{"model", "stone"}, {"input", "a whetstone"}}).json();
  EXPECT_EQ(embed["embeddings"][0], expected);
  EXPECT_EQ(embed["prompt_eval_count"], openai["usage"]["prompt_tokens"]);
  EXPECT_TRUE(embed["total_duration"].is_number_integer());
  EXPECT_EQ(
      post("/api/embed", {{"model", "stone"}, {"input", {"x", "y"}}}).json()["embeddings"].size(),
      2u);
  EXPECT_EQ(post("/api/embed", {{"model", "stone"}, {"input", Json::array()}}).json()["embeddings"],
            Json::array());
  EXPECT_EQ(
      post("/api/embeddings", {{"model", "stone"}, {"prompt", "a whetstone"}}).json()["embedding"],
      expected);
  const Json llama = post("/embedding", {{"content", "a whetstone"}}).json();
  EXPECT_EQ(llama[0]["embedding"][0], expected);
  const Json raw = post("/embedding", {{"content", "a whetstone"}, {"embd_normalize", -1}}).json();
  EXPECT_NE(raw[0]["embedding"][0], expected);
}

TEST_F(EmbeddingsTest, RefusesWrongInputsByName) {
  const Json good{{"model", "stone"}, {"input", "x"}};
  const std::vector<std::pair<std::string, Json>> wrong = {
      {"input", nullptr},        {"input", 3},           {"input", Json::array()},
      {"input", {{"a", 1}}},     {"input", {"x", 3}},    {"input", {1.5}},
      {"input", {-1}},           {"encoding_format", 1}, {"encoding_format", "hex"},
      {"dimensions", 0},         {"dimensions", "8"},    {"model", 3},
      {"input", {Json::array()}}};
  for (const auto& [name, value] : wrong) {
    Json body = good;
    body[name] = value;
    const FakeReply reply = post("/v1/embeddings", body);
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_EQ(reply.json()["error"]["param"], name) << reply.body;
  }
  EXPECT_EQ(post("/v1/embeddings", {{"model", "absent"}, {"input", "x"}}).status, 404);
  const std::string long_text(40'000, 'x');
  const FakeReply cut =
      post("/api/embed", {{"model", "stone"}, {"input", long_text}, {"truncate", true}});
  EXPECT_EQ(cut.status, 200) << cut.body;
  EXPECT_TRUE(cut.header("x-whet-truncated").starts_with("0:"));
  EXPECT_EQ(post("/api/embed", {{"model", "stone"}, {"input", long_text}}).status, 400);
}

}  // namespace
}  // namespace whet::serve
