// POST /v1/responses on the shipped model, without a socket.
#include "serve/responses.h"

#include <gtest/gtest.h>

#include "serve/fake_reply_for_test.h"
#include "serve/responses_request.h"

namespace whet::serve {
namespace {

const std::string kModel = WHET_SOURCE_DIR "/models/whetstone-2.8m-q8_0.gguf";

FakeReply post(const Json& body) {
  static Server server({}, std::make_unique<ServedModels>(
                               std::vector<ModelSource>{{"stone", kModel}},
                               [](const std::string& p) -> Result<std::unique_ptr<Engine>> {
                                 WHET_TRY(LoadedModel loaded, load_model(p));
                                 return Engine::create(std::move(loaded), {});
                               },
                               ServedModels::Seconds(-1)));
  Request request{"POST", "/v1/responses", "", {{"content-type", "application/json"}}, body.dump()};
  FakeReply reply;
  server.handle(request, reply);
  EXPECT_EQ(reply.n_begun, 1);
  return reply;
}

Json ask(const Json& input) {
  return {{"model", "stone"}, {"input", input}, {"temperature", 0}, {"max_output_tokens", 24}};
}

/// Events in order; each must name its type twice and be numbered.
std::vector<Json> events(const std::string& body) {
  std::vector<Json> list;
  for (size_t begin = 0; begin < body.size();) {
    const size_t end = body.find("\n\n", begin);
    EXPECT_NE(end, std::string::npos);
    if (end == std::string::npos) break;
    const std::string event = body.substr(begin, end - begin);
    const size_t line = event.find("\ndata: ");
    EXPECT_TRUE(event.starts_with("event: ") && line != std::string::npos) << event;
    list.push_back(Json::parse(event.substr(line + 7), nullptr, false));
    EXPECT_EQ(list.back()["type"], event.substr(7, line - 7));
    EXPECT_EQ(list.back()["sequence_number"], list.size() - 1);
    begin = end + 2;
  }
  return list;
}

std::vector<std::string> types_of(const std::vector<Json>& list) {
  std::vector<std::string> types;
  for (const Json& event : list) {
    const std::string type = event["type"];
    if (types.empty() || types.back() != type) types.push_back(type);
  }
  return types;
}

const Json kTool = {{"type", "function"},
                    {"name", "add"},
                    {"parameters",
                     {{"type", "object"},
                      {"properties", {{"a", {{"type", "integer"}}}, {"b", {{"type", "integer"}}}}},
                      {"required", {"a", "b"}},
                      {"additionalProperties", false}}}};

TEST(Responses, AnswersAText) {
  const FakeReply reply = post(ask("What is 3 * 4?"));
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Json json = reply.json();
  EXPECT_EQ(json["object"], "response");
  EXPECT_EQ(json["store"], false);
  ASSERT_EQ(json["output"].size(), 1u);
  const Json& message = json["output"][0];
  EXPECT_EQ(message["type"], "message");
  EXPECT_EQ(message["content"][0]["type"], "output_text");
  EXPECT_FALSE(message["content"][0]["text"].get<std::string>().empty());
  EXPECT_EQ(json["usage"]["total_tokens"].get<int>(),
            json["usage"]["input_tokens"].get<int>() + json["usage"]["output_tokens"].get<int>());
}

TEST(Responses, TheStreamTellsTheSameInOrder) {
  Json body = ask("What is 3 * 4?");
  const Json whole = post(body).json();
  body["stream"] = true;
  const FakeReply reply = post(body);
  EXPECT_EQ(reply.content_type, "text/event-stream");
  EXPECT_EQ(reply.n_ended, 1);
  const auto list = events(reply.body);
  const std::string last =
      whole["status"] == "completed" ? "response.completed" : "response.incomplete";
  EXPECT_EQ(types_of(list), (std::vector<std::string>{
                                "response.created", "response.in_progress",
                                "response.output_item.added", "response.content_part.added",
                                "response.output_text.delta", "response.output_text.done",
                                "response.content_part.done", "response.output_item.done", last}));
  std::string text;
  for (const Json& event : list) {
    if (event["type"] == "response.output_text.delta") text += event["delta"].get<std::string>();
  }
  EXPECT_EQ(text, whole["output"][0]["content"][0]["text"]);
  EXPECT_EQ(list.back()["response"]["output"][0]["content"], whole["output"][0]["content"]);
  EXPECT_EQ(list.back()["response"]["usage"]["output_tokens"], whole["usage"]["output_tokens"]);
}

TEST(Responses, CallsToolsAndTakesTheirResults) {
  Json body = ask("Add 3 and 4.");
  body["tools"] = {kTool};
  body["tool_choice"] = {{"type", "function"}, {"name", "add"}};
  body["parallel_tool_calls"] = false;
  body["max_output_tokens"] = 300;
  const Json json = post(body).json();
  ASSERT_EQ(json["output"].size(), 1u) << json.dump(1);
  const Json call = json["output"][0];
  EXPECT_EQ(call["type"], "function_call");
  EXPECT_EQ(call["name"], "add");
  EXPECT_TRUE(Json::parse(call["arguments"].get<std::string>())["a"].is_number_integer());
  body["stream"] = true;
  const auto list = events(post(body).body);
  const auto types = types_of(list);
  EXPECT_NE(std::ranges::find(types, "response.function_call_arguments.done"), types.end());
  Json next =
      ask({{{"role", "user"}, {"content", "Add 3 and 4."}},
           call,
           {{"type", "function_call_output"}, {"call_id", call["call_id"]}, {"output", "7"}}});
  EXPECT_EQ(post(next).status, 200);
}

TEST(Responses, KeepsAFormat) {
  Json body = ask("What is 3 * 4?");
  body["max_output_tokens"] = 200;
  body["text"] = {{"format",
                   {{"type", "json_schema"},
                    {"name", "answer"},
                    {"schema",
                     {{"type", "object"},
                      {"properties", {{"answer", {{"type", "integer"}}}}},
                      {"required", {"answer"}},
                      {"additionalProperties", false}}}}}};
  const Json json = post(body).json();
  const std::string text = json["output"][0]["content"][0]["text"];
  EXPECT_TRUE(Json::parse(text)["answer"].is_number_integer()) << text;
  EXPECT_EQ(json["text"], body["text"]);
}

TEST(Responses, ItemsBecomeMessages) {
  const Json body{
      {"instructions", "Be brief."},
      {"input",
       {{{"type", "message"},
         {"role", "user"},
         {"content",
          {{{"type", "input_text"}, {"text", "a"}}, {{"type", "input_text"}, {"text", "b"}}}}},
        {{"type", "reasoning"},
         {"summary", Json::array()},
         {"content", {{{"type", "reasoning_text"}, {"text", "hm"}}}}},
        {{"type", "function_call"}, {"call_id", "c"}, {"name", "f"}, {"arguments", "{}"}},
        {{"type", "function_call_output"}, {"call_id", "c"}, {"output", "1"}},
        {{"type", "message"},
         {"role", "assistant"},
         {"content", {{{"type", "output_text"}, {"text", "done"}}}}},
        {{"role", "user"}, {"content", "more"}}}}};
  Fields fields(body);
  const Json messages = responses_as_chat(fields)["messages"];
  ASSERT_FALSE(fields.error()) << fields.error()->message;
  ASSERT_EQ(messages.size(), 6u) << messages.dump(1);
  EXPECT_EQ(messages[0], (Json{{"role", "system"}, {"content", "Be brief."}}));
  EXPECT_EQ(messages[1]["content"], "ab");
  EXPECT_EQ(messages[2]["reasoning_content"], "hm");
  EXPECT_EQ(messages[2]["tool_calls"][0]["function"]["name"], "f");
  EXPECT_EQ(messages[3]["role"], "tool");
  EXPECT_EQ(messages[4]["content"], "done");
  EXPECT_EQ(messages[5]["content"], "more");
}

TEST(Responses, RefusesWhatItCannotKeepByItsOwnName) {
  const std::vector<std::pair<std::string, Json>> wrong = {
      {"input", nullptr},
      {"input", 3},
      {"input", Json::array()},
      {"previous_response_id", "resp_1"},
      {"conversation", "conv_1"},
      {"background", true},
      {"truncation", "auto"},
      {"tools", 3},
      {"tools", {{{"type", "web_search"}}}},
      {"tool_choice", {{"type", "allowed_tools"}}},
      {"text", 3},
      {"reasoning", "high"},
      {"temperature", -1},
      {"max_output_tokens", "9"},
      {"top_logprobs", 50}};
  for (const auto& [name, value] : wrong) {
    Json body = ask("x");
    body[name] = value;
    const FakeReply reply = post(body);
    EXPECT_EQ(reply.status, 400) << body;
    const std::string param = name == "max_output_tokens" ? "max_tokens" : name;
    EXPECT_EQ(reply.json()["error"]["param"], param) << reply.body;
  }
  const FakeReply image = post(ask({{{"role", "user"}, {"content", {{{"type", "input_image"}}}}}}));
  EXPECT_EQ(image.status, 400);
  EXPECT_EQ(image.json()["error"]["param"], "input[0].content");
}

}  // namespace
}  // namespace whet::serve
