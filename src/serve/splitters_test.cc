#include <gtest/gtest.h>

#include "serve/reasoning.h"
#include "serve/tool_calls.h"

namespace whet::serve {
namespace {

/// The text in pieces of `n` bytes.
template <typename Splitter, typename Use>
void feed(Splitter& splitter, const std::string& text, size_t n, Use use) {
  for (size_t i = 0; i < text.size(); i += n) use(splitter.push(text.substr(i, n)));
  use(splitter.flush());
}

TEST(ReasoningSplitter, SplitsWhateverThePieces) {
  struct Case {
    bool opened;
    const char *text, *reasoning, *content;
  };
  const Case cases[] = {
      {false, "Just an answer", "", "Just an answer"},
      {false, "<think>\nhm\n</think>\n\nyes", "hm\n", "yes"},
      {false, "  <think>hm</think>yes", "hm", "yes"},
      {true, "hm</think>yes", "hm", "yes"},
      {true, "never closed", "never closed", ""},
      {false, "<think>never closed", "never closed", ""},
      {false, "a <think> later", "", "a <think> later"},
      {false, "<thin", "", "<thin"},
      {false, "<think>a</thin</think>b", "a</thin", "b"},
      {false, "<think></think>b", "", "b"},
  };
  for (const Case& c : cases) {
    for (size_t n = 1; n < 12; ++n) {
      ReasoningSplitter splitter(c.opened);
      std::string reasoning, content;
      feed(splitter, c.text, n, [&](const ReasoningSplitter::Pieces& pieces) {
        reasoning += pieces.reasoning;
        content += pieces.content;
      });
      EXPECT_EQ(reasoning, c.reasoning) << c.text << " by " << n;
      EXPECT_EQ(content, c.content) << c.text << " by " << n;
    }
  }
}

TEST(ToolCallSplitter, FindsCallsWhateverThePieces) {
  struct Case {
    const char *text, *content;
    std::vector<std::string> names;
  };
  const Case cases[] = {
      {"No call.", "No call.", {}},
      {"<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 1}}\n</tool_call>", "", {"f"}},
      {"Let me see. <tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>",
       "Let me see. ",
       {"f"}},
      {"<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>\n<tool_call>{\"name\": \"g\", "
       "\"arguments\": {}}</tool_call>",
       "",
       {"f", "g"}},
      {"{\"name\": \"f\", \"parameters\": {\"x\": \"y\"}}", "", {"f"}},
      {"{\"no\": \"call\"}", "{\"no\": \"call\"}", {}},
      {"[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {}}]", "", {"f"}},
      {"<tool_call>not JSON</tool_call>", "<tool_call>not JSON</tool_call>", {}},
      {"a < b", "a < b", {}},
      {"<tool_call>{\"name\": \"f\", \"arguments\": {}}", "", {"f"}},
  };
  for (const Case& c : cases) {
    for (size_t n : {size_t{1}, size_t{2}, size_t{3}, size_t{7}, size_t{1000}}) {
      ToolCallSplitter splitter("id");
      std::string content;
      std::vector<std::string> names;
      feed(splitter, c.text, n, [&](const ToolCallSplitter::Pieces& pieces) {
        content += pieces.content;
        for (const ToolCall& call : pieces.calls) names.push_back(call.name);
      });
      while (content.ends_with('\n')) content.pop_back();
      EXPECT_EQ(content, c.content) << c.text << " by " << n;
      EXPECT_EQ(names, c.names) << c.text << " by " << n;
    }
  }
}

}  // namespace
}  // namespace whet::serve
