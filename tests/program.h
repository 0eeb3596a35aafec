// The program as the tests of its commands run it: flags in, output and exit status out.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

namespace fs = std::filesystem;

inline const std::string kSource = WHET_SOURCE_DIR;
inline const std::string kDraft = kSource + "/models/whetstone-draft-q8_0.gguf";
inline const std::string kDraftDirectory = kSource + "/models/whetstone-draft";

struct Ran {
  int status;
  std::string out;  // stdout, and stderr where the arguments redirect it
};

inline Ran whet(const std::string& arguments, const std::string& environment = "") {
  // No input, unless the arguments redirect it: a prompt could come in there.
  std::string command = environment + " " + WHET_PROGRAM " </dev/null " + arguments;
  FILE* pipe = ::popen(command.c_str(), "r");
  std::string out;
  std::array<char, 4096> buffer;
  for (size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    out.append(buffer.data(), n);
  int status = ::pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), out};
}

inline fs::path scratch(const std::string& name) {
  fs::path path = fs::path(::testing::TempDir()) / ("whet-program-" + name);
  fs::remove_all(path);
  return path;
}
