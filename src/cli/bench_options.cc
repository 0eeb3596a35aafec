#include "cli/bench_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace whet {
namespace {

Error bad_list(std::string_view flag, const std::string& text) {
  return Error(
      ErrorCode::kInvalidArgument,
      fmt::format("{}: expected numbers as 512 or 128,512 or 1-8+1, found \"{}\"", flag, text));
}

}  // namespace

bool is_bench_form(std::string_view output) {
  return std::ranges::find(kBenchForms, output) != std::end(kBenchForms);
}

std::optional<int64_t> parse_count(std::string_view text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > (1 << 28))
    return std::nullopt;
  return value;
}

Result<std::vector<int64_t>> parse_counts(std::string_view flag, const std::string& text) {
  std::vector<int64_t> values;
  std::string_view rest = text;
  while (true) {
    std::string_view item = rest.substr(0, rest.find(','));
    size_t dash = item.find('-'), plus = item.find('+');
    auto first = parse_count(item.substr(0, dash));
    auto last =
        dash == item.npos
            ? first
            : parse_count(item.substr(dash + 1, plus == item.npos ? plus : plus - dash - 1));
    auto step = plus == item.npos ? std::optional<int64_t>(1) : parse_count(item.substr(plus + 1));
    if (!first || !last || !step || *step < 1 || *last < *first || (*last - *first) / *step > 1000)
      return bad_list(flag, text);
    for (int64_t v = *first; v <= *last; v += *step) values.push_back(v);
    if (item.size() == rest.size()) return values;
    rest.remove_prefix(item.size() + 1);
  }
}

Result<int> parse_threads(const std::string& text) {
  const auto threads = parse_count(text);
  if (threads && *threads <= kMaxThreads) return static_cast<int>(*threads);
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("-t: expected 0 to {}, found \"{}\"", kMaxThreads, text));
}

}  // namespace whet
