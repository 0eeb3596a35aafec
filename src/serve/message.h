// What the routes see of HTTP: a request that came in, and the reply that is being given.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "generator/generator.h"

namespace whet::serve {

struct Request {
  std::string method;  // "GET"
  std::string path;    // without the query
  std::string query;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  /// Empty if absent.
  std::string_view header(const std::string& name) const {
    auto it = headers.find(name);
    return it == headers.end() ? std::string_view() : std::string_view(it->second);
  }
};

using Headers = std::vector<std::pair<std::string, std::string>>;

/// The reply to one request. Exactly one of send() and begin() is called, once.
class Reply {
 public:
  virtual ~Reply() = default;
  virtual void send(int status, std::string_view content_type, std::string body,
                    const Headers& headers) = 0;
  void send(int status, std::string_view content_type, std::string body) {
    send(status, content_type, std::move(body), {});
  }
  /// Says that the reply will be a stream of server-sent events, which may be long in coming: if
  /// nothing is sent for a while, it is begun with this head, and comments keep it alive. An error
  /// that is sent after that becomes an event.
  virtual void expect_events(const Headers&) {}
  /// Begins a body that is written in pieces.
  virtual void begin(int status, std::string_view content_type, const Headers& headers) = 0;
  /// Waits while the client is slow; false when it is gone.
  virtual bool write(std::string_view piece) = 0;
  virtual void end() = 0;
  /// Set when the client is gone or the server stops.
  virtual const CancelFlag& cancelled() const = 0;
};

}  // namespace whet::serve
