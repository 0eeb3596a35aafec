// CodePoints: a set of Unicode scalar values, and its spelling as UTF-8 bytes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

namespace whet::grammar {

/// Surrogates are never members: UTF-8 cannot spell them.
class CodePoints {
 public:
  struct Range {
    char32_t low;
    char32_t high;  // inclusive
    bool operator==(const Range&) const = default;
  };

  CodePoints() = default;
  CodePoints(std::initializer_list<Range> ranges)
      : CodePoints(std::vector<Range>(ranges.begin(), ranges.end())) {}
  /// In any order; low <= high <= U+10FFFF in each.
  explicit CodePoints(const std::vector<Range>& ranges);

  static CodePoints all();

  void add(const CodePoints& other);

  CodePoints complement() const;
  CodePoints without(const CodePoints& other) const;
  bool contains(char32_t c) const;
  bool empty() const { return ranges_.empty(); }
  /// Ascending, neither overlapping nor touching.
  const std::vector<Range>& ranges() const { return ranges_; }

 private:
  void normalise();

  std::vector<Range> ranges_;
};

struct ByteRange {
  uint8_t low;
  uint8_t high;  // inclusive
  auto operator<=>(const ByteRange&) const = default;
};

/// The UTF-8 spellings of a set: it is the union of the products of these sequences of byte ranges.
std::vector<std::vector<ByteRange>> utf8_sequences(const CodePoints& set);

}  // namespace whet::grammar
