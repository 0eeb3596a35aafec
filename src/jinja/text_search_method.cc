// Methods of str that search: find, count, replace, split, partition.
#include <algorithm>
#include <optional>

#include "jinja/method.h"
#include "jinja/unicode.h"

namespace whet::jinja {
namespace {

constexpr auto kNowhere = std::string_view::npos;

/// Searching backwards costs the product of the lengths at worst.
Status charge_backward(Runtime& runtime, std::string_view text, std::string_view needle) {
  return runtime.charge(static_cast<int64_t>(text.size() / 64 * (needle.size() / 16 + 1)));
}

using Pieces = std::vector<std::string_view>;

Pieces split_space(std::string_view text, int64_t limit) {
  Pieces pieces;
  text.remove_prefix(leading_space(text));
  while (!text.empty()) {
    if (limit >= 0 && static_cast<int64_t>(pieces.size()) == limit) {
      pieces.push_back(text);
      break;
    }
    size_t end = 0;
    while (end < text.size()) {
      const auto c = decode_at(text, end);
      if (is_space(c.value)) break;
      end += c.n_bytes;
    }
    pieces.push_back(text.substr(0, end));
    text.remove_prefix(end);
    text.remove_prefix(leading_space(text));
  }
  return pieces;
}

Pieces split_space_backward(std::string_view text, int64_t limit) {
  if (limit < 0) return split_space(text, limit);
  const auto all = split_space(text, -1);
  const auto n_tail = std::min(all.size(), static_cast<size_t>(limit));
  Pieces pieces;
  if (n_tail < all.size()) {
    const auto& last = all[all.size() - n_tail - 1];
    pieces.push_back(text.substr(0, static_cast<size_t>(last.data() + last.size() - text.data())));
  }
  pieces.insert(pieces.end(), all.end() - static_cast<std::ptrdiff_t>(n_tail), all.end());
  return pieces;
}

Pieces split_at(std::string_view text, std::string_view separator, int64_t limit) {
  Pieces pieces;
  size_t start = 0;
  while (limit < 0 || static_cast<int64_t>(pieces.size()) < limit) {
    const size_t found = find_bytes(text, separator, start);
    if (found == kNowhere) break;
    pieces.push_back(text.substr(start, found - start));
    start = found + separator.size();
  }
  pieces.push_back(text.substr(start));
  return pieces;
}

Pieces split_at_backward(std::string_view text, std::string_view separator, int64_t limit) {
  Pieces pieces;
  while (limit < 0 || static_cast<int64_t>(pieces.size()) < limit) {
    const size_t found = text.rfind(separator);
    if (found == kNowhere) break;
    pieces.push_back(text.substr(found + separator.size()));
    text = text.substr(0, found);
  }
  pieces.push_back(text);
  std::reverse(pieces.begin(), pieces.end());
  return pieces;
}

Result<Value> list_of(Runtime& runtime, const Pieces& pieces) {
  WHET_TRY_STATUS(runtime.charge(2 * static_cast<int64_t>(pieces.size())));
  std::vector<Value> items;
  for (auto piece : pieces) {
    WHET_TRY(auto text, runtime.text(std::string(piece)));
    items.push_back(std::move(text));
  }
  return runtime.list(std::move(items));
}

Result<Value> split_any(Runtime& runtime, const Value& self, const Arguments& arguments,
                        bool forward) {
  WHET_TRY(const auto bound, bind(arguments, {"sep", "maxsplit"}));
  WHET_TRY(const auto limit, integer_argument(bound[1], "maxsplit", -1));
  const auto text = bytes_of(self);
  WHET_TRY_STATUS(runtime.charge_characters(text.size()));
  if (!bound[0] || bound[0]->is_none()) {
    return list_of(runtime, forward ? split_space(text, limit) : split_space_backward(text, limit));
  }
  WHET_TRY(const auto separator, text_argument(bound[0], "sep"));
  if (separator.empty()) return template_error("empty separator");
  if (!forward) WHET_TRY_STATUS(charge_backward(runtime, text, separator));
  return list_of(runtime, forward ? split_at(text, separator, limit)
                                  : split_at_backward(text, separator, limit));
}

Result<Value> split(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return split_any(runtime, self, arguments, true);
}
Result<Value> rsplit(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return split_any(runtime, self, arguments, false);
}

Result<Value> split_into_lines(Runtime& runtime, const Value& self, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"keepends"}));
  WHET_TRY_STATUS(runtime.charge_characters(bytes_of(self).size()));
  if (!flag_argument(bound[0], false)) return list_of(runtime, split_lines(bytes_of(self)));
  Pieces lines = split_lines(bytes_of(self));
  const auto text = bytes_of(self);
  for (size_t i = 0; i < lines.size(); ++i) {
    const char* end = i + 1 < lines.size() ? lines[i + 1].data() : text.data() + text.size();
    lines[i] = std::string_view(lines[i].data(), static_cast<size_t>(end - lines[i].data()));
  }
  return list_of(runtime, lines);
}

