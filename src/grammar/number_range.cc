#include "grammar/number_range.h"

#include <algorithm>

#include "base/check.h"

namespace whet::grammar {
namespace {

constexpr size_t kExactDigits = 15;  // decimals of so many digits are different doubles

CodePoints digits(char low, char high) {
  return CodePoints{{static_cast<char32_t>(low), static_cast<char32_t>(high)}};
}

/// Numbers that are not negative and have a given count of digits before the point.
class Writer {
 public:
  Writer(RuleSet& rules, const std::optional<Bound>& low, const std::optional<Bound>& high,
         size_t n_whole, bool integer)
      : rules_(rules), low_(low), high_(high), n_whole_(n_whole) {
    if (integer) return;
    size_t n_fraction = n_whole < kExactDigits ? kExactDigits - n_whole : 0;
    for (const auto& bound : {low, high}) {
      if (bound.has_value()) n_fraction = std::max(n_fraction, bound->value.fraction.size() + 1);
    }
    n_fraction_ = n_fraction;
  }

  std::optional<ExprId> write() {
    // A bound that has as many digits holds digit by digit; one that has other digits, by length.
    bool low_holds = false, high_holds = false;
    if (low_.has_value()) {
      if (low_->value.whole.size() > n_whole_) return std::nullopt;
      low_holds = low_->value.whole.size() == n_whole_;
    }
    if (high_.has_value()) {
      if (high_->value.whole.size() < n_whole_) return std::nullopt;
      high_holds = high_->value.whole.size() == n_whole_;
    }
    return rest(0, low_holds, high_holds);
  }

 private:
  size_t n_digits() const { return n_whole_ + n_fraction_; }

  /// Digit i of a bound; zeros behind its last.
  char digit_of(const Bound& bound, size_t i) const {
    if (i < n_whole_) return bound.value.whole[i];
    return i - n_whole_ < bound.value.fraction.size() ? bound.value.fraction[i - n_whole_] : '0';
  }
  /// Whether only zeros are left in the bound from digit i on.
  bool is_used_up(const Bound& bound, size_t i) const {
    return i >= n_whole_ + bound.value.fraction.size();
  }

  /// What may follow the first i digits. A bound holds while the digits so far are its own.
  std::optional<ExprId> rest(size_t i, bool low_holds, bool high_holds) {
    if (low_holds && is_used_up(*low_, i) && !low_->exclusive) low_holds = false;
    if (!low_holds && !high_holds) return free_rest(i);
    std::vector<ExprId> alternatives;
    if (i >= n_whole_ && may_end(i, low_holds, high_holds)) alternatives.push_back(rules_.empty());
    if (i < n_digits()) {
      if (auto more = next_digit(i, low_holds, high_holds)) {
        alternatives.push_back(i == n_whole_ ? rules_.sequence({rules_.literal("."), *more})
                                             : *more);
      }
    }
    if (alternatives.empty()) return std::nullopt;
    return rules_.any_of(std::move(alternatives));
  }

  bool may_end(size_t i, bool low_holds, bool high_holds) const {
    if (low_holds) return false;  // the bound has more, or must be exceeded
    return !high_holds || !high_->exclusive || !is_used_up(*high_, i);
  }

  std::optional<ExprId> next_digit(size_t i, bool low_holds, bool high_holds) {
    const char least = low_holds ? digit_of(*low_, i) : (i == 0 && n_whole_ > 1 ? '1' : '0');
    const char most = high_holds ? digit_of(*high_, i) : '9';
    if (least > most) return std::nullopt;
    std::vector<ExprId> alternatives;
    auto add = [&](char low, char high, bool low_still, bool high_still) {
      if (low > high) return;
      const auto after = rest(i + 1, low_still, high_still);
      if (after.has_value()) {
        alternatives.push_back(rules_.sequence({rules_.one_of(digits(low, high)), *after}));
      }
    };
    auto next = [](char c) { return static_cast<char>(c + 1); };
    auto before = [](char c) { return static_cast<char>(c - 1); };
    if (least == most) {
      add(least, most, low_holds, high_holds);
    } else {
      if (low_holds) add(least, least, true, false);
      add(low_holds ? next(least) : least, high_holds ? before(most) : most, false, false);
      if (high_holds) add(most, most, false, true);
    }
    if (alternatives.empty()) return std::nullopt;
    return rules_.any_of(std::move(alternatives));
  }

  ExprId free_rest(size_t i) {
    const ExprId digit = rules_.one_of(digits('0', '9'));
    std::vector<ExprId> parts;
    if (i < n_whole_) {
      if (i == 0 && n_whole_ > 1) {
        parts.push_back(rules_.one_of(digits('1', '9')));
        ++i;
      }
      const auto n = static_cast<uint32_t>(n_whole_ - i);
      parts.push_back(rules_.repeat(digit, n, n));
      i = n_whole_;
    }
    if (const auto left = static_cast<uint32_t>(n_digits() - i); left > 0) {
      if (i == n_whole_) {
        parts.push_back(
            rules_.optional(rules_.sequence({rules_.literal("."), rules_.repeat(digit, 1, left)})));
      } else {
        parts.push_back(rules_.repeat(digit, 0, left));
      }
    }
    return rules_.sequence(std::move(parts));
  }

  RuleSet& rules_;
  const std::optional<Bound>& low_;
  const std::optional<Bound>& high_;
  size_t n_whole_;
  size_t n_fraction_ = 0;
};

/// Alternatives of the numbers that are not negative.
void add_magnitudes(RuleSet& rules, const std::optional<Bound>& low,
                    const std::optional<Bound>& high, bool integer, std::string_view sign,
                    std::vector<ExprId>& alternatives) {
  size_t most = kMaxWholeDigits;
  if (low.has_value()) most = std::max(most, low->value.whole.size());
  if (high.has_value()) most = high->value.whole.size();
  for (size_t n_whole = 1; n_whole <= most; ++n_whole) {
    if (const auto found = Writer(rules, low, high, n_whole, integer).write()) {
      alternatives.push_back(rules.sequence({rules.literal(sign), *found}));
    }
  }
}

}  // namespace

std::optional<ExprId> add_number_range(RuleSet& rules, const NumberRange& range) {
  WHET_CHECK(range.low.has_value() || range.high.has_value());
  std::vector<ExprId> alternatives;
  auto flipped = [](const std::optional<Bound>& bound) -> std::optional<Bound> {
    if (!bound.has_value()) return std::nullopt;
    return Bound{bound->value.negated(), bound->exclusive};
  };
  const Bound zero{{false, "0", ""}, false}, above_zero{{false, "0", ""}, true};
  // Negative numbers are those whose magnitudes lie between the negated bounds.
  if (!range.low.has_value() || range.low->value.negative) {
    const bool up_to_zero = !range.high.has_value() || !range.high->value.negative;
    const std::optional<Bound> least = up_to_zero ? above_zero : flipped(range.high);
    add_magnitudes(rules, least, flipped(range.low), range.integer, "-", alternatives);
  }
  if (!range.high.has_value() || !range.high->value.negative) {
    const bool from_zero = !range.low.has_value() || range.low->value.negative;
    add_magnitudes(rules, from_zero ? std::optional<Bound>(zero) : range.low, range.high,
                   range.integer, "", alternatives);
  }
  if (alternatives.empty()) return std::nullopt;
  return rules.any_of(std::move(alternatives));
}

}  // namespace whet::grammar
