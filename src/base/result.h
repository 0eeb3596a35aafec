// Result<T>: a value or an Error. WHET_TRY passes an error on to the caller.
#pragma once

#include <string_view>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/error.h"

namespace whet {

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return checked(*this); }
  const T& value() const& { return checked(*this); }
  T&& value() && { return std::move(checked(*this)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    WHET_CHECK(!ok());
    return std::get<1>(state_);
  }

  /// The same result with "frame: " before the error's message.
  Result with_context(std::string_view frame) && {
    if (ok()) return std::move(*this);
    return error().with_context(frame);
  }

 private:
  template <typename Self>
  static auto& checked(Self& self) {
    WHET_CHECK(self.ok());
    return std::get<0>(self.state_);
  }

  std::variant<T, Error> state_;
};

/// Result of an operation that yields nothing.
struct Unit {};
using Status = Result<Unit>;
inline Status ok_status() {
  return Unit{};
}

#define WHET_CONCAT_INNER(a, b) a##b
#define WHET_CONCAT(a, b) WHET_CONCAT_INNER(a, b)
/// WHET_TRY(auto x, f()): binds the value or returns the error from the enclosing function.
#define WHET_TRY(declaration, expression) \
  WHET_TRY_IMPL(WHET_CONCAT(whet_result_, __LINE__), declaration, expression)
#define WHET_TRY_IMPL(result, declaration, expression) \
  auto result = (expression);                          \
  if (!result.ok()) return result.error();             \
  declaration = std::move(result).value()
/// WHET_TRY_STATUS(f()): returns the error of a Status-like result from the enclosing function.
#define WHET_TRY_STATUS(expression)                                                     \
  do {                                                                                  \
    if (auto whet_status = (expression); !whet_status.ok()) return whet_status.error(); \
  } while (false)

}  // namespace whet
