// Which network addresses anybody may reach. A server that we ask must not be able to send us to
// machines that only we can see.
#pragma once

#include <sys/socket.h>

namespace whet::http {

/// False for loopback, private, link-local, shared, documentation, multicast and reserved ranges of
/// IPv4 and IPv6, also where IPv6 wraps IPv4, and for other families.
bool is_public_address(const sockaddr& address);

}  // namespace whet::http
