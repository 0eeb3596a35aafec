#include "eval/code.h"

#include <algorithm>
#include <cctype>
#include <span>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "base/check.h"
#include "eval/answer.h"
#include "eval/fence.h"
#include "eval/python_lines.h"
#include "eval/reply.h"

namespace whet::eval {
namespace {

bool is_blank(std::string_view line) {
  return trimmed(line).empty();
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
      return one_of({"cpp", "c++", "cc", "cxx", "c"});
    default:
      return false;
  }
}

/// Rust or C++ with comments and the insides of strings blanked.
std::string blanked(std::string_view source) {
  std::string out(source);
  const auto blank = [&](size_t from, size_t to) {
    for (size_t i = from; i < std::min(to, out.size()); ++i) {
      if (out[i] != '\n') out[i] = ' ';
    }
  };
  for (size_t at = 0; at < source.size();) {
    const auto rest = source.substr(at);
    size_t end = at + 1;
    if (rest.starts_with("//")) {
      end = std::min(source.find('\n', at), source.size());
      blank(at, end);
    } else if (rest.starts_with("/*")) {
      const size_t close = source.find("*/", at + 2);
      end = close == std::string_view::npos ? source.size() : close + 2;
      blank(at, end);
    } else if (rest[0] == '"') {
      while (end < source.size() && source[end] != '"') end += source[end] == '\\' ? 2 : 1;
      blank(at + 1, end);
      ++end;
    } else if (rest[0] == '\'') {
      // A character, not a lifetime ('a) and not a digit separator.
      const bool escaped = rest.size() > 3 && rest[1] == '\\' && rest[3] == '\'';
      const bool plain = rest.size() > 2 && rest[2] == '\'';
      const size_t length = escaped ? 4 : plain ? 3 : 1;
      blank(at, length > 1 ? at + length : at);
      end = at + length;
    }
    at = end;
  }
  return out;
}

/// Whether "name(...)" at `at` is a definition in C++: a type before, a body behind.
bool is_cpp_definition(std::string_view code, size_t at, size_t end) {
  const auto before = trimmed(code.substr(0, at));
  const auto rest = trimmed(code.substr(end));
  // auto name = [](int x) { ... };
  if (rest.starts_with('=')) return trimmed(rest.substr(1)).starts_with('[');
  if (!rest.starts_with('(') || before.empty()) return false;
  const char last = before.back();
  if (!is_word_byte(last) && last != '>' && last != '*' && last != '&') return false;
  if (before.ends_with("return") || before.ends_with("else") || before.ends_with("->"))
    return false;
  constexpr size_t kMaxParameterBytes = 4096;  // bounds the time that hostile text takes
  int depth = 0;
  for (size_t i = 0; i < std::min(rest.size(), kMaxParameterBytes); ++i) {
    if (rest[i] == '(') ++depth;
    if (rest[i] == ')' && --depth == 0) {
      const size_t next = rest.find_first_of("{;)", i + 1);
      return next != std::string_view::npos && rest[next] == '{';
    }
  }
  return false;
}

bool defines(AnswerKind kind, std::string_view source, std::string_view name) {
  if (name.empty()) return false;
  if (kind == AnswerKind::kPython) return python_binds(source, name);
  const std::string bare = blanked(source);
  const std::string_view code = bare;
  for (size_t at = code.find(name); at != std::string_view::npos; at = code.find(name, at + 1)) {
    const size_t end = at + name.size();
    if (at > 0 && is_word_byte(code[at - 1])) continue;
    if (end < code.size() && is_word_byte(code[end])) continue;
    if (kind == AnswerKind::kCpp) {
      if (is_cpp_definition(code, at, end)) return true;
      continue;
    }
    const auto before = trimmed(code.substr(0, at));
    const bool keyword =
        before.ends_with("fn") && (before.size() == 2 || !is_word_byte(before[before.size() - 3]));
    if (keyword) return true;
  }
  return false;
}

std::string joined(std::span<const std::string_view> lines) {
  std::string out;
  for (std::string_view line : lines) out.append(line).push_back('\n');
  return out;
}

/// The lines from the first on that can be one piece of Python at column 0: up to prose.
size_t python_section(std::span<const std::string_view> lines) {
  PythonScanner scanner;
  size_t n = 0;
  for (; n < lines.size(); ++n) {
    const auto line = lines[n];
    const bool starts = scanner.at_statement() && !is_blank(line) && indent_columns(line) == 0;
    if (starts && !is_python_statement(line)) break;
    scanner.feed(line);
  }
  return n;
}

/// The last piece of Python in a text without fences that binds the entry point; "" if none does.
std::string raw_python(std::string_view text, std::string_view entry_point) {
  std::string found;
  const auto lines = lines_of(text);
  for (size_t i = 0; i < lines.size();) {
    const bool starts =
        !is_blank(lines[i]) && indent_columns(lines[i]) == 0 && is_python_statement(lines[i]);
    if (!starts) {
      ++i;
      continue;
    }
    const size_t n = std::max<size_t>(python_section(std::span(lines).subspan(i)), 1);
    std::string section = joined(std::span(lines).subspan(i, n));
    if (python_binds(section, entry_point)) found = std::move(section);
    i += n;
  }
  return found;
}

bool starts_c_source(AnswerKind kind, std::string_view line) {
  std::span<const std::string_view> starts;
  static constexpr std::string_view kRust[] = {"fn ",     "use ",  "pub ",   "#[",
                                               "struct ", "enum ", "impl",   "const ",
                                               "static ", "mod ",  "trait ", "unsafe "};
  static constexpr std::string_view kCpp[] = {
      "#include", "using ",     "template", "namespace ", "struct ", "class ",
      "static ",  "constexpr ", "int ",     "long ",      "bool ",   "double ",
      "std::",    "void ",      "auto ",    "string ",    "vector<", "unsigned ",
      "char ",    "float ",     "inline ",  "const "};
  if (kind == AnswerKind::kRust) starts = kRust;
  if (kind == AnswerKind::kCpp) starts = kCpp;
  return std::any_of(starts.begin(), starts.end(),
                     [&](std::string_view start) { return line.starts_with(start); });
}

/// Rust or C++ in a text without fences: from the first line that begins an item to the last one
/// that can end one.
std::string raw_c_source(AnswerKind kind, std::string_view text) {
  const auto lines = lines_of(text);
  const auto first = std::find_if(lines.begin(), lines.end(), [&](std::string_view line) {
    return starts_c_source(kind, line);
  });
  const auto last =
      std::find_if(lines.rbegin(), std::make_reverse_iterator(first), [](std::string_view line) {
        const auto bare = trimmed(line);
        return bare.ends_with('}') || bare.ends_with(';');
      });
  return joined(std::span(first, last.base()));
}

/// Source whose every line is indented, moved to column 0.
std::string at_column_zero(std::string_view source) {
  size_t least = std::string_view::npos;
  const auto lines = lines_of(source);
  for (std::string_view line : lines) {
    if (!is_blank(line)) least = std::min(least, indent_columns(line));
  }
  if (least == 0 || least == std::string_view::npos) return std::string(source);
  std::string out;
  for (std::string_view line : lines) {
    size_t at = 0;
    while (at < line.size() && (line[at] == ' ' || line[at] == '\t') &&
           indent_columns(line.substr(0, at)) < least) {
      ++at;
    }
    out.append(line.substr(at)).push_back('\n');
  }
  return out;
}

/// The indentation of a header's last line: where its body belongs.
std::string_view body_indent(std::string_view header) {
  std::string_view indent = "    ";
  for (std::string_view line : lines_of(header)) {
    const size_t width = std::min(line.find_first_not_of(" \t"), line.size());
    if (width > 0 && width < line.size()) indent = line.substr(0, width);
  }
  return indent;
}

/// How the lines of a body must be moved to stand under the header.
struct Move {
  bool first_line_only = false;  // the first line lost its indentation: generation began inside it
  bool expand_tabs = false;      // tabs under a header that is indented by spaces
  size_t from = 0;               // columns to take off ...
  std::string to;                // ... and what to put there
};

std::optional<Move> move_of(std::span<const std::string_view> lines, std::string_view header) {
  std::vector<std::string_view> statements;
  PythonScanner scanner;
  for (std::string_view line : lines) {
    if (scanner.at_statement() && !is_blank(line)) statements.push_back(line);
    scanner.feed(line);
    if (statements.size() == 2) break;
  }
  if (statements.empty()) return std::nullopt;
  const std::string indent(body_indent(header));
  Move move;
  const std::string_view first = statements[0];
  move.expand_tabs = first.starts_with('\t') && indent[0] == ' ';
  move.from = indent_columns(first);
  move.to = indent;
  if (move.from > 0) return move;
  if (!is_python_statement(first)) return std::nullopt;
  if (statements.size() > 1) {
    const size_t inside = indent.size() + (trimmed(first).ends_with(':') ? 4 : 0);
    move.first_line_only = indent_columns(statements[1]) >= inside;
  }
  return move;
}

/// The body that continues `header`: `text` as it is, up to prose at column 0, moved to the
/// header's indentation where it stands elsewhere. "" if `text` begins with prose.
std::string body_of(std::string_view text, std::string_view header) {
  const auto lines = lines_of(text);
  const auto move = move_of(lines, header);
  if (!move) return "";
  const bool flush_left = move->from == 0;
  const bool in_place = !flush_left && move->from == move->to.size() && !move->expand_tabs;
  std::string body;
  PythonScanner scanner;
  bool first = true;
  for (std::string_view line : lines) {
    const bool statement = scanner.at_statement() && !is_blank(line);
    const bool at_zero = statement && indent_columns(line) == 0;
    if (at_zero && !is_python_statement(line)) break;
    scanner.feed(line);
    // What stands at column 0 under an indented body is no part of it; strings keep their lines.
    const bool moves =
        statement && !in_place && (flush_left ? (first || !move->first_line_only) : !at_zero);
    if (!moves) {
      body.append(line).push_back('\n');
    } else {
      const size_t columns = indent_columns(line);
      const size_t width = std::min(line.find_first_not_of(" \t"), line.size());
      body.append(move->to);
      if (columns > move->from) body.append(columns - move->from, ' ');
      body.append(line.substr(width)).push_back('\n');
    }
    first = first && !statement;
  }
  return is_blank(body) ? "" : body;
}

/// Whether `block` only defines things, of which `source` uses one that it does not define itself:
/// "First a helper: ... Then the function: ...".
bool helps(std::string_view block, std::string_view source) {
  const auto names = python_helpers(block);
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) {
    for (size_t at = source.find(name); at != std::string_view::npos && !name.empty();
         at = source.find(name, at + 1)) {
      const size_t end = at + name.size();
      const bool whole = (at == 0 || !is_word_byte(source[at - 1])) &&
                         (end == source.size() || !is_word_byte(source[end]));
      if (whole) return !python_binds(source, name);
    }
    return false;
  });
}

