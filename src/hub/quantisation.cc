#include "hub/quantisation.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace whet::hub {
namespace {

constexpr std::string_view kSuffix = ".gguf";

std::string_view base_name(std::string_view file) {
  const size_t slash = file.rfind('/');
  return slash == file.npos ? file : file.substr(slash + 1);
}

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

bool digit_at(std::string_view text, size_t at) {
  return at < text.size() && text[at] >= '0' && text[at] <= '9';
}

/// "Q4_K_M", "IQ2_XXS", "TQ1_0", "BF16", "MXFP4".
bool is_quantisation(std::string_view word) {
  if (word == "F32" || word == "F16" || word == "BF16" || word.starts_with("MXFP4")) return true;
  if (word.starts_with("I") || word.starts_with("T")) word.remove_prefix(1);
  return word.starts_with("Q") && digit_at(word, 1) && (word.size() == 2 || word[2] == '_');
}

std::optional<int> number_of(std::string_view text) {
  int value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.size() != 5 || read.ec != std::errc() || read.ptr != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

std::optional<SplitPart> split_part_of(std::string_view file) {
  if (!file.ends_with(kSuffix)) return std::nullopt;
  file.remove_suffix(kSuffix.size());
  constexpr size_t kTail = std::string_view("-00001-of-00002").size();
  if (file.size() <= kTail) return std::nullopt;
  const std::string_view tail = file.substr(file.size() - kTail);
  const auto number = number_of(tail.substr(1, 5)), n_parts = number_of(tail.substr(10, 5));
  if (tail[0] != '-' || tail.substr(6, 4) != "-of-" || !number || !n_parts) return std::nullopt;
  return SplitPart{std::string(file.substr(0, file.size() - kTail)), *number, *n_parts};
}

std::string quantisation_of(std::string_view file) {
  const auto part = split_part_of(file);
  std::string name = upper(base_name(part ? std::string_view(part->stem) : file));
  if (name.ends_with(".GGUF")) name.resize(name.size() - kSuffix.size());
  std::string found;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find_first_of("-.", begin), name.size());
    const std::string_view word(name.data() + begin, end - begin);
    if (is_quantisation(word)) found = word;
    begin = end + 1;
  }
  return found;
}

bool is_model_file(std::string_view file) {
  const std::string name = upper(base_name(file));
  return name.ends_with(".GGUF") && name.find("MMPROJ") == name.npos &&
         name.find("IMATRIX") == name.npos;
}

}  // namespace whet::hub
