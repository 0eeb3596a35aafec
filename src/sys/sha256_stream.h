// SHA-256 of bytes that come piece by piece.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"

namespace whet {

class Sha256Stream {
 public:
  /// Errors (kInternal): the crypto library fails.
  static Result<Sha256Stream> create();

  Status update(std::span<const std::byte> bytes);
  /// 64 lower-case hex digits of all that was given; nothing can be added afterwards.
  Result<std::string> finish();

 private:
  struct Deleter {
    void operator()(void* context) const;
  };
  explicit Sha256Stream(void* context) : context_(context) {}
  std::unique_ptr<void, Deleter> context_;
};

}  // namespace whet
