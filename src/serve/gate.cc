#include "serve/gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/ascii.h"

namespace whet::serve {
namespace {

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  size_t difference = a.size() ^ b.size();
  for (size_t i = 0; i < a.size(); ++i) {
    const char other = b.empty() ? '\0' : b[i % b.size()];
    difference |= static_cast<size_t>(static_cast<unsigned char>(a[i] ^ other));
  }
  return difference == 0;
}

// "host:port", "[::1]:port" -> the host.
std::string host_of(std::string_view authority) {
  if (authority.starts_with('[')) return lowered(authority.substr(0, authority.find(']') + 1));
  return lowered(authority.substr(0, authority.find(':')));
}

// "http://host:port" -> "host:port".
std::string_view authority_of(std::string_view origin) {
  const size_t scheme = origin.find("://");
  return scheme == std::string_view::npos ? std::string_view() : origin.substr(scheme + 3);
}

bool is_loopback_name(const std::string& host) {
  return host == "localhost" || host == "[::1]" || host.ends_with(".localhost") ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos);
}

bool origin_allowed(const GatePolicy& policy, std::string_view origin) {
  for (const std::string& allowed : policy.cors_origins) {
    if (allowed == "*" || lowered(allowed) == lowered(origin)) return true;
    if (allowed == "localhost" && is_loopback_name(host_of(authority_of(origin)))) return true;
  }
  return false;
}

// The page that we serve ourselves calls us from the address under which it was opened.
bool is_own_origin(std::string_view origin, std::string_view host) {
  return !authority_of(origin).empty() && lowered(authority_of(origin)) == lowered(host);
}

}  // namespace

std::optional<ApiError> refuse(const GatePolicy& policy, const Request& request, Visitor& visitor) {
  const std::string_view host = request.header("host");
  if (policy.loopback && !host.empty() && !is_loopback_name(host_of(host))) {
    return ApiError{403,
                    fmt::format("Host: expected a name of this machine (localhost, 127.0.0.1), "
                                "found \"{}\"; start with --host to serve others",
                                lowered(host.substr(0, 100)))};
  }
  const std::string_view origin = request.header("origin");
  if (!origin.empty() && !is_own_origin(origin, host) && !origin_allowed(policy, origin)) {
    return ApiError{403, fmt::format("Origin \"{}\" may not call this server; allow it with "
                                     "--cors-origins",
                                     origin.substr(0, 100))};
  }
  if (policy.keys.empty() || request.path == "/health" || request.path == "/v1/health" ||
      request.method == "OPTIONS") {
    return std::nullopt;
  }
  std::string_view given = request.header("x-api-key");
  const std::string_view bearer = request.header("authorization");
  if (given.empty() && lowered(bearer.substr(0, 7)) == "bearer ") given = bearer.substr(7);
  for (size_t i = 0; i < policy.keys.size(); ++i) {
    if (equal_in_constant_time(policy.keys[i], given)) visitor.key = i + 1;
  }
  if (visitor.key > 0) return std::nullopt;
  return ApiError{401, "this server asks for an API key: Authorization: Bearer KEY, or x-api-key",
                  "", "invalid_api_key"};
}

Headers cors_headers(const GatePolicy& policy, const Request& request) {
  const std::string_view origin = request.header("origin");
  if (origin.empty() || !origin_allowed(policy, origin)) return {};
  return {{"Access-Control-Allow-Origin", std::string(origin)},
          {"Access-Control-Allow-Headers", "authorization, content-type, x-api-key"},
          {"Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS"},
          {"Vary", "Origin"}};
}

}  // namespace whet::serve
