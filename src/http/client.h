// Client: requests over HTTP and HTTPS, their replies as they come. The one place that knows
// libcurl's transfers; proxies and certificates are those of the environment (HTTPS_PROXY,
// NO_PROXY, SSL_CERT_FILE).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace whet::http {

using Header = std::pair<std::string, std::string>;

/// Where a reply may send us. The origin of the request itself is always allowed: the caller named
/// it. Only GET and HEAD follow.
struct RedirectPolicy {
  int most = 0;  // redirects in a row; 0 = a redirect is a reply like any other
  /// Hosts, "huggingface.co" or "*.hf.co"; reached over https and at public addresses only.
  std::vector<std::string> hosts = {};
  /// Origins that the user named; these may be plain http and private.
  std::vector<std::string> origins = {};
};

struct Request {
  std::string method = "GET";
  std::string url = {};
  std::vector<Header> headers = {};
  /// For the origin of `url` only: left out where a redirect leads to another.
  std::vector<Header> secrets = {};
  std::string body = {};  // of a POST
  RedirectPolicy redirects = {};
  int connect_timeout_ms = 10'000;
  int stall_timeout_ms = 60'000;  // in which some byte must come; 0 = none
};

struct Reply {
  int status = 0;
  std::vector<Header> headers = {};  // names in lower case
  std::string url = {};              // that answered, after redirects
  bool whole = true;                 // false: the sink ended it

  /// Of the first header of that name (lower case); empty where there is none.
  std::string_view header(std::string_view name) const;
};

/// A piece of the body, of any status; `head` has status and headers. False ends the transfer.
using BodySink = std::function<bool(const Reply& head, std::string_view piece)>;
using Cancelled = std::function<bool()>;

class Client {
 public:
  Client();
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Returns when the reply has ended; its status may be any. Connections are kept for later
  /// requests. `cancelled` is asked every 50 ms or more often.
  /// Errors: kInvalidArgument: the address, or a redirect that is not allowed; kUnavailable: no
  /// connection, nothing was sent;
  /// kCancelled; kIo: the reply stalled, was cut, or is no HTTP.
  /// Threads: safe, each request on a connection of its own.
  Result<Reply> send(const Request& request, const BodySink& sink = nullptr,
                     const Cancelled& cancelled = nullptr);

 private:
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace whet::http
