// What this build is, for --version and for every result document.
#pragma once

#include <string>

namespace whet {

std::string version_string();   // "0.1.0"
std::string commit_string();    // short hash, or "unknown (no git)"
std::string compiler_string();  // "g++ 12.2.0"

}  // namespace whet
