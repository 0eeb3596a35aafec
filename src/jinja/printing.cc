#include "jinja/printing.h"

#include <fmt/format.h>

#include "jinja/number.h"
#include "jinja/unicode.h"

namespace whet::jinja {
namespace {

Status append_quoted(TextBuilder& out, std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string quoted(1, quote);
  for (size_t i = 0; i < text.size();) {
    const auto c = decode_at(text, i);
    if (c.value == static_cast<char32_t>(quote) || c.value == '\\') {
      quoted += '\\';
      quoted += text[i];
    } else if (c.value == '\n') {
      quoted += "\\n";
    } else if (c.value == '\r') {
      quoted += "\\r";
    } else if (c.value == '\t') {
      quoted += "\\t";
    } else if (is_printable(c.value)) {
      quoted += text.substr(i, c.n_bytes);
    } else if (c.value < 0x100) {
      quoted += fmt::format("\\x{:02x}", static_cast<uint32_t>(c.value));
    } else if (c.value < 0x10000) {
      quoted += fmt::format("\\u{:04x}", static_cast<uint32_t>(c.value));
    } else {
      quoted += fmt::format("\\U{:08x}", static_cast<uint32_t>(c.value));
    }
    i += c.n_bytes;
  }
  quoted += quote;
  return out.append(quoted);
}

Status append_items(TextBuilder& out, const Sequence& sequence, std::string_view open,
                    std::string_view close) {
  WHET_TRY_STATUS(out.append(open));
  bool first = true;
  for (const auto& item : sequence.items) {
    if (!first) WHET_TRY_STATUS(out.append(", "));
    first = false;
    WHET_TRY_STATUS(append_repr(out, item));
  }
  return out.append(close);
}

Status append_sequence(TextBuilder& out, const Sequence& sequence) {
  switch (sequence.kind) {
    case SequenceKind::kList:
      return append_items(out, sequence, "[", "]");
    case SequenceKind::kTuple:
      return append_items(out, sequence, "(", sequence.items.size() == 1 ? ",)" : ")");
    case SequenceKind::kRange: {
      const auto& range = sequence.range;
      if (range.step == 1) return out.append(fmt::format("range({}, {})", range.start, range.stop));
      return out.append(fmt::format("range({}, {}, {})", range.start, range.stop, range.step));
    }
    case SequenceKind::kKeys:
      return append_items(out, sequence, "dict_keys([", "])");
    case SequenceKind::kValues:
      return append_items(out, sequence, "dict_values([", "])");
    case SequenceKind::kItems:
      return append_items(out, sequence, "dict_items([", "])");
    case SequenceKind::kIterator:
      return template_error("an iterator has no text; use the filter 'list' first");
  }
  WHET_UNREACHABLE();
}

Status append_mapping(TextBuilder& out, const Mapping& mapping) {
  WHET_TRY_STATUS(out.append("{"));
  bool first = true;
  for (const auto& [key, value] : mapping.entries()) {
    if (!first) WHET_TRY_STATUS(out.append(", "));
    first = false;
    WHET_TRY_STATUS(append_repr(out, key));
    WHET_TRY_STATUS(out.append(": "));
    WHET_TRY_STATUS(append_repr(out, value));
  }
  return out.append("}");
}

}  // namespace

Status append_repr(TextBuilder& out, const Value& value) {
  if (value.is_undefined()) return out.append("Undefined");
  if (value.is_none()) return out.append("None");
  if (const auto* truth = value.boolean()) return out.append(*truth ? "True" : "False");
  if (const auto* number = value.real()) return out.append(print_real(*number));
  if (const auto* text = value.text()) {
    if (!text->markup) return append_quoted(out, text->bytes);
    WHET_TRY_STATUS(out.append("Markup("));
    WHET_TRY_STATUS(append_quoted(out, text->bytes));
    return out.append(")");
  }
  if (const auto* sequence = value.sequence()) return append_sequence(out, *sequence);
  if (const auto* mapping = value.mapping()) return append_mapping(out, *mapping);
  int64_t integer = 0;
  if (value.as_integer(integer)) return out.append(fmt::format_int(integer).str());
  return template_error(fmt::format("'{}' has no text", type_name(value)));
}

Status append_text(TextBuilder& out, const Value& value) {
  if (const auto* text = value.text()) return out.append(text->bytes);
  if (value.is_undefined()) return ok_status();
  return append_repr(out, value);
}

Result<TextRef> to_text(Runtime& runtime, const Value& value) {
  if (const auto* text = std::get_if<TextRef>(&value.data())) return *text;
  TextBuilder out(runtime);
  WHET_TRY_STATUS(append_text(out, value));
  WHET_TRY(auto text, out.finish());
  return std::get<TextRef>(text.data());
}

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace whet::jinja
