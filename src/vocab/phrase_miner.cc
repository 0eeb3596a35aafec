#include "vocab/phrase_miner.h"

#include <algorithm>
#include <compare>
#include <queue>

#include "base/check.h"

namespace whet::vocab {
namespace {

constexpr TokenId kEndOfText = -1;

/// The corpus as one stream, with a mark behind each text.
class Stream {
 public:
  explicit Stream(std::span<const Ids> texts) {
    for (const Ids& text : texts) {
      ids_.insert(ids_.end(), text.begin(), text.end());
      ids_.push_back(kEndOfText);
    }
    WHET_CHECK(ids_.size() < UINT32_MAX);
    taken_.assign(ids_.size(), false);
  }

  /// Positions at which n tokens of one text stand.
  std::vector<uint32_t> positions(size_t n) const {
    std::vector<uint32_t> found;
    size_t run = 0;  // tokens since the last mark, up to and with this one
    for (size_t i = 0; i < ids_.size(); ++i) {
      run = ids_[i] == kEndOfText ? 0 : run + 1;
      if (run >= n) found.push_back(static_cast<uint32_t>(i + 1 - n));
    }
    return found;
  }

  std::span<const TokenId> at(uint32_t position, size_t n) const {
    return std::span(ids_).subspan(position, n);
  }

  /// Of ascending positions those that are free and do not overlap, leftmost first.
  template <class F>
  void for_each_free(std::span<const uint32_t> positions, size_t n, F f) const {
    size_t end = 0;
    for (const uint32_t p : positions) {
      if (p < end) continue;
      bool is_free = true;
      for (size_t i = 0; i < n; ++i) is_free = is_free && !taken_[p + i];
      if (!is_free) continue;
      end = p + n;
      f(p);
    }
  }
  void take(uint32_t position, size_t n) {
    std::fill_n(taken_.begin() + static_cast<std::ptrdiff_t>(position), n, true);
  }

 private:
  Ids ids_;
  std::vector<bool> taken_;
};

std::strong_ordering compare(std::span<const TokenId> a, std::span<const TokenId> b) {
  return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end());
}

/// All places of one run of n tokens, ascending: [begin, end) of the sorted positions of n.
struct Candidate {
  int64_t saving;  // at most: what it was when it was last counted
  size_t n;
  uint32_t begin, end;
  std::span<const TokenId> ids;

  bool operator<(const Candidate& other) const {
    if (saving != other.saving) return saving < other.saving;
    if (n != other.n) return n < other.n;
    return compare(ids, other.ids) > 0;
  }
};

}  // namespace

std::vector<Phrase> mine_phrases(std::span<const Ids> texts, const MiningOptions& options) {
  WHET_CHECK(options.most_tokens >= 2 && options.least_count >= 2);
  Stream stream(texts);
  std::vector<std::vector<uint32_t>> sorted(options.most_tokens + 1);
  std::priority_queue<Candidate> candidates;
  for (size_t n = 2; n <= options.most_tokens; ++n) {
    auto& positions = sorted[n] = stream.positions(n);
    std::ranges::sort(positions, [&](uint32_t a, uint32_t b) {
      const auto order = compare(stream.at(a, n), stream.at(b, n));
      return order != 0 ? order < 0 : a < b;
    });
    for (size_t begin = 0; begin < positions.size();) {
      size_t end = begin + 1;
      const auto ids = stream.at(positions[begin], n);
      while (end < positions.size() && compare(stream.at(positions[end], n), ids) == 0) ++end;
      const auto count = static_cast<int64_t>(end - begin);
      if (count >= options.least_count) {
        candidates.push({count * static_cast<int64_t>(n - 1), n, static_cast<uint32_t>(begin),
                         static_cast<uint32_t>(end), ids});
      }
      begin = end;
    }
  }
  std::vector<Phrase> phrases;
  while (!candidates.empty() && phrases.size() < options.n_phrases) {
    Candidate best = candidates.top();
    candidates.pop();
    const auto places = std::span(sorted[best.n]).subspan(best.begin, best.end - best.begin);
    int64_t count = 0;
    stream.for_each_free(places, best.n, [&](uint32_t) { ++count; });
    if (count < options.least_count) continue;
    const int64_t saving = count * static_cast<int64_t>(best.n - 1);
    if (saving < best.saving) {  // others took some of its places; it waits for its new turn
      best.saving = saving;
      candidates.push(best);
      continue;
    }
    std::vector<uint32_t> taken;
    stream.for_each_free(places, best.n, [&](uint32_t p) { taken.push_back(p); });
    for (const uint32_t p : taken) stream.take(p, best.n);
    phrases.push_back({Ids(best.ids.begin(), best.ids.end()), count});
  }
  return phrases;
}

}  // namespace whet::vocab
