#include "remote/address.h"

#include <fmt/format.h>

#include "http/url.h"

namespace whet::remote {
namespace {

constexpr std::string_view kOllamaScheme = "ollama://";
constexpr int kOllamaPort = 11434;

Result<Address> parse_ollama(const std::string& text) {
  const std::string rest = text.substr(kOllamaScheme.size());
  const size_t slash = rest.find('/');
  const std::string host = rest.substr(0, slash);
  Address address{Dialect::kOllama, {}, slash == rest.npos ? "" : rest.substr(slash + 1), text};
  WHET_TRY(http::Url url, http::parse_url("http://" + host));
  const size_t bracket = host.rfind(']');
  const bool has_port = host.find(':', bracket == host.npos ? 0 : bracket) != host.npos;
  if (!has_port) url.port = kOllamaPort;
  address.base = url.origin();
  return address;
}

}  // namespace

bool is_address(std::string_view model) {
  return model.starts_with("http://") || model.starts_with("https://") ||
         model.starts_with(kOllamaScheme);
}

Result<Address> parse_address(const std::string& text) {
  const auto parsed = [&]() -> Result<Address> {
    if (text.starts_with(kOllamaScheme)) return parse_ollama(text);
    const size_t hash = text.find('#');
    WHET_TRY(http::Url url, http::parse_url(text.substr(0, hash)));
    if (url.target.find('?') != std::string::npos) {
      return Error(ErrorCode::kInvalidArgument, "expected no query behind the path, found one");
    }
    if (url.target == "/") url.target = "/v1";
    Address address{Dialect::kOpenAi, url.text(), "", text};
    while (address.base.ends_with('/')) address.base.pop_back();
    if (hash != std::string::npos) address.model = text.substr(hash + 1);
    return address;
  }();
  if (parsed.ok()) return parsed;
  return Error(parsed.error().code(),
               fmt::format("{}: expected http://HOST:PORT/v1#MODEL or ollama://HOST/MODEL: {}",
                           text, parsed.error().message()));
}

}  // namespace whet::remote
