#include "http/url.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <iterator>
#include <memory>

namespace whet::http {
namespace {

struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Handle = std::unique_ptr<CURLU, UrlDeleter>;

Error bad_url(std::string_view text, std::string_view found) {
  return Error(
      ErrorCode::kInvalidArgument,
      fmt::format("expected an address as https://host/path, found \"{}\" ({})", text, found));
}

/// A part of the address; empty where there is none.
std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  std::string copy;
  if (curl_url_get(url, part, &text, flags) == CURLUE_OK && text != nullptr) copy = text;
  curl_free(text);
  return copy;
}

Result<Url> parts_of(CURLU* handle, std::string_view text) {
  if (!part_of(handle, CURLUPART_USER).empty() || !part_of(handle, CURLUPART_PASSWORD).empty())
    return Error(ErrorCode::kInvalidArgument,
                 "expected an address without a user name or password inside, found one");
  Url url;
  url.scheme = part_of(handle, CURLUPART_SCHEME);
  if (url.scheme != "http" && url.scheme != "https") return bad_url(text, "scheme " + url.scheme);
  url.host = part_of(handle, CURLUPART_HOST);
  std::transform(url.host.begin(), url.host.end(), url.host.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (url.host.size() > 2 && url.host.front() == '[') {
    url.host = url.host.substr(1, url.host.size() - 2);
  }
  if (url.host.empty()) return bad_url(text, "no host");
  const std::string port = part_of(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  const auto read = std::from_chars(port.data(), port.data() + port.size(), url.port);
  if (read.ec != std::errc() || url.port < 1 || url.port > 65535) return bad_url(text, "its port");
  url.target = part_of(handle, CURLUPART_PATH);
  if (url.target.empty()) url.target = "/";
  const std::string query = part_of(handle, CURLUPART_QUERY);
  if (!query.empty()) url.target += "?" + query;
  return url;
}

Status set_text(CURLU* handle, std::string_view text) {
  const bool has_control =
      std::any_of(text.begin(), text.end(), [](unsigned char c) { return c <= ' ' || c == 0x7f; });
  if (has_control) return bad_url("...", "a space or control character in it");
  // libcurl takes "http:///v1" for "http://v1".
  if (text.find(":///") != text.npos) return bad_url(text, "no host");
  const CURLUcode code = curl_url_set(handle, CURLUPART_URL, std::string(text).c_str(), 0);
  if (code != CURLUE_OK) return bad_url(text, curl_url_strerror(code));
  return ok_status();
}

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

}  // namespace

std::string Url::origin() const {
  return fmt::format("{}://{}:{}", scheme, bracketed(host), port);
}

std::string Url::text() const {
  const bool is_default = port == (is_secure() ? 443 : 80);
  return fmt::format("{}://{}{}{}", scheme, bracketed(host),
                     is_default ? "" : fmt::format(":{}", port), target);
}

Result<Url> parse_url(std::string_view text) {
  const Handle handle(curl_url());
  WHET_TRY_STATUS(set_text(handle.get(), text));
  return parts_of(handle.get(), text);
}

Result<Url> resolve_url(const Url& base, std::string_view reference) {
  const Handle handle(curl_url());
  WHET_TRY_STATUS(set_text(handle.get(), base.text()));
  WHET_TRY_STATUS(set_text(handle.get(), reference));
  return parts_of(handle.get(), reference);
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace whet::http
