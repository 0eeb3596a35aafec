// Seeded random texts: all of Unicode, white space and digits more often than their share, and
// plain bytes.
#pragma once

#include <string>

#include "base/rng.h"
#include "token/utf8.h"

namespace whet::token_test {

class RandomText {
 public:
  explicit RandomText(uint64_t seed) : rng_(seed, 0) {}

  uint64_t below(uint64_t n) { return rng_.bits(counter_++) % n; }

  std::string utf8(size_t max_chars) {
    std::string text;
    for (size_t n = below(max_chars + 1); n > 0; --n) append_utf8(text, code_point());
    return text;
  }

  std::string bytes(size_t max_bytes) {
    std::string text;
    for (size_t n = below(max_bytes + 1); n > 0; --n) text.push_back(static_cast<char>(below(256)));
    return text;
  }

 private:
  char32_t code_point() {
    switch (below(10)) {
      case 0:
      case 1:
      case 2:
        return static_cast<char32_t>('a' + below(26));
      case 3:
        return ' ';
      case 4:
        return U"\n\r\t\u00A0\u2003\u3000\u0085"[below(7)];
      case 5:
        return static_cast<char32_t>('0' + below(10));
      case 6:
        return static_cast<char32_t>(0x20 + below(0x60));
      case 7:
        return static_cast<char32_t>(0x80 + below(0x800));
      case 8:
        return static_cast<char32_t>(0x10000 + below(0x100000));
      default: {
        const auto c = static_cast<char32_t>(0x800 + below(0xF800));
        return c >= 0xD800 && c < 0xE000 ? U'\uFFFD' : c;
      }
    }
  }

  CounterRng rng_;
  uint64_t counter_ = 0;
};

}  // namespace whet::token_test
