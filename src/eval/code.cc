#include "eval/code.h"

#include <algorithm>
#include <cctype>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "eval/answer.h"

namespace whet::eval {
namespace {

struct Block {
  std::string tag;
  std::string source;
};

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    auto line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    at = end + 1;
  }
  return lines;
}

bool is_blank(std::string_view line) {
  return trimmed(line).empty();
}

bool is_indented(std::string_view line) {
  return line.starts_with(' ') || line.starts_with('\t');
}

/// Blocks between lines that start with ``` or ~~~; the last may be unclosed.
std::vector<Block> fenced_blocks(std::string_view text) {
  std::vector<Block> blocks;
  std::string_view fence;
  for (std::string_view line : lines_of(text)) {
    const auto bare = trimmed(line);
    const bool marks = bare.starts_with("```") || bare.starts_with("~~~");
    if (fence.empty() && marks) {
      fence = bare.substr(0, 3);
      std::string tag(trimmed(bare.substr(bare.find_first_not_of("`~", 0) == std::string_view::npos
                                              ? bare.size()
                                              : bare.find_first_not_of("`~", 0))));
      tag.resize(std::min(tag.find_first_of(" \t{,"), tag.size()));
      std::transform(tag.begin(), tag.end(), tag.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      blocks.push_back({std::move(tag), ""});
    } else if (!fence.empty() && bare.starts_with(fence)) {
      fence = {};
    } else if (!fence.empty()) {
      blocks.back().source.append(line).push_back('\n');
    }
  }
  return blocks;
}

bool tag_is(AnswerKind kind, std::string_view tag) {
  const auto one_of = [&](std::initializer_list<std::string_view> tags) {
    return std::find(tags.begin(), tags.end(), tag) != tags.end();
  };
  switch (kind) {
    case AnswerKind::kPython:
      return one_of({"python", "py", "python3"});
    case AnswerKind::kRust:
      return one_of({"rust", "rs"});
    case AnswerKind::kCpp:
      return one_of({"cpp", "c++", "cc", "cxx"});
    default:
      return false;
  }
}

/// Whether a word of `source` at a word boundary is `name` and, for Python and Rust, is defined.
bool defines(AnswerKind kind, std::string_view source, std::string_view name) {
  if (name.empty()) return false;
  const auto is_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
  };
  const std::string_view keyword = kind == AnswerKind::kPython ? "def" : "fn";
  for (size_t at = source.find(name); at != std::string_view::npos;
       at = source.find(name, at + 1)) {
    const size_t end = at + name.size();
    if (at > 0 && is_word(source[at - 1])) continue;
    if (end < source.size() && is_word(source[end])) continue;
    if (kind == AnswerKind::kCpp) {
      const auto rest = trimmed(source.substr(end));
      if (rest.starts_with('(')) return true;
      continue;
    }
    const auto before = trimmed(source.substr(0, at));
    if (before.ends_with(keyword)) return true;
  }
  return false;
}

bool starts_source(AnswerKind kind, std::string_view line) {
  std::span<const std::string_view> starts;
  static constexpr std::string_view kPython[] = {"def ",   "import ", "from ",
                                                 "class ", "@",       "async "};
  static constexpr std::string_view kRust[] = {"fn ",     "use ",  "pub ",   "#[",
                                               "struct ", "enum ", "impl",   "const ",
                                               "static ", "mod ",  "trait ", "unsafe "};
  static constexpr std::string_view kCpp[] = {
      "#include", "using ",     "template", "namespace ", "struct ", "class ",
      "static ",  "constexpr ", "int ",     "long ",      "bool ",   "double ",
      "std::",    "void ",      "auto ",    "string ",    "vector<", "unsigned ",
      "char ",    "float ",     "inline ",  "const "};
  if (kind == AnswerKind::kPython) starts = kPython;
  if (kind == AnswerKind::kRust) starts = kRust;
  if (kind == AnswerKind::kCpp) starts = kCpp;
  return std::any_of(starts.begin(), starts.end(),
                     [&](std::string_view start) { return line.starts_with(start); });
}

std::string joined(std::span<const std::string_view> lines) {
  std::string out;
  for (std::string_view line : lines) out.append(line).push_back('\n');
  return out;
}

