#include "eval/reply.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/ascii.h"
#include "eval/answer.h"

namespace whet::eval {
namespace {

constexpr size_t kNone = std::string_view::npos;

struct Tag {
  std::string_view open;
  std::string_view close;
  bool closes_alone;  // prompts of such models end in the opening tag
};

constexpr Tag kTags[] = {
    {"<think>", "</think>", true},
    {"<thinking>", "</thinking>", true},
    {"<thought>", "</thought>", true},
    {"<thoughts>", "</thoughts>", false},
    {"<reasoning>", "</reasoning>", true},
    {"<reflection>", "</reflection>", false},
    {"<analysis>", "</analysis>", false},
    {"<scratchpad>", "</scratchpad>", false},
    {"<seed:think>", "</seed:think>", true},
    {"[think]", "[/think]", true},
    {"\xe2\x97\x81think\xe2\x96\xb7", "\xe2\x97\x81/think\xe2\x96\xb7", true},
    {"<|begin_of_thought|>", "<|end_of_thought|>", true},
    {"<|start_thinking|>", "<|end_thinking|>", true},
};

/// A tag that is spoken of: behind a quote or a backtick, as in re.sub(r"<think>.*", "", text).
bool is_quoted(std::string_view text, size_t at) {
  return at > 0 && std::string_view("\"'`/(|").find(text[at - 1]) != kNone;
}

size_t find_tag(std::string_view low, std::string_view tag, size_t from) {
  for (size_t at = low.find(tag, from); at != kNone; at = low.find(tag, at + 1)) {
    if (!is_quoted(low, at)) return at;
  }
  return kNone;
}

/// The final channel of gpt-oss's format; with its special tokens, or where they were dropped
/// ("analysis...assistantfinal..."). True if `text` has channels, which are then taken off.
bool keep_final_channel(std::string_view& text) {
  constexpr std::string_view kChannel = "<|channel|>";
  constexpr std::string_view kFinal = "<|channel|>final<|message|>";
  if (text.find(kChannel) != kNone) {
    const size_t final_at = text.rfind(kFinal);
    if (final_at == kNone) {
      text = {};
      return true;
    }
    text.remove_prefix(final_at + kFinal.size());
    text = text.substr(0, text.find("<|"));
    return true;
  }
  constexpr std::string_view kAnalysis = "analysis";
  const std::string_view start = trimmed(text);
  const bool runs_on = start.starts_with(kAnalysis) && start.size() > kAnalysis.size() &&
                       std::isupper(static_cast<unsigned char>(start[kAnalysis.size()])) != 0;
  if (!runs_on) return false;
  constexpr std::string_view kAssistantFinal = "assistantfinal";
  const size_t final_at = text.rfind(kAssistantFinal);
  text = final_at == kNone ? std::string_view{} : text.substr(final_at + kAssistantFinal.size());
  return true;
}

}  // namespace

std::string without_reasoning(std::string_view text) {
  if (keep_final_channel(text)) return std::string(text);
  std::string rest(text);
  for (const Tag& tag : kTags) {
    std::string low = lowered(rest);
    if (low.find(tag.open) == kNone && low.find(tag.close) == kNone) continue;
    std::string out;
    size_t at = 0;
    while (at < rest.size()) {
      const size_t open = find_tag(low, tag.open, at);
      out.append(rest, at, std::min(open, rest.size()) - at);
      if (open == kNone) break;
      const size_t close = low.find(tag.close, open);
      if (close == kNone) break;  // it never ends
      at = close + tag.close.size();
      out.push_back('\n');
    }
    rest = std::move(out);
    // What is left of a closing tag belongs to a block that began in the prompt, or to one inside
    // another. Where an opening tag is spoken of, a closing one is too.
    low = lowered(rest);
    const size_t orphan = low.rfind(tag.close);
    if (tag.closes_alone && orphan != kNone && low.find(tag.open) == kNone) {
      rest.erase(0, orphan + tag.close.size());
    }
  }
  return rest;
}

size_t next_question_line(std::string_view text, size_t from) {
  for (size_t at = from; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const bool starts_line = at == 0 || text[at - 1] == '\n';
    std::string_view line = text.substr(at, end - at);
    const size_t start = line.find_first_not_of(" \t*#_>");
    if (starts_line && start != kNone) {
      const std::string word = lowered(line.substr(start, 24));
      for (std::string_view head :
           {"question", "q", "problem", "exercise", "example", "human", "user", "instruction",
            "<|im_start|>", "<|user|>", "<|start_header_id|>", "[inst]", "<start_of_turn>"}) {
        if (!word.starts_with(head)) continue;
        if (head[0] == '<' || head[0] == '[') return at;
        size_t i = head.size();
        while (i < word.size() &&
               (word[i] == ' ' || std::isdigit(static_cast<unsigned char>(word[i])) != 0)) {
          ++i;
        }
        if (i < word.size() && (word[i] == ':' || (word[i] == '*' && line.find(':') != kNone)))
          return at;
        // "### Question"
        if (i >= word.size() && line.starts_with('#') && start + word.size() == line.size())
          return at;
      }
    }
    at = end + 1;
  }
  return kNone;
}

}  // namespace whet::eval
