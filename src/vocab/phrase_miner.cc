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
    begins_.assign(ids_.size(), 1);
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

  /// Of ascending positions those where a run of n tokens would take the place of two tokens of
  /// today's text or more, leftmost first, without overlaps. f(position, tokens saved).
  template <class F>
  void for_each_place(std::span<const uint32_t> positions, size_t n, F f) const {
    size_t end = 0;
    for (const uint32_t p : positions) {
      if (p < end || begins_[p] == 0 || begins_[p + n] == 0) continue;
      const auto first = begins_.begin() + static_cast<std::ptrdiff_t>(p);
      const auto n_today = std::count(first, first + static_cast<std::ptrdiff_t>(n), uint8_t{1});
      if (n_today < 2) continue;
      end = p + n;
      f(p, n_today - 1);
    }
  }
  void merge(uint32_t position, size_t n) {
    std::fill_n(begins_.begin() + static_cast<std::ptrdiff_t>(position) + 1, n - 1, uint8_t{0});
  }

 private:
  Ids ids_;
  std::vector<uint8_t> begins_;  // 1 where a token of today's text begins, as every mark does
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
  // What a phrase saves only falls as others are chosen, so that the top of the heap, counted anew
  // and still there, is the best of all.
  std::vector<Phrase> phrases;
  while (!candidates.empty() && phrases.size() < options.n_phrases) {
    Candidate best = candidates.top();
    candidates.pop();
    const auto places = std::span(sorted[best.n]).subspan(best.begin, best.end - best.begin);
    int64_t count = 0, saving = 0;
    stream.for_each_place(places, best.n, [&](uint32_t, int64_t saved) {
      ++count;
      saving += saved;
    });
    if (count < options.least_count) continue;
    if (saving < best.saving) {
      best.saving = saving;
      candidates.push(best);
      continue;
    }
    if (options.admits && !options.admits(best.ids)) continue;
    std::vector<uint32_t> chosen;
    stream.for_each_place(places, best.n, [&](uint32_t p, int64_t) { chosen.push_back(p); });
    for (const uint32_t p : chosen) stream.merge(p, best.n);
    phrases.push_back({Ids(best.ids.begin(), best.ids.end()), count, saving});
  }
  return phrases;
}

}  // namespace whet::vocab
