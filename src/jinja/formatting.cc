#include "jinja/formatting.h"

#include <fmt/format.h>

#include <optional>

#include "jinja/number.h"
#include "jinja/printing.h"
#include "jinja/unicode.h"

namespace whet::jinja {
namespace {

constexpr size_t kMaxWidth = 10'000;

struct Conversion {
  bool left = false;   // "-"
  bool plus = false;   // "+"
  bool space = false;  // " "
  bool zero = false;   // "0"
  bool alternate = false;
  size_t width = 0;
  std::optional<size_t> precision;
  char type = 0;
};

Result<size_t> read_size(std::string_view format, size_t& i) {
  size_t number = 0;
  for (; i < format.size() && format[i] >= '0' && format[i] <= '9'; ++i) {
    number = number * 10 + static_cast<size_t>(format[i] - '0');
    if (number > kMaxWidth) return template_error(fmt::format("width over {}", kMaxWidth));
  }
  return number;
}

/// Reads "-08.3f" after the "%" (and after a "(key)").
Result<Conversion> read_conversion(std::string_view format, size_t& i) {
  Conversion conversion;
  for (; i < format.size(); ++i) {
    bool* flag = format[i] == '-'   ? &conversion.left
                 : format[i] == '+' ? &conversion.plus
                 : format[i] == ' ' ? &conversion.space
                 : format[i] == '0' ? &conversion.zero
                 : format[i] == '#' ? &conversion.alternate
                                    : nullptr;
    if (!flag) break;
    *flag = true;
  }
  WHET_TRY(conversion.width, read_size(format, i));
  if (i < format.size() && format[i] == '.') {
    WHET_TRY(conversion.precision, read_size(format, ++i));
  }
  if (i == format.size()) return template_error("incomplete format");
  conversion.type = format[i++];
  return conversion;
}

/// Sign and digits of an integer conversion.
Result<std::string> format_integer(const Conversion& conversion, const Value& value) {
  int64_t number = 0;
  if (!value.as_integer(number)) {
    const auto truncated = value.real() ? truncate_real(*value.real()) : std::nullopt;
    const bool decimal = conversion.type == 'd' || conversion.type == 'i' || conversion.type == 'u';
    if (!truncated || !decimal) {
      return template_error(
          fmt::format("%{}: expected a number, got {}", conversion.type, type_name(value)));
    }
    number = *truncated;
  }
  const uint64_t magnitude =
      number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
  std::string digits;
  std::string prefix;
  switch (conversion.type) {
    case 'x':
      digits = fmt::format("{:x}", magnitude);
      prefix = "0x";
      break;
    case 'X':
      digits = fmt::format("{:X}", magnitude);
      prefix = "0X";
      break;
    case 'o':
      digits = fmt::format("{:o}", magnitude);
      prefix = "0o";
      break;
    default:
      digits = fmt::format("{}", magnitude);
  }
  if (conversion.precision && digits.size() < *conversion.precision) {
    digits.insert(0, *conversion.precision - digits.size(), '0');
  }
  return (number < 0 ? "-" : "") + (conversion.alternate ? prefix : "") + digits;
}

Result<std::string> format_real(const Conversion& conversion, const Value& value) {
  double number = 0;
  if (!value.as_number(number)) {
    return template_error(
        fmt::format("%{}: expected a number, got {}", conversion.type, type_name(value)));
  }
  const size_t precision = conversion.precision.value_or(6);
  switch (conversion.type) {
    case 'f':
    case 'F':
      return fmt::format("{:.{}f}", number, precision);
    case 'e':
      return fmt::format("{:.{}e}", number, precision);
    case 'E':
      return fmt::format("{:.{}E}", number, precision);
    case 'g':
      return fmt::format("{:.{}g}", number, precision);
    default:
      return fmt::format("{:.{}G}", number, precision);
  }
}

std::string pad(const Conversion& conversion, std::string text, bool numeric) {
  if (numeric && !text.starts_with('-')) {
    if (conversion.plus) {
      text.insert(0, 1, '+');
    } else if (conversion.space) {
      text.insert(0, 1, ' ');
    }
  }
  const size_t n = count_code_points(text);
  if (n >= conversion.width) return text;
  const size_t missing = conversion.width - n;
  if (conversion.left) return text + std::string(missing, ' ');
  if (!numeric || !conversion.zero) return std::string(missing, ' ') + text;
  const size_t sign = text[0] == '-' || text[0] == '+' || text[0] == ' ' ? 1 : 0;
  return text.insert(sign, missing, '0');
}

Result<std::string> convert(Runtime& runtime, const Conversion& conversion, const Value& value) {
  switch (conversion.type) {
    case 's':
    case 'r':
    case 'a': {
      TextBuilder out(runtime);
      WHET_TRY_STATUS(conversion.type == 's' ? append_text(out, value) : append_repr(out, value));
      std::string text = out.take();
      if (conversion.precision) text.resize(byte_offset(text, *conversion.precision));
      return pad(conversion, std::move(text), false);
    }
    case 'c': {
      int64_t number = 0;
      if (value.text() && count_code_points(value.text()->bytes) == 1) {
        return pad(conversion, value.text()->bytes, false);
      }
      if (!value.as_integer(number) || number < 0 || number > 0x10ffff) {
        return template_error("%c: expected an int or one character");
      }
      std::string text;
      append_utf8(text, static_cast<char32_t>(number));
      return pad(conversion, std::move(text), false);
    }
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o': {
      WHET_TRY(auto text, format_integer(conversion, value));
      return pad(conversion, std::move(text), true);
    }
    case 'f':
    case 'F':
    case 'e':
    case 'E':
    case 'g':
    case 'G': {
      WHET_TRY(auto text, format_real(conversion, value));
      return pad(conversion, std::move(text), true);
    }
    default:
      return template_error(fmt::format("unsupported format %{}", conversion.type));
  }
}

}  // namespace

