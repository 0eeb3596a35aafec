#include "eval/mark.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>

#include "base/ascii.h"
#include "base/check.h"

namespace whet::eval {
namespace {

constexpr std::string_view kFullWidthColon = "\xef\xbc\x9a";
constexpr std::string_view kChineseAnswer = "\xe7\xad\x94\xe6\xa1\x88";
constexpr std::string_view kChineseIs[] = {"\xe6\x98\xaf", "\xe4\xb8\xba"};

/// A line longer than this is cut: no answer is, and it bounds the time that hostile text takes.
constexpr size_t kMaxLineBytes = 1024;
constexpr size_t kMaxBoxBytes = 4096;  // the same for boxes and tags

size_t line_end(std::string_view text, size_t at) {
  return std::min(text.substr(0, at + kMaxLineBytes).find('\n', at),
                  std::min(text.size(), at + kMaxLineBytes));
}

std::string_view line_at(std::string_view text, size_t at) {
  return text.substr(at, line_end(text, at) - at);
}

bool letter_at(std::string_view text, size_t at) {
  return at < text.size() && std::isalpha(static_cast<unsigned char>(text[at])) != 0;
}

size_t skip(std::string_view text, size_t at, std::string_view any_of) {
  return std::min(text.find_first_not_of(any_of, at), text.size());
}

/// What follows a mark: the rest of its line, or the next line that is not blank.
std::string_view value_after(std::string_view text, size_t at) {
  if (const auto rest = unwrapped(line_at(text, at)); !rest.empty()) return rest;
  const size_t next = text.find_first_not_of(kAsciiSpace, line_end(text, at));
  return next == std::string_view::npos ? std::string_view{} : unwrapped(line_at(text, next));
}

/// Behind a colon, an equals sign or "is" at `at`; nothing if none stands there.
std::optional<size_t> joint_end(std::string_view low, size_t at) {
  constexpr std::string_view kAround = " *_`";
  at = skip(low, at, kAround);
  const auto colon = [&](size_t i) -> size_t {
    if (i < low.size() && (low[i] == ':' || low[i] == '=')) return i + 1;
    return low.substr(std::min(i, low.size())).starts_with(kFullWidthColon)
               ? i + kFullWidthColon.size()
               : 0;
  };
  if (const size_t end = colon(at)) return end;
  for (std::string_view is : kChineseIs) {
    if (low.substr(at).starts_with(is)) {
      const size_t end = at + is.size();
      return std::max(colon(end), end);
    }
  }
  for (std::string_view verb : {"is", "would be", "should be", "will be", "equals", "was"}) {
    if (!low.substr(at).starts_with(verb)) continue;
    const size_t end = at + verb.size();
    if (letter_at(low, end)) continue;
    return std::max(colon(skip(low, end, " *")), end);
  }
  return std::nullopt;
}

/// "answer to the second part is", "answer (in dollars):": the joint may stand some words later.
std::optional<size_t> late_joint_end(std::string_view low, size_t at) {
  constexpr size_t kMaxBytes = 80;
  const std::string_view line = line_at(low, at).substr(0, kMaxBytes);
  const size_t start = skip(line, 0, " *_");
  if (line.substr(start).starts_with('(')) {
    const size_t close = line.find(')', start);
    return close == std::string_view::npos ? std::nullopt : joint_end(low, at + close + 1);
  }
  const std::string_view rest = line.substr(start);
  const bool goes_on = rest.starts_with("to ") || rest.starts_with("for ") ||
                       rest.starts_with("of ") || rest.starts_with("in ") ||
                       rest.starts_with("choice") || rest.starts_with("option");
  if (!goes_on) return std::nullopt;
  for (size_t i = start; i < line.size(); ++i) {
    if (line[i] == '.' || line[i] == '?' || line[i] == ';' || line[i] == ',') return std::nullopt;
    if (line[i] == ':') return at + i + 1;
    const bool is = line.substr(i).starts_with(" is ") || line.substr(i).starts_with(" is:");
    if (is) return joint_end(low, at + i + 1);
  }
  return std::nullopt;
}

void find_answer_lines(std::string_view text, std::vector<Mark>& marks) {
  const std::string lower = lowered(text);
  const std::string_view low = lower;
  const auto find = [&](std::string_view word) {
    size_t line_start = 0;
    size_t seen = 0;
    for (size_t at = low.find(word); at != std::string_view::npos; at = low.find(word, at + 1)) {
      const size_t word_end = at + word.size();
      for (; seen < at; ++seen) {
        if (low[seen] == '\n') line_start = seen + 1;
      }
      std::string_view head = low.substr(line_start, at - line_start);
      for (std::string_view lead : {"the ", "final ", "correct ", "my ", "short ", "so ", "so, ",
                                    "thus, ", "therefore, ", "hence, "}) {
        if (head.ends_with(lead)) head.remove_suffix(lead.size());
      }
      // Emphasis, headings, list and quote marks.
      const bool starts_line = head.find_first_not_of(" \t*_#>-`") == std::string_view::npos;
      auto joint = joint_end(low, word_end);
      if (!joint) joint = late_joint_end(low, word_end);
      bool alone = false;
      if (!joint && starts_line) {
        // A line of its own, as a heading: "**Final Answer**". The bare word may be any sentence's.
        const std::string_view rest = line_at(low, word_end);
        const std::string_view lead = low.substr(line_start, at - line_start);
        const bool heading = lead.find_first_of("*#") != std::string_view::npos ||
                             lead.find("final") != std::string_view::npos;
        alone = heading && rest.find_first_not_of(" \t*_#\r") == std::string_view::npos;
        if (alone) joint = line_end(low, word_end);
      }
      if (!joint) continue;
      const std::string_view value = value_after(text, *joint);
      if (lowered(value.substr(0, 4)) == "not ") continue;
      const size_t end =
          value.empty() ? *joint : static_cast<size_t>(value.data() - text.data()) + value.size();
      const std::string_view joined = text.substr(0, *joint);
      const bool colon = joined.ends_with(':') || joined.ends_with('=') ||
                         joined.ends_with(kFullWidthColon) || word == kChineseAnswer;
      marks.push_back({at, end, value, AnswerRule::kAnswerLine, !colon && !alone});
    }
  };
  find("answer");
  find(kChineseAnswer);
}

void find_hashes(std::string_view text, std::vector<Mark>& marks) {
  constexpr std::string_view kHashes = "####";
  for (size_t at = text.find(kHashes); at != std::string_view::npos;) {
    const size_t value_at = skip(text, at, "#");
    marks.push_back({at, line_end(text, value_at), unwrapped(line_at(text, value_at)),
                     AnswerRule::kHashes, false});
    at = text.find(kHashes, value_at);
  }
}

void find_boxes(std::string_view text, std::vector<Mark>& marks) {
  for (std::string_view box : {"\\boxed{", "\\fbox{"}) {
    for (size_t at = text.find(box); at != std::string_view::npos; at = text.find(box, at + 1)) {
      const size_t start = at + box.size();
      const size_t limit = std::min(text.size(), start + kMaxBoxBytes);
      int depth = 1;
      size_t end = start;
      for (; end < limit; ++end) {
        if (text[end] == '{') ++depth;
        if (text[end] == '}' && --depth == 0) break;
      }
      if (depth != 0 || end == limit) continue;
      marks.push_back(
          {at, end + 1, unwrapped(text.substr(start, end - start)), AnswerRule::kBoxed, false});
    }
  }
}

void find_tags(std::string_view text, std::vector<Mark>& marks) {
  const std::string low = lowered(text);
  for (const auto& [open, close] :
       {std::pair<std::string_view, std::string_view>{"<answer>", "</answer>"},
        {"<final_answer>", "</final_answer>"}}) {
    size_t closing = 0;  // the first closing tag behind `at`, searched once
    for (size_t at = low.find(open); at != std::string::npos; at = low.find(open, at + 1)) {
      const size_t start = at + open.size();
      if (closing != std::string::npos && closing < start) closing = low.find(close, start);
      const size_t end = std::min({closing, text.size(), start + kMaxBoxBytes});
      marks.push_back(
          {at, end, unwrapped(text.substr(start, end - start)), AnswerRule::kTag, false});
    }
  }
}

}  // namespace

std::string_view answer_rule_name(AnswerRule rule) {
  switch (rule) {
    case AnswerRule::kAnswerLine:
      return "answer_line";
    case AnswerRule::kHashes:
      return "hashes";
    case AnswerRule::kBoxed:
      return "boxed";
    case AnswerRule::kTag:
      return "tag";
    case AnswerRule::kLastNumber:
      return "last_number";
    case AnswerRule::kLastLine:
      return "last_line";
    case AnswerRule::kOnlyLetter:
      return "only_letter";
  }
  WHET_UNREACHABLE();
}

std::string_view unwrapped(std::string_view text) {
  constexpr std::string_view kAround = " \t\r\n*_`'\"";
  const size_t first = text.find_first_not_of(kAround);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kAround) - first + 1);
}

std::vector<Mark> find_marks(std::string_view text) {
  std::vector<Mark> marks;
  find_answer_lines(text, marks);
  find_hashes(text, marks);
  find_boxes(text, marks);
  find_tags(text, marks);
  std::stable_sort(marks.begin(), marks.end(),
                   [](const Mark& a, const Mark& b) { return a.begin < b.begin; });
  // The last ones count; no reply but a hostile or a looping one has so many.
  constexpr size_t kMaxMarks = 256;
  if (marks.size() > kMaxMarks) marks.erase(marks.begin(), marks.end() - kMaxMarks);
  return marks;
}

}  // namespace whet::eval
