// Mask: a set of token ids that may come next.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace whet {

class Mask {
 public:
  /// Of a vocabulary of `size` tokens; nothing is allowed yet.
  explicit Mask(size_t size) : words_((size + 63) / 64, 0), size_(size) {}

  void allow(int32_t id) { words_[word(id)] |= bit(id); }
  /// Ids outside the vocabulary are not allowed: an embedding may have more rows than there are
  /// tokens.
  bool allows(int32_t id) const {
    return id >= 0 && static_cast<size_t>(id) < size_ && (words_[word(id)] & bit(id)) != 0;
  }
  size_t size() const { return size_; }
  size_t count() const {
    size_t n = 0;
    for (uint64_t w : words_) n += static_cast<size_t>(std::popcount(w));
    return n;
  }
  /// Bit i % 64 of word i / 64 is token i.
  std::span<const uint64_t> words() const { return words_; }

 private:
  static size_t word(int32_t id) { return static_cast<size_t>(id) / 64; }
  static uint64_t bit(int32_t id) { return uint64_t{1} << (static_cast<size_t>(id) % 64); }

  std::vector<uint64_t> words_;
  size_t size_;
};

}  // namespace whet