/// Where a base model goes on with a question of its own: a line at column 0 outside of any block.
size_t invented_question(std::string_view reply) {
  size_t at = next_question_line(reply, 0);
  while (at != std::string_view::npos) {
    if (at > 0 && std::string_view(" \t#*_>").find(reply[at]) == std::string_view::npos) {
      const FencedText head = read_fences(reply.substr(0, at));
      const bool inside = !head.blocks.empty() && !head.blocks.back().closed;
      return inside ? std::string_view::npos : at;
    }
    at = next_question_line(reply, std::min(reply.find('\n', at), reply.size()));
  }
  return at;
}

std::optional<Code> code_in(const Question& question, std::string_view reply) {
  const AnswerKind kind = question.kind;
  const std::string& header = question.code_prefix;

  // A full definition replaces the header's, which comes along for its imports and helpers.
  const auto definition = [&](const std::string& source, CodeRule rule) -> std::optional<Code> {
    std::string whole = kind == AnswerKind::kPython ? at_column_zero(source) : source;
    if (!header.empty()) whole = header + "\n    pass\n\n" + whole;
    return Code{std::move(whole), rule};
  };
  const auto continuation = [&](std::string_view source) -> std::optional<Code> {
    const std::string body = body_of(source, header);
    if (body.empty()) return std::nullopt;
    return Code{header + (header.ends_with('\n') ? "" : "\n") + body, CodeRule::kContinuation};
  };

  const FencedText fenced = read_fences(reply);
  const FencedBlock* last_defining = nullptr;
  for (const FencedBlock& block : fenced.blocks) {
    const bool other_language = !block.tag.empty() && !tag_is(kind, block.tag);
    if (!other_language && defines(kind, block.source, question.entry_point))
      last_defining = &block;
  }
  if (last_defining) {
    std::string source = last_defining->source;
    for (const FencedBlock* block = last_defining; block-- != fenced.blocks.data();) {
      const bool other_language = !block->tag.empty() && !tag_is(kind, block->tag);
      if (kind == AnswerKind::kPython && !other_language && helps(block->source, source) &&
          !defines(kind, block->source, question.entry_point)) {
        source = block->source + "\n" + source;
      }
    }
    return definition(source, CodeRule::kFence);
  }

  std::string raw = kind == AnswerKind::kPython ? raw_python(fenced.outside, question.entry_point)
                                                : raw_c_source(kind, fenced.outside);
  if (!raw.empty() && defines(kind, raw, question.entry_point)) {
    return definition(raw, CodeRule::kRaw);
  }

  const auto take = [&](const FencedBlock& block) -> std::optional<Code> {
    if (!header.empty()) return continuation(block.source);
    return Code{block.source, CodeRule::kFence};
  };
  for (const FencedBlock& block : fenced.blocks) {
    if (tag_is(kind, block.tag) && !is_blank(block.source)) return take(block);
  }
  // A fence behind a body opens nothing: it ends the body.
  const bool ends_a_body = fenced.blocks.size() == 1 && !fenced.blocks[0].closed;
  if (!header.empty() && !is_blank(fenced.before) && (fenced.blocks.empty() || ends_a_body)) {
    if (auto code = continuation(fenced.before)) return code;
  }
  for (const FencedBlock& block : fenced.blocks) {
    if (!block.tag.empty() || is_blank(block.source)) continue;
    if (auto code = take(block)) return code;
  }
  return std::nullopt;
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
  if (!is_code(question.kind)) return std::nullopt;
  const std::string reply = without_reasoning(text);
  if (const size_t end = invented_question(reply); end != std::string_view::npos) {
    if (auto code = code_in(question, std::string_view(reply).substr(0, end))) return code;
  }
  return code_in(question, reply);
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