/// Python source from the first line that can start a module up to the prose after it.
std::string python_part(std::span<const std::string_view> lines) {
  size_t end = 0;
  for (; end < lines.size(); ++end) {
    const auto line = lines[end];
    const bool code = is_blank(line) || is_indented(line) || line.starts_with('#') ||
                      line.starts_with(')') || line.starts_with(']') || line.starts_with('}') ||
                      line.find('=') != std::string_view::npos ||
                      starts_source(AnswerKind::kPython, line);
    if (!code) break;
  }
  return joined(lines.first(end));
}

size_t indent_of(std::string_view line) {
  return std::min(line.find_first_not_of(" \t"), line.size());
}

/// The body that continues a header: the indented lines that `text` starts with. Where the first
/// line is not indented, either only it lost its indentation (generation starts in the middle of
/// the header's last line) or the whole body is flush left; the second line tells which.
std::string body_of(std::string_view text) {
  auto lines = lines_of(text);
  std::erase_if(lines, is_blank);
  if (lines.empty()) return "";
  const bool flush_left = !is_indented(lines.front());
  bool whole_flush_left = flush_left;
  if (flush_left && lines.size() > 1) {
    const size_t inside = trimmed(lines[0]).ends_with(':') ? 8 : 4;
    whole_flush_left = indent_of(lines[1]) < inside;
  }
  std::string body;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (whole_flush_left || (i == 0 && flush_left)) {
      body += "    ";
    } else if (!is_indented(lines[i])) {
      break;
    }
    body.append(lines[i]).push_back('\n');
  }
  return body;
}

}  // namespace

std::string_view code_rule_name(CodeRule rule) {
  switch (rule) {
    case CodeRule::kFence:
      return "fence";
    case CodeRule::kRaw:
      return "raw";
    case CodeRule::kContinuation:
      return "continuation";
  }
  WHET_UNREACHABLE();
}

std::optional<Code> extract_code(const Question& question, std::string_view text) {
  if (!is_code(question.kind) || is_blank(text)) return std::nullopt;
  const AnswerKind kind = question.kind;
  const auto complete = [&](std::string source, CodeRule rule) -> std::optional<Code> {
    if (is_blank(source)) return std::nullopt;
    const std::string& prefix = question.code_prefix;
    if (prefix.empty()) return Code{std::move(source), rule};
    // The header comes along for its imports and helpers; a full definition then replaces it.
    if (defines(kind, source, question.entry_point)) {
      return Code{prefix + "\n    pass\n\n" + source, rule};
    }
    const std::string body = body_of(source);
    if (body.empty()) return std::nullopt;
    return Code{prefix + (prefix.ends_with('\n') ? "" : "\n") + body, CodeRule::kContinuation};
  };

  const auto blocks = fenced_blocks(text);
  if (!blocks.empty()) {
    const Block* chosen = nullptr;
    for (const Block& block : blocks) {
      const bool other_language = !block.tag.empty() && !tag_is(kind, block.tag);
      if (!other_language && defines(kind, block.source, question.entry_point)) chosen = &block;
    }
    const auto first = [&](auto matches) {
      if (chosen) return;
      const auto found = std::find_if(blocks.begin(), blocks.end(), matches);
      if (found != blocks.end()) chosen = &*found;
    };
    first([&](const Block& block) { return tag_is(kind, block.tag) && !is_blank(block.source); });
    first([&](const Block& block) { return block.tag.empty() && !is_blank(block.source); });
    if (!chosen) return std::nullopt;
    return complete(chosen->source, CodeRule::kFence);
  }

  const auto lines = lines_of(text);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!starts_source(kind, lines[i])) continue;
    const auto rest = std::span(lines).subspan(i);
    const std::string source = kind == AnswerKind::kPython ? python_part(rest) : joined(rest);
    if (!defines(kind, source, question.entry_point)) break;
    return complete(source, CodeRule::kRaw);
  }
  if (question.code_prefix.empty()) return std::nullopt;
  const std::string body = body_of(text);
  if (body.empty()) return std::nullopt;
  return complete(body, CodeRule::kContinuation);
}

std::string code_key(AnswerKind kind, std::string_view source) {
  const std::string_view comment = kind == AnswerKind::kPython ? "#" : "//";
  std::string key;
  for (std::string_view line : lines_of(source)) {
    const auto bare = trimmed(line);
    if (bare.empty() || bare.starts_with(comment)) continue;
    const size_t end = line.find_last_not_of(" \t\r");
    key.append(line.substr(0, end + 1)).push_back('\n');
  }
  return key;
}

}  // namespace whet::eval
