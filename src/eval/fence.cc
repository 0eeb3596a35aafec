#include "eval/fence.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "eval/answer.h"
#include "eval/python_lines.h"

namespace whet::eval {
namespace {

struct Fence {
  char mark;
  size_t length;  // marks in the run
  size_t indent;  // columns
  std::string_view info;
};

std::optional<Fence> fence_at_start(std::string_view line) {
  const auto bare = trimmed(line);
  if (bare.empty() || (bare[0] != '`' && bare[0] != '~')) return std::nullopt;
  const size_t length = std::min(bare.find_first_not_of(bare[0]), bare.size());
  if (length < 3) return std::nullopt;
  const auto info = trimmed(bare.substr(length));
  if (bare[0] == '`' && info.find('`') != std::string_view::npos) return std::nullopt;
  return Fence{bare[0], length, indent_columns(line), info};
}

/// "Sure! ```python": an opening fence that ends a line of prose.
std::optional<Fence> fence_behind_prose(std::string_view line) {
  const size_t at = line.find("```");
  if (at == std::string_view::npos || trimmed(line.substr(0, at)).empty()) return std::nullopt;
  const size_t end = std::min(line.find_first_not_of('`', at), line.size());
  const auto info = trimmed(line.substr(end));
  const bool is_tag = std::all_of(info.begin(), info.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '+' || c == '#';
  });
  const char before = trimmed(line.substr(0, at)).back();
  if (!is_tag ||
      (info.empty() && std::string_view(":!.,").find(before) == std::string_view::npos)) {
    return std::nullopt;
  }
  return Fence{'`', end - at, 0, info};
}

bool closes(const Fence& open, std::string_view line) {
  const auto fence = fence_at_start(line);
  return fence && fence->mark == open.mark && fence->length >= open.length && fence->info.empty() &&
         fence->indent <= open.indent + 3;
}

/// "    return x ```": the closing fence at the end of a line of code. A comment may speak of one.
bool closes_behind_code(const Fence& open, std::string_view line) {
  const auto bare = trimmed(line);
  const std::string marks(open.length, open.mark);
  return bare.size() > marks.size() && bare.ends_with(marks) && open.mark == '`' &&
         !bare.starts_with("//") && !bare.starts_with('#') && !bare.starts_with('*') &&
         bare.find(marks) == bare.size() - marks.size();
}

std::string tag_of(std::string_view info) {
  std::string tag(info.substr(0, info.find_first_of(" \t{,:")));
  std::transform(tag.begin(), tag.end(), tag.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return tag;
}

/// `line` without up to `columns` of white space at its start.
std::string_view dedented(std::string_view line, size_t columns) {
  size_t at = 0;
  size_t removed = 0;
  while (at < line.size() && removed < columns && (line[at] == ' ' || line[at] == '\t')) {
    removed += line[at] == '\t' ? 4 - removed % 4 : 1;
    ++at;
  }
  return line.substr(at);
}

/// A line of a block quote without its mark.
std::string_view unquoted(std::string_view line) {
  line.remove_prefix(std::min(line.find('>') + 1, line.size()));
  return line.substr(line.starts_with(' ') ? 1 : 0);
}

}  // namespace

FencedText read_fences(std::string_view text) {
  FencedText out;
  const auto lines = lines_of(text);
  // The last line that could close a block: a fence in a string is text only if one is left.
  size_t last_bare = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    const bool is_quote = trimmed(lines[i]).starts_with('>');
    const auto fence = fence_at_start(is_quote ? unquoted(lines[i]) : lines[i]);
    if (fence && fence->info.empty()) last_bare = i;
  }
  std::optional<Fence> open;
  bool quoted = false;  // the open block stands in a block quote: "> ```python"
  PythonScanner scanner;
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string_view line = lines[i];
    const bool is_quote = trimmed(line).starts_with('>');
    if (is_quote && (quoted || !open) && (open || fence_at_start(unquoted(line)))) {
      quoted = true;
      line = unquoted(line);
    } else if (quoted && open) {
      out.blocks.back().closed = true;  // the quote ends, and with it the block
      open.reset();
    }
    if (!open) {
      open = fence_at_start(line);
      quoted = quoted && open;
      if (!open) {
        open = fence_behind_prose(line);
        out.outside.append(open ? line.substr(0, line.find("```")) : line).push_back('\n');
      }
      if (open) {
        if (out.blocks.empty()) out.before = out.outside;
        out.blocks.push_back({tag_of(open->info), "", false});
        scanner = PythonScanner();
      }
      continue;
    }
    FencedBlock& block = out.blocks.back();
    const bool may_be_python = block.tag.empty() || block.tag.starts_with("py");
    const bool in_string = may_be_python && scanner.in_string() && i < last_bare;
    if (closes(*open, line) && !in_string) {
      block.closed = true;
      open.reset();
      continue;
    }
    std::string_view content = dedented(line, open->indent);
    const bool ends_here = !in_string && closes_behind_code(*open, line);
    if (ends_here) content = content.substr(0, content.rfind(std::string(open->length, '`')));
    scanner.feed(content);
    block.source.append(content).push_back('\n');
    if (ends_here) {
      block.closed = true;
      open.reset();
    }
  }
  if (out.blocks.empty()) out.before = out.outside;
  return out;
}

}  // namespace whet::eval
