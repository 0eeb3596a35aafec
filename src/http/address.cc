#include "http/address.h"

#include <netinet/in.h>

#include <cstdint>
#include <cstring>

namespace whet::http {
namespace {

struct Range4 {
  uint32_t first;
  int bits;
};
// IANA's special-purpose registry.
constexpr Range4 kSpecial4[] = {
    {0x00000000, 8},   // this network
    {0x0a000000, 8},   // private
    {0x64400000, 10},  // carriers' shared addresses
    {0x7f000000, 8},   // loopback
    {0xa9fe0000, 16},  // link-local; clouds' metadata
    {0xac100000, 12},  // private
    {0xc0000000, 24},  // protocol assignments
    {0xc0000200, 24},  // documentation
    {0xc0a80000, 16},  // private
    {0xc6120000, 15},  // benchmarks
    {0xc6336400, 24},  // documentation
    {0xcb007100, 24},  // documentation
    {0xe0000000, 3},   // multicast and reserved
};

bool is_public4(uint32_t address) {
  for (const Range4& range : kSpecial4) {
    if ((address ^ range.first) >> (32 - range.bits) == 0) return false;
  }
  return true;
}

uint32_t big_endian(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

bool is_public6(const uint8_t* bytes) {
  const uint32_t first = big_endian(bytes);
  const bool zero_12 = first == 0 && big_endian(bytes + 4) == 0;
  if (zero_12 && big_endian(bytes + 8) == 0xffff) return is_public4(big_endian(bytes + 12));
  if (first == 0x0064ff9b) return is_public4(big_endian(bytes + 12));   // NAT64
  if (first >> 16 == 0x2002) return is_public4(big_endian(bytes + 2));  // 6to4
  if (first == 0x20010000 || first == 0x20010db8) return false;         // Teredo, documentation
  return first >> 29 == 1;  // 2000::/3, all that is given out
}

}  // namespace

bool is_public_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof v4);
    return is_public4(ntohl(v4.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address, sizeof v6);
    return is_public6(v6.sin6_addr.s6_addr);
  }
  return false;
}

}  // namespace whet::http
