// Filters on text: case, trimming, replacing, layout, escaping, JSON.
#include <fmt/format.h>

#include "jinja/access.h"
#include "jinja/filter.h"
#include "jinja/formatting.h"
#include "jinja/method.h"
#include "jinja/operation.h"
#include "jinja/printing.h"
#include "jinja/unicode.h"

namespace whet::jinja {
namespace {

/// A filter that first turns its input into text, then applies a method of str.
Result<Value> by_method(Runtime& runtime, const Value& input, const Arguments& arguments,
                        std::string_view method) {
  WHET_TRY(auto text, to_text(runtime, input));
  return find_text_method(method)(runtime, Value(std::move(text)), arguments);
}

Result<Value> upper(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return by_method(runtime, input, arguments, "upper");
}
Result<Value> lower(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return by_method(runtime, input, arguments, "lower");
}
Result<Value> capitalized(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return by_method(runtime, input, arguments, "capitalize");
}
Result<Value> trim(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return by_method(runtime, input, arguments, "strip");
}

Result<Value> center(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"width"}));
  Arguments width;
  width.positional.push_back(bound[0] ? *bound[0] : Value(int64_t{80}));
  return by_method(runtime, input, width, "center");
}

/// Words start after blanks and opening brackets, and keep nothing of their own case.
Result<Value> title(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  WHET_TRY(const auto text, to_text(runtime, input));
  std::string out;
  bool starts_word = true;
  WHET_TRY_STATUS(runtime.charge_characters(text->bytes.size()));
  for (size_t i = 0; i < text->bytes.size();) {
    const auto [c, n_bytes] = decode_at(text->bytes, i);
    const auto piece = std::string_view(text->bytes).substr(i, n_bytes);
    const bool separates = is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
    out += starts_word && !separates ? to_upper(piece) : to_lower(piece);
    starts_word = separates;
    i += n_bytes;
  }
  return runtime.text(std::move(out));
}

Result<Value> replace(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"old", "new", "count"}, 2));
  Arguments texts;
  for (size_t i = 0; i < 2; ++i) {
    WHET_TRY(auto text, to_text(runtime, *bound[i]));
    texts.positional.emplace_back(std::move(text));
  }
  if (bound[2] && !bound[2]->is_none()) texts.positional.push_back(*bound[2]);
  return by_method(runtime, input, texts, "replace");
}

Result<Value> format(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY(const auto text, to_text(runtime, input));
  if (arguments.keyword.empty()) {
    WHET_TRY(const auto values, runtime.sequence(SequenceKind::kTuple, arguments.positional));
    return format_percent(runtime, text->bytes, values);
  }
  if (!arguments.positional.empty()) {
    return template_error("positional and keyword arguments cannot be mixed");
  }
  Mapping mapping;
  for (const auto& [name, value] : arguments.keyword) {
    mapping.set(Value::constant_text(name), value);
  }
  WHET_TRY(const auto values, runtime.mapping(std::move(mapping)));
  return format_percent(runtime, text->bytes, values);
}

/// The indention that an int (blanks) or a str stands for.
Result<std::string> indention(const Value& width) {
  if (const auto* text = width.text()) return text->bytes;
  constexpr int64_t kMaxBlanks = 10'000;
  WHET_TRY(const auto n, integer_argument(&width, "width", 0));
  if (n > kMaxBlanks) return template_error(fmt::format("width over {}", kMaxBlanks));
  return std::string(static_cast<size_t>(std::max<int64_t>(n, 0)), ' ');
}

Result<Value> indent(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"width", "first", "blank"}));
  if (!input.text()) return template_error(fmt::format("expected a str, got {}", type_name(input)));
  WHET_TRY(const auto margin, indention(bound[0] ? *bound[0] : Value(int64_t{4})));
  const bool blank = flag_argument(bound[2], false);
  const std::string ended = input.text()->bytes + "\n";
  WHET_TRY_STATUS(runtime.charge_characters(ended.size()));
  TextBuilder out(runtime);
  if (flag_argument(bound[1], false)) WHET_TRY_STATUS(out.append(margin));
  bool is_first = true;
  for (auto line : split_lines(ended)) {
    if (!is_first) {
      WHET_TRY_STATUS(out.append("\n"));
      if (blank || !line.empty()) WHET_TRY_STATUS(out.append(margin));
    }
    is_first = false;
    WHET_TRY_STATUS(out.append(line));
  }
  return out.finish();
}

