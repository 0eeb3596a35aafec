// LineReader: lines of a stream that comes in pieces of any size.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace whet::remote {

class LineReader {
 public:
  static constexpr size_t kMaxLineBytes = size_t{16} << 20;

  /// Calls `take(line)` for each line that is complete, without its end; false from `take` ends it.
  /// False where `take` said so or a line is longer than kMaxLineBytes.
  template <typename Take>
  bool push(std::string_view piece, const Take& take) {
    while (true) {
      const size_t end = piece.find('\n');
      if (end == piece.npos) {
        pending_ += piece;
        return pending_.size() <= kMaxLineBytes;
      }
      pending_ += piece.substr(0, end);
      piece.remove_prefix(end + 1);
      if (pending_.ends_with('\r')) pending_.pop_back();
      if (pending_.size() > kMaxLineBytes || !take(std::string_view(pending_))) return false;
      pending_.clear();
    }
  }

 private:
  std::string pending_;
};

}  // namespace whet::remote
