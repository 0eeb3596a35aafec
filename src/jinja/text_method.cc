// Methods of str.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "jinja/formatting.h"
#include "jinja/method.h"
#include "jinja/operation.h"
#include "jinja/unicode.h"

namespace whet::jinja {
namespace {

Result<Value> strip_sides(Runtime& runtime, const Value& self, const Arguments& arguments,
                          bool left, bool right) {
  WHET_TRY(const auto bound, bind(arguments, {"chars"}));
  const auto text = bytes_of(self);
  if (!bound[0] || bound[0]->is_none())
    return runtime.text(std::string(strip_space(text, left, right)));
  WHET_TRY(const auto chars, text_argument(bound[0], "chars"));
  WHET_TRY_STATUS(runtime.charge(static_cast<int64_t>(text.size() / 4 * (chars.size() / 16 + 1))));
  return runtime.text(std::string(strip_chars(text, chars, left, right)));
}

Result<Value> strip(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return strip_sides(runtime, self, arguments, true, true);
}
Result<Value> lstrip(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return strip_sides(runtime, self, arguments, true, false);
}
Result<Value> rstrip(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return strip_sides(runtime, self, arguments, false, true);
}

template <std::string (*convert)(std::string_view)>
Result<Value> converted(Runtime& runtime, const Value& self, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  WHET_TRY_STATUS(runtime.charge_characters(bytes_of(self).size()));
  return runtime.text(convert(bytes_of(self)));
}

/// Whether the text has characters and all of them satisfy the predicate.
template <bool (*predicate)(char32_t)>
Result<Value> all_are(Runtime& runtime, const Value& self, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  WHET_TRY_STATUS(runtime.charge_characters(bytes_of(self).size()));
  const auto text = bytes_of(self);
  for (size_t i = 0; i < text.size();) {
    const auto c = decode_at(text, i);
    if (!predicate(c.value)) return Value::boolean(false);
    i += c.n_bytes;
  }
  return Value::boolean(!text.empty());
}

/// isupper() and islower(): some cased character, none of the other case.
template <bool (*wanted)(char32_t), bool (*unwanted)(char32_t)>
Result<Value> cased_as(Runtime& runtime, const Value& self, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  WHET_TRY_STATUS(runtime.charge_characters(bytes_of(self).size()));
  const auto text = bytes_of(self);
  bool found = false;
  for (size_t i = 0; i < text.size();) {
    const auto c = decode_at(text, i);
    if (unwanted(c.value)) return Value::boolean(false);
    found = found || wanted(c.value);
    i += c.n_bytes;
  }
  return Value::boolean(found);
}

/// startswith and endswith; the argument is a string or a tuple of strings.
Result<Value> has_affix(Runtime& runtime, const Value& self, const Arguments& arguments,
                        bool prefix) {
  WHET_TRY(const auto bound, bind(arguments, {"affix"}, 1));
  const auto text = bytes_of(self);
  auto matches = [&](std::string_view affix) {
    return prefix ? text.starts_with(affix) : text.ends_with(affix);
  };
  const auto* tuple = bound[0]->sequence();
  if (tuple && tuple->kind == SequenceKind::kTuple) {
    WHET_TRY_STATUS(runtime.charge(static_cast<int64_t>(tuple->items.size())));
    for (const auto& candidate : tuple->items) {
      WHET_TRY(const auto affix, text_argument(&candidate, "affix"));
      if (matches(affix)) return Value::boolean(true);
    }
    return Value::boolean(false);
  }
  WHET_TRY(const auto affix, text_argument(bound[0], "affix"));
  return Value::boolean(matches(affix));
}

Result<Value> starts_with(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return has_affix(runtime, self, arguments, true);
}
Result<Value> ends_with(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return has_affix(runtime, self, arguments, false);
}

Result<Value> remove_affix(Runtime& runtime, const Value& self, const Arguments& arguments,
                           bool prefix) {
  WHET_TRY(const auto bound, bind(arguments, {"affix"}, 1));
  WHET_TRY(const auto affix, text_argument(bound[0], "affix"));
  auto text = bytes_of(self);
  if (prefix && text.starts_with(affix)) text.remove_prefix(affix.size());
  if (!prefix && text.ends_with(affix)) text.remove_suffix(affix.size());
  return runtime.text(std::string(text));
}

Result<Value> remove_prefix(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return remove_affix(runtime, self, arguments, true);
}
Result<Value> remove_suffix(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return remove_affix(runtime, self, arguments, false);
}

Result<Value> join_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"iterable"}, 1));
  WHET_TRY(const auto items, iterate(runtime, *bound[0]));
  TextBuilder out(runtime);
  bool first = true;
  for (const auto& piece : items) {
    if (!first) WHET_TRY_STATUS(out.append(bytes_of(self)));
    first = false;
    if (!piece.text())
      return template_error(fmt::format("expected str items, got {}", type_name(piece)));
    WHET_TRY_STATUS(out.append(piece.text()->bytes));
  }
  return out.finish();
}

