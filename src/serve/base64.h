// Base64 (RFC 4648).
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace whet::serve {

std::string base64(std::span<const std::byte> bytes);

}  // namespace whet::serve