Result<Value> truncate(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"length", "killwords", "end", "leeway"}));
  if (!input.text()) return template_error(fmt::format("expected a str, got {}", type_name(input)));
  WHET_TRY(const auto limit, integer_argument(bound[0], "length", 255));
  WHET_TRY(const auto end, text_argument(bound[2], "end", "..."));
  const bool has_leeway = bound[3] && !bound[3]->is_none();
  WHET_TRY(const auto leeway, integer_argument(has_leeway ? bound[3] : nullptr, "leeway", 5));
  const auto n_end = static_cast<int64_t>(count_code_points(end));
  if (limit < n_end || leeway < 0) return template_error("length or leeway too small");
  const std::string_view text = input.text()->bytes;
  const auto n = static_cast<int64_t>(count_code_points(text));
  if (n <= limit || n - limit <= leeway) return input;
  auto kept = text.substr(0, byte_offset(text, static_cast<size_t>(limit - n_end)));
  if (!flag_argument(bound[1], false))
    kept = kept.substr(0, std::min(kept.rfind(' '), kept.size()));
  return runtime.text(std::string(kept) + std::string(end));
}

Result<Value> wordcount(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  WHET_TRY(const auto text, to_text(runtime, input));
  int64_t n = 0;
  bool in_word = false;
  WHET_TRY_STATUS(runtime.charge_characters(text->bytes.size()));
  for (size_t i = 0; i < text->bytes.size();) {
    const auto [c, n_bytes] = decode_at(text->bytes, i);
    const bool is_word = c == '_' || is_alphanumeric(c);
    n += is_word && !in_word ? 1 : 0;
    in_word = is_word;
    i += n_bytes;
  }
  return Value(n);
}

Result<Value> as_text(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  WHET_TRY(auto text, to_text(runtime, input));
  return Value(std::move(text));
}

Result<Value> safe(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  WHET_TRY(const auto text, to_text(runtime, input));
  return runtime.text(text->bytes, true);
}

Result<Value> escape(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  if (input.text() && input.text()->markup) return input;
  WHET_TRY(const auto text, to_text(runtime, input));
  return runtime.text(escape_html(text->bytes), true);
}

Result<Value> force_escape(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  WHET_TRY(const auto text, to_text(runtime, input));
  return runtime.text(escape_html(text->bytes), true);
}

Result<Value> tojson(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY(const auto bound,
           bind(arguments, {"ensure_ascii", "indent", "separators", "sort_keys"}));
  JsonStyle style;
  style.ascii = flag_argument(bound[0], false);
  if (bound[1] && !bound[1]->is_none()) {
    WHET_TRY(style.indent, indention(*bound[1]));
    style.item_separator = ",";
  }
  if (bound[2] && !bound[2]->is_none()) {
    WHET_TRY(const auto separators, iterate(runtime, *bound[2]));
    if (separators.size() != 2) return template_error("separators: expected two strings");
    WHET_TRY(style.item_separator, text_argument(&separators[0], "separators"));
    WHET_TRY(style.key_separator, text_argument(&separators[1], "separators"));
  }
  style.sort_keys = flag_argument(bound[3], false);
  TextBuilder out(runtime);
  WHET_TRY_STATUS(append_json(out, input, style));
  return out.finish();
}

Result<Value> join(Runtime& runtime, const Value& input, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"d", "attribute"}));
  const Value empty = Value::constant_text("");
  WHET_TRY(const auto separator, to_text(runtime, bound[0] ? *bound[0] : empty));
  WHET_TRY(const auto items, iterate(runtime, input));
  TextBuilder out(runtime);
  bool first = true;
  for (const auto& element : items) {
    if (!first) WHET_TRY_STATUS(out.append(separator->bytes));
    first = false;
    if (bound[1] && !bound[1]->is_none()) {
      WHET_TRY(const auto part, attribute_path(runtime, element, *bound[1]));
      WHET_TRY_STATUS(append_text(out, part));
    } else {
      WHET_TRY_STATUS(append_text(out, element));
    }
  }
  return out.finish();
}

struct TextFilter {
  std::string_view name;
  Builtin filter;
};

constexpr TextFilter kTextFilters[] = {
    {"capitalize", capitalized},
    {"center", center},
    {"e", escape},
    {"escape", escape},
    {"forceescape", force_escape},
    {"format", format},
    {"indent", indent},
    {"join", join},
    {"lower", lower},
    {"replace", replace},
    {"safe", safe},
    {"string", as_text},
    {"title", title},
    {"tojson", tojson},
    {"trim", trim},
    {"truncate", truncate},
    {"upper", upper},
    {"wordcount", wordcount},
};

}  // namespace

Builtin find_text_filter(std::string_view name) {
  for (const auto& [known, filter] : kTextFilters) {
    if (known == name) return filter;
  }
  return nullptr;
}

}  // namespace whet::jinja