Result<Value> format_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return format_braces(runtime, bytes_of(self), arguments);
}

/// ljust, rjust, center and zfill share the width; `place` gives the share of padding on the left.
enum class Align { kLeft, kRight, kCenter };

template <Align align>
Result<Value> justify(Runtime& runtime, const Value& self, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"width", "fillchar"}, 1));
  WHET_TRY(const auto width, integer_argument(bound[0], "width", 0));
  WHET_TRY(const auto fill, text_argument(bound[1], "fillchar", " "));
  if (count_code_points(fill) != 1) return template_error("fillchar: expected one character");
  const auto text = bytes_of(self);
  const int64_t missing = width - static_cast<int64_t>(count_code_points(text));
  if (missing <= 0) return self;
  if (static_cast<uint64_t>(width) > runtime.limits().max_text_bytes)
    return template_error("width too large");
  // Python's centre: an odd space goes to the left if the width is odd.
  const int64_t left = align == Align::kLeft    ? 0
                       : align == Align::kRight ? missing
                                                : missing / 2 + (missing & width & 1);
  std::string out;
  for (int64_t i = 0; i < left; ++i) out += fill;
  out += text;
  for (int64_t i = left; i < missing; ++i) out += fill;
  return runtime.text(std::move(out));
}

std::string swap_case(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const auto c = decode_at(text, i);
    const auto piece = text.substr(i, c.n_bytes);
    out += is_upper(c.value) ? to_lower(piece) : to_upper(piece);
    i += c.n_bytes;
  }
  return out;
}

struct NamedMethod {
  std::string_view name;
  Builtin method;
};

constexpr NamedMethod kMethods[] = {
    {"capitalize", converted<capitalize>},
    {"casefold", converted<to_lower>},
    {"center", justify<Align::kCenter>},
    {"endswith", ends_with},
    {"format", format_method},
    {"isalnum", all_are<is_alphanumeric>},
    {"isalpha", all_are<is_alphabetic>},
    {"isdecimal", all_are<is_decimal>},
    {"isdigit", all_are<is_decimal>},
    {"islower", cased_as<is_lower, is_upper>},
    {"isnumeric", all_are<is_decimal>},
    {"isspace", all_are<is_space>},
    {"isupper", cased_as<is_upper, is_lower>},
    {"join", join_method},
    {"ljust", justify<Align::kLeft>},
    {"lower", converted<to_lower>},
    {"lstrip", lstrip},
    {"removeprefix", remove_prefix},
    {"removesuffix", remove_suffix},
    {"rjust", justify<Align::kRight>},
    {"rstrip", rstrip},
    {"startswith", starts_with},
    {"strip", strip},
    {"swapcase", converted<swap_case>},
    {"title", converted<to_title>},
    {"upper", converted<to_upper>},
};

}  // namespace

Builtin find_text_method(std::string_view name) {
  for (const auto& [known, method] : kMethods) {
    if (known == name) return method;
  }
  return find_text_search_method(name);
}

}  // namespace whet::jinja