Result<Value> partition_any(Runtime& runtime, const Value& self, const Arguments& arguments,
                            bool forward) {
  WHET_TRY(const auto bound, bind(arguments, {"sep"}, 1));
  WHET_TRY(const auto separator, text_argument(bound[0], "sep"));
  if (separator.empty()) return template_error("empty separator");
  const auto text = bytes_of(self);
  if (!forward) WHET_TRY_STATUS(charge_backward(runtime, text, separator));
  const size_t found = forward ? find_bytes(text, separator) : text.rfind(separator);
  Pieces pieces = {text, "", ""};
  if (found != kNowhere) {
    pieces = {text.substr(0, found), separator, text.substr(found + separator.size())};
  } else if (!forward) {
    std::swap(pieces[0], pieces[2]);
  }
  WHET_TRY(const auto list, list_of(runtime, pieces));
  return runtime.sequence(SequenceKind::kTuple, list.sequence()->items);
}

Result<Value> partition(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return partition_any(runtime, self, arguments, true);
}
Result<Value> rpartition(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return partition_any(runtime, self, arguments, false);
}

/// Index of `sub` in code points, or nullopt.
Result<std::optional<int64_t>> find_index(Runtime& runtime, const Value& self,
                                          const Arguments& arguments, bool forward) {
  WHET_TRY(const auto bound, bind(arguments, {"sub", "start"}, 1));
  WHET_TRY(const auto needle, text_argument(bound[0], "sub"));
  WHET_TRY(auto start, integer_argument(bound[1], "start", 0));
  const auto text = bytes_of(self);
  if (start < 0)
    start = std::max<int64_t>(0, start + static_cast<int64_t>(count_code_points(text)));
  const size_t from = byte_offset(text, static_cast<size_t>(start));
  if (!forward) WHET_TRY_STATUS(charge_backward(runtime, text, needle));
  const size_t found = forward ? find_bytes(text, needle, from) : text.rfind(needle);
  if (found == kNowhere || found < from) return std::optional<int64_t>();
  return std::optional<int64_t>(static_cast<int64_t>(count_code_points(text.substr(0, found))));
}

template <bool forward, bool required>
Result<Value> find(Runtime& runtime, const Value& self, const Arguments& arguments) {
  WHET_TRY(const auto index, find_index(runtime, self, arguments, forward));
  if (!index && required) return template_error("substring not found");
  return Value(index.value_or(-1));
}

Result<Value> count(Runtime&, const Value& self, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"sub"}, 1));
  WHET_TRY(const auto needle, text_argument(bound[0], "sub"));
  const auto text = bytes_of(self);
  if (needle.empty()) return Value(static_cast<int64_t>(count_code_points(text)) + 1);
  int64_t n = 0;
  for (size_t i = find_bytes(text, needle); i != kNowhere;
       i = find_bytes(text, needle, i + needle.size()))
    ++n;
  return Value(n);
}

Result<Value> replace_text(Runtime& runtime, std::string_view text, std::string_view old_text,
                           std::string_view new_text, int64_t limit) {
  TextBuilder out(runtime);
  size_t start = 0;
  for (int64_t n = 0; limit < 0 || n < limit; ++n) {
    size_t found = find_bytes(text, old_text, start);
    if (old_text.empty() && n > 0) {
      found = start < text.size() ? start + decode_at(text, start).n_bytes : kNowhere;
    }
    if (found == kNowhere) break;
    WHET_TRY_STATUS(out.append(text.substr(start, found - start)));
    WHET_TRY_STATUS(out.append(new_text));
    start = found + old_text.size();
  }
  WHET_TRY_STATUS(out.append(text.substr(start)));
  return out.finish();
}

Result<Value> replace_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"old", "new", "count"}, 2));
  WHET_TRY(const auto old_text, text_argument(bound[0], "old"));
  WHET_TRY(const auto new_text, text_argument(bound[1], "new"));
  WHET_TRY(const auto limit, integer_argument(bound[2], "count", -1));
  return replace_text(runtime, bytes_of(self), old_text, new_text, limit);
}

struct SearchMethod {
  std::string_view name;
  Builtin method;
};

constexpr SearchMethod kSearchMethods[] = {
    {"count", count},
    {"find", find<true, false>},
    {"index", find<true, true>},
    {"partition", partition},
    {"replace", replace_method},
    {"rfind", find<false, false>},
    {"rindex", find<false, true>},
    {"rpartition", rpartition},
    {"rsplit", rsplit},
    {"split", split},
    {"splitlines", split_into_lines},
};

}  // namespace

Builtin find_text_search_method(std::string_view name) {
  for (const auto& [known, method] : kSearchMethods) {
    if (known == name) return method;
  }
  return nullptr;
}

}  // namespace whet::jinja
