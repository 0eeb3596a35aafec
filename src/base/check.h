// Checks for programmer errors. Reaching one from any input is a bug.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace whet::detail {
[[noreturn]] inline void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "whet: internal error: check failed: %s (%s:%d)\n", condition, file, line);
  std::abort();
}
}  // namespace whet::detail

#define WHET_CHECK(condition) \
  ((condition) ? (void)0 : ::whet::detail::check_failed(#condition, __FILE__, __LINE__))
#define WHET_UNREACHABLE() ::whet::detail::check_failed("unreachable", __FILE__, __LINE__)
#ifdef WHET_DCHECKS
#define WHET_DCHECK(condition) WHET_CHECK(condition)
#else
#define WHET_DCHECK(condition) ((void)sizeof(condition))
#endif
