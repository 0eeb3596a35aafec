#include "formats/stray_download.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string>

namespace whet {
namespace {

constexpr std::string_view kLfsPointer = "version https://git-lfs.github.com/spec/";
constexpr size_t kLongestHead = 64;

bool looks_like_html(std::string_view head) {
  head.remove_prefix(std::min(head.find_first_not_of(" \t\r\n"), head.size()));
  std::string begin(head.substr(0, kLongestHead));
  std::transform(begin.begin(), begin.end(), begin.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return begin.starts_with("<!doctype html") || begin.starts_with("<html");
}

}  // namespace

std::optional<Error> stray_download(std::string_view path, std::string_view head) {
  if (head.starts_with(kLfsPointer)) {
    return Error(ErrorCode::kInvalidModel,
                 fmt::format("{}: a pointer of Git LFS, not the file itself; run \"git lfs pull\" "
                             "in the clone",
                             path));
  }
  if (looks_like_html(head)) {
    return Error(ErrorCode::kInvalidModel,
                 fmt::format("{}: an HTML page, not a model; download the file behind the page's "
                             "link (of Hugging Face: .../resolve/main/FILE, not .../blob/...)",
                             path));
  }
  return std::nullopt;
}

}  // namespace whet
