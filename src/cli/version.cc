#include "cli/version.h"

#include "commit.h"

namespace whet {

std::string version_string() {
  return WHET_VERSION;
}

std::optional<std::string> commit_hash() {
  return *WHET_COMMIT ? std::optional<std::string>(WHET_COMMIT) : std::nullopt;
}

std::optional<bool> commit_is_dirty() {
  return WHET_DIRTY;
}

std::string commit_string() {
  const auto hash = commit_hash();
  if (!hash) return "unknown (no git)";
  return hash->substr(0, 12) + (commit_is_dirty().value_or(false) ? " with local changes" : "");
}

std::string build_type() {
  return WHET_BUILD_TYPE;
}

std::string build_flags() {
  return WHET_BUILD_FLAGS;
}

std::string compiler_string() {
#if defined(__clang__)
  return std::string("clang ") + __clang_version__;
#else
  return std::string("g++ ") + __VERSION__;
#endif
}

}  // namespace whet
