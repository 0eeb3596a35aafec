#include "cli/version.h"

namespace whet {

std::string version_string() {
  return WHET_VERSION;
}

std::string commit_string() {
  return WHET_COMMIT;
}

std::string compiler_string() {
#if defined(__clang__)
  return std::string("clang ") + __clang_version__;
#else
  return std::string("g++ ") + __VERSION__;
#endif
}

}  // namespace whet
