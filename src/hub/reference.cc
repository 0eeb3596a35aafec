#include "hub/reference.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"

namespace whet::hub {
namespace {

constexpr std::string_view kHf = "hf:", kOllama = "ollama:";
constexpr std::string_view kOllamaHost = "registry.ollama.ai", kOllamaNamespace = "library";
constexpr size_t kMaxPart = 96;

/// A name that is one part of a path on every system.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxPart && is_letter_or_digit(text.front()) &&
         text.find("..") == text.npos && std::all_of(text.begin(), text.end(), [](char c) {
           return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.';
         });
}

bool is_host(std::string_view text) {
  const size_t colon = text.find(':');
  const std::string_view port = colon == text.npos ? "80" : text.substr(colon + 1);
  return is_name(text.substr(0, colon)) && !port.empty() && port.size() <= 5 &&
         std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Error wrong(std::string_view text, std::string_view expected) {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("expected {}, found \"{}\"", expected, text));
}

Result<Reference> parse_hf(std::string_view text) {
  constexpr std::string_view kForm = "hf:USER/REPO[@REVISION][:QUANT or FILE]";
  Reference reference{Origin::kHuggingFace, {}, "main", {}, {}};
  std::string_view rest = text.substr(kHf.size());
  if (const size_t colon = rest.find(':'); colon != rest.npos) {
    reference.variant = rest.substr(colon + 1);
    if (!is_safe_path(reference.variant)) return wrong(text, kForm);
    rest = rest.substr(0, colon);
  }
  if (const size_t at = rest.find('@'); at != rest.npos) {
    reference.revision = rest.substr(at + 1);
    if (!is_safe_path(reference.revision)) return wrong(text, kForm);
    rest = rest.substr(0, at);
  }
  const size_t slash = rest.find('/');
  if (slash == rest.npos || !is_name(rest.substr(0, slash)) || !is_name(rest.substr(slash + 1))) {
    return wrong(text, kForm);
  }
  reference.name = rest;
  return reference;
}

Result<Reference> parse_ollama(std::string_view text) {
  constexpr std::string_view kForm = "ollama:[HOST/][NAMESPACE/]NAME[:TAG]";
  Reference reference{Origin::kOllama, {}, {}, "latest", std::string(kOllamaHost)};
  std::string_view rest = text.substr(kOllama.size());
  const auto n_slashes = std::count(rest.begin(), rest.end(), '/');
  if (n_slashes > 2) return wrong(text, kForm);
  if (n_slashes == 2) {
    reference.host = rest.substr(0, rest.find('/'));
    if (!is_host(reference.host)) return wrong(text, kForm);
    rest.remove_prefix(reference.host.size() + 1);
  }
  std::string ns(kOllamaNamespace);
  if (n_slashes > 0) {
    ns = rest.substr(0, rest.find('/'));
    rest.remove_prefix(ns.size() + 1);
  }
  if (const size_t colon = rest.find(':'); colon != rest.npos) {
    reference.variant = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
  }
  if (!is_name(ns) || !is_name(rest) || !is_name(reference.variant)) return wrong(text, kForm);
  reference.name = ns + "/" + std::string(rest);
  return reference;
}

}  // namespace

std::string Reference::text() const {
  switch (origin) {
    case Origin::kHuggingFace:
      return fmt::format("hf:{}{}{}", name, revision == "main" ? "" : "@" + revision,
                         variant.empty() ? "" : ":" + variant);
    case Origin::kOllama: {
      const bool is_library = name.starts_with("library/") && host == kOllamaHost;
      return fmt::format("ollama:{}{}:{}", host == kOllamaHost ? "" : host + "/",
                         is_library ? name.substr(kOllamaNamespace.size() + 1) : name, variant);
    }
    case Origin::kUrl:
      return name;
  }
  WHET_UNREACHABLE();
}

bool is_reference(std::string_view text) {
  return text.starts_with(kHf) || (text.starts_with(kOllama) && !text.starts_with("ollama://"));
}

Result<Reference> parse_reference(std::string_view text) {
  if (text.starts_with(kHf)) return parse_hf(text);
  if (text.starts_with("https://") || text.starts_with("http://")) {
    return Reference{Origin::kUrl, std::string(text), {}, {}, {}};
  }
  if (is_reference(text)) return parse_ollama(text);
  return wrong(text, "hf:USER/REPO[:QUANT], ollama:NAME[:TAG] or https://HOST/FILE.gguf");
}

bool is_safe_path(std::string_view path) {
  if (path.empty() || path.size() > 1024) return false;
  for (const char c : path) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f || c == '\\') return false;
  }
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == ".." || part.size() > 255) return false;
    if (slash == path.npos) return true;
    path.remove_prefix(slash + 1);
  }
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace whet::hub
