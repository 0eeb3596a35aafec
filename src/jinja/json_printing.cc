#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "jinja/number.h"
#include "jinja/printing.h"
#include "jinja/unicode.h"

namespace whet::jinja {
namespace {

void append_unit(std::string& out, uint32_t unit) {
  out += fmt::format("\\u{:04x}", unit);
}

void append_escaped(std::string& out, char32_t c) {
  if (c >= 0x10000) {
    append_unit(out, 0xd800 + ((static_cast<uint32_t>(c) - 0x10000) >> 10));
    append_unit(out, 0xdc00 + ((static_cast<uint32_t>(c) - 0x10000) & 0x3ff));
  } else {
    append_unit(out, static_cast<uint32_t>(c));
  }
}

std::string quote(std::string_view text, bool ascii) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    const auto c = decode_at(text, i);
    switch (c.value) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\b':
        out += "\\b";
        break;
      default:
        if (c.value < 0x20 || (ascii && c.value > 0x7e)) {
          append_escaped(out, c.value);
        } else {
          out += text.substr(i, c.n_bytes);
        }
    }
    i += c.n_bytes;
  }
  return out + "\"";
}

std::string json_real(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
  return print_real(number);
}

/// A dict's key as JSON: text is required, scalars are spelled as JSON values.
std::string key_text(const Value& key) {
  if (const auto* text = key.text()) return text->bytes;
  if (const auto* truth = key.boolean()) return *truth ? "true" : "false";
  if (const auto* number = key.real()) return json_real(*number);
  int64_t integer = 0;
  if (key.as_integer(integer)) return fmt::format_int(integer).str();
  return "null";
}

class JsonPrinter {
 public:
  JsonPrinter(TextBuilder& out, const JsonStyle& style) : out_(out), style_(style) {}

  Status print(const Value& value, int level) {
    if (value.is_none()) return out_.append("null");
    if (const auto* truth = value.boolean()) return out_.append(*truth ? "true" : "false");
    if (const auto* number = value.real()) return out_.append(json_real(*number));
    if (const auto* text = value.text()) return out_.append(quote(text->bytes, style_.ascii));
    if (const auto* mapping = value.mapping()) return print_mapping(*mapping, level);
    const auto* sequence = value.sequence();
    if (sequence && sequence->kind <= SequenceKind::kTuple) return print_list(*sequence, level);
    int64_t integer = 0;
    if (value.as_integer(integer)) return out_.append(fmt::format_int(integer).str());
    return template_error(fmt::format("'{}' cannot be written as JSON", type_name(value)));
  }

 private:
  Status break_line(int level) {
    if (!style_.indent) return ok_status();
    WHET_TRY_STATUS(out_.append("\n"));
    for (int i = 0; i < level; ++i) WHET_TRY_STATUS(out_.append(*style_.indent));
    return ok_status();
  }

  Status print_list(const Sequence& sequence, int level) {
    if (sequence.items.empty()) return out_.append("[]");
    WHET_TRY_STATUS(out_.append("["));
    for (size_t i = 0; i < sequence.items.size(); ++i) {
      if (i > 0) WHET_TRY_STATUS(out_.append(style_.item_separator));
      WHET_TRY_STATUS(break_line(level + 1));
      WHET_TRY_STATUS(print(sequence.items[i], level + 1));
    }
    WHET_TRY_STATUS(break_line(level));
    return out_.append("]");
  }

  Status print_mapping(const Mapping& mapping, int level) {
    if (mapping.entries().empty()) return out_.append("{}");
    std::vector<const Mapping::Entry*> entries;
    for (const auto& entry : mapping.entries()) entries.push_back(&entry);
    if (style_.sort_keys) {
      for (const auto* entry : entries) {
        if (!entry->first.is_text()) return template_error("sort_keys: expected keys of type str");
      }
      std::stable_sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) {
        return a->first.text()->bytes < b->first.text()->bytes;
      });
    }
    WHET_TRY_STATUS(out_.append("{"));
    bool first = true;
    for (const auto* entry : entries) {
      if (!first) WHET_TRY_STATUS(out_.append(style_.item_separator));
      first = false;
      WHET_TRY_STATUS(break_line(level + 1));
      WHET_TRY_STATUS(out_.append(quote(key_text(entry->first), style_.ascii)));
      WHET_TRY_STATUS(out_.append(style_.key_separator));
      WHET_TRY_STATUS(print(entry->second, level + 1));
    }
    WHET_TRY_STATUS(break_line(level));
    return out_.append("}");
  }

  TextBuilder& out_;
  const JsonStyle& style_;
};

}  // namespace

Status append_json(TextBuilder& out, const Value& value, const JsonStyle& style) {
  return JsonPrinter(out, style).print(value, 0);
}

}  // namespace whet::jinja
