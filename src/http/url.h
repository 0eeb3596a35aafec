// Url: an absolute http or https address in its parts, as libcurl reads it, so that what was
// checked is what is called.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace whet::http {

struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case; an IPv6 address without brackets
  int port = 0;        // always set
  std::string target;  // path and query, from "/" on

  bool is_secure() const { return scheme == "https"; }
  /// "https://host:443": what decides who may see a token.
  std::string origin() const;
  /// The whole, with the port only where it is not the scheme's own.
  std::string text() const;
};

/// Errors (kInvalidArgument): another scheme, no host, a user name or password inside, control
/// characters.
Result<Url> parse_url(std::string_view text);
/// `reference` (absolute or relative) as it is meant in a reply from `base`. Errors as above.
Result<Url> resolve_url(const Url& base, std::string_view reference);

/// `text` as one segment of a path or a value of a query: all but letters, digits and "-._~" as
/// %XX.
std::string percent_encoded(std::string_view text);

}  // namespace whet::http
