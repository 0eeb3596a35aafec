// Who may come in: key, Host and Origin of a request, judged before any route sees it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "serve/fields.h"
#include "serve/message.h"

namespace whet::serve {

struct GatePolicy {
  std::vector<std::string> keys = {};  // empty = no key asked for
  bool loopback = true;                // bound to loopback: only names of this machine as Host
  std::vector<std::string> cors_origins = {};  // pages elsewhere that may call; "*" = any,
                                               // "localhost" = of this machine, from any port
};

/// Which key was presented, as a stable number for cache scopes (not the key itself); 0 = none.
struct Visitor {
  size_t key = 0;
};

/// Why the request is refused, if it is. Key comparison takes constant time.
std::optional<ApiError> refuse(const GatePolicy& policy, const Request& request, Visitor& visitor);

/// Headers that let an allowed origin read the reply.
Headers cors_headers(const GatePolicy& policy, const Request& request);

}  // namespace whet::serve
