// Reference: a model by name, as a user writes it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace whet::hub {

enum class Origin { kHuggingFace, kOllama, kUrl };

struct Reference {
  Origin origin = Origin::kUrl;
  // Hugging Face: "user/repo"; Ollama: "namespace/name"; else the address.
  std::string name;
  std::string revision;  // of Hugging Face, "main" if none was given
  std::string variant;   // quantisation ("Q4_K_M") or file name of Hugging Face, tag of Ollama
  std::string host;      // of an Ollama registry

  /// As the user may write it, in its short form.
  std::string text() const;
};

/// "hf:user/repo[@revision][:quant]", "ollama:[host/][namespace/]name[:tag]", "https://...".
/// Errors (kInvalidArgument): anything else, or a part that could leave the store's directory.
Result<Reference> parse_reference(std::string_view text);

/// Whether `text` has one of the prefixes above, so that it is no path.
bool is_reference(std::string_view text);

/// A relative path of a file inside a repository: no empty part, "." or "..", no control character
/// or backslash.
bool is_safe_path(std::string_view path);
/// 64 lower-case hex digits.
bool is_sha256(std::string_view text);

}  // namespace whet::hub
