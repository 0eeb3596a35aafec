// What this build is, for --version and for every result document.
#pragma once

#include <optional>
#include <string>

namespace whet {

std::string version_string();  // "0.1.0"
/// Of the sources at build time: 40 hex digits; none without git.
std::optional<std::string> commit_hash();
/// Whether tracked files differed from that commit.
std::optional<bool> commit_is_dirty();
std::string commit_string();    // for people: "0123456789ab with local changes", "unknown (no git)"
std::string build_type();       // "Release", "none"
std::string build_flags();      // of the compiler, without those that every build has
std::string compiler_string();  // "g++ 12.2.0"

}  // namespace whet