Result<Value> format_percent(Runtime& runtime, std::string_view format, const Value& argument) {
  const auto* sequence = argument.sequence();
  const auto* mapping = argument.mapping();
  const bool is_tuple = sequence && sequence->kind == SequenceKind::kTuple;
  const std::vector<Value> values = is_tuple ? sequence->items : std::vector<Value>{argument};
  // Python takes whatever can be indexed for a mapping, whose values need not all be used.
  const bool may_ignore =
      mapping || argument.is_undefined() || (sequence && !is_tuple && sequence->is_indexable());
  TextBuilder out(runtime);
  size_t next = 0;
  size_t i = 0;
  while (i < format.size()) {
    const size_t percent = std::min(format.find('%', i), format.size());
    WHET_TRY_STATUS(out.append(format.substr(i, percent - i)));
    i = percent;
    if (i == format.size()) break;
    ++i;
    const Value* keyed = nullptr;
    if (i < format.size() && format[i] == '(') {
      const size_t close = format.find(')', i);
      if (close == std::string_view::npos) return template_error("incomplete format key");
      if (!mapping) return template_error("format requires a mapping");
      keyed = mapping->find(format.substr(i + 1, close - i - 1));
      if (!keyed) return template_error("no such key in the mapping of the format");
      i = close + 1;
    }
    WHET_TRY(const auto conversion, read_conversion(format, i));
    if (conversion.type == '%') {
      WHET_TRY_STATUS(out.append("%"));
      continue;
    }
    if (!keyed && next == values.size()) return template_error("not enough values for the format");
    WHET_TRY(const auto text, convert(runtime, conversion, keyed ? *keyed : values[next]));
    if (!keyed) ++next;
    WHET_TRY_STATUS(runtime.charge(1));
    WHET_TRY_STATUS(out.append(text));
  }
  if (next < values.size() && !may_ignore)
    return template_error("not all values were used by the format");
  return out.finish();
}

Result<Value> format_braces(Runtime& runtime, std::string_view format, const Arguments& arguments) {
  TextBuilder out(runtime);
  size_t next = 0;
  for (size_t i = 0; i < format.size();) {
    const char c = format[i];
    if (c != '{' && c != '}') {
      const size_t end = std::min(format.find_first_of("{}", i), format.size());
      WHET_TRY_STATUS(out.append(format.substr(i, end - i)));
      i = end;
      continue;
    }
    if (i + 1 < format.size() && format[i + 1] == c) {
      WHET_TRY_STATUS(out.append(format.substr(i, 1)));
      i += 2;
      continue;
    }
    const size_t close = format.find('}', i);
    if (c == '}' || close == std::string_view::npos)
      return template_error("unbalanced brace in the format");
    const std::string field(format.substr(i + 1, close - i - 1));
    i = close + 1;
    const Value* value = nullptr;
    if (field.find_first_of(".[:!{") != std::string::npos) {
      return template_error(fmt::format("unsupported format field '{{{}}}'", field));
    }
    const auto index =
        field.empty() ? std::optional<int64_t>(static_cast<int64_t>(next++)) : parse_integer(field);
    if (index && *index >= 0 && static_cast<size_t>(*index) < arguments.positional.size()) {
      value = &arguments.positional[static_cast<size_t>(*index)];
    }
    for (const auto& [name, keyword] : arguments.keyword) {
      if (name == field) value = &keyword;
    }
    if (!value) return template_error(fmt::format("no value for the format field '{{{}}}'", field));
    WHET_TRY_STATUS(runtime.charge(1));
    WHET_TRY_STATUS(append_text(out, *value));
  }
  return out.finish();
}

}  // namespace whet::jinja
