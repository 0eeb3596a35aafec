#include "grammar/code_points.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "token/utf8.h"

namespace whet::grammar {
namespace {

constexpr char32_t kLast = 0x10FFFF;
constexpr char32_t kSurrogateLow = 0xD800, kSurrogateHigh = 0xDFFF;

}  // namespace

CodePoints::CodePoints(const std::vector<Range>& ranges) {
  for (auto [low, high] : ranges) {
    WHET_CHECK(low <= high && high <= kLast);
    if (low < kSurrogateLow) ranges_.push_back({low, std::min<char32_t>(high, kSurrogateLow - 1)});
    if (high > kSurrogateHigh) {
      ranges_.push_back({std::max<char32_t>(low, kSurrogateHigh + 1), high});
    }
  }
  normalise();
}

CodePoints CodePoints::all() {
  return CodePoints{{0, kLast}};
}

void CodePoints::add(const CodePoints& other) {
  ranges_.insert(ranges_.end(), other.ranges_.begin(), other.ranges_.end());
  normalise();
}

void CodePoints::normalise() {
  std::sort(ranges_.begin(), ranges_.end(),
            [](const Range& a, const Range& b) { return a.low < b.low; });
  size_t n = 0;
  for (const Range& range : ranges_) {
    if (n > 0 && range.low <= ranges_[n - 1].high + 1) {
      ranges_[n - 1].high = std::max(ranges_[n - 1].high, range.high);
    } else {
      ranges_[n++] = range;
    }
  }
  ranges_.resize(n);
}

CodePoints CodePoints::complement() const {
  std::vector<Range> gaps;
  char32_t next = 0;
  for (const Range& range : ranges_) {
    if (next < range.low) gaps.push_back({next, range.low - 1});
    next = range.high + 1;
  }
  if (next <= kLast) gaps.push_back({next, kLast});
  return CodePoints(gaps);
}

CodePoints CodePoints::without(const CodePoints& other) const {
  CodePoints outside = complement();
  outside.add(other);
  return outside.complement();
}

bool CodePoints::contains(char32_t c) const {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [c](const Range& range) { return c >= range.low && c <= range.high; });
}

std::vector<std::vector<ByteRange>> utf8_sequences(const CodePoints& set) {
  std::vector<std::vector<ByteRange>> sequences;
  std::vector<CodePoints::Range> open(set.ranges().rbegin(), set.ranges().rend());
  // Ranges are halved until their first and last member agree in all bytes but those that run
  // through every value.
  while (!open.empty()) {
    const char32_t low = open.back().low, high = open.back().high;
    open.pop_back();
    auto split_after = [&](char32_t at) {
      open.push_back({at + 1, high});
      open.push_back({low, at});
    };
    bool split = false;
    for (char32_t last : {char32_t{0x7F}, char32_t{0x7FF}, char32_t{0xFFFF}}) {
      if (!split && low <= last && last < high) {
        split_after(last);
        split = true;
      }
    }
    for (int bits = 6; !split && high > 0x7F && bits <= 18; bits += 6) {
      const char32_t mask = (char32_t{1} << bits) - 1;
      if ((low & ~mask) == (high & ~mask)) continue;
      if ((low & mask) != 0) {
        split_after(low | mask);
        split = true;
      } else if ((high & mask) != mask) {
        split_after((high & ~mask) - 1);
        split = true;
      }
    }
    if (split) continue;
    std::string first, last;
    append_utf8(first, low);
    append_utf8(last, high);
    auto& sequence = sequences.emplace_back();
    for (size_t i = 0; i < first.size(); ++i) {
      sequence.push_back({static_cast<uint8_t>(first[i]), static_cast<uint8_t>(last[i])});
    }
  }
  return sequences;
}

}  // namespace whet::grammar
