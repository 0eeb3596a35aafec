// The lattices of the IQ types, part of their formats: each entry holds the coordinates of a point,
// packed from the lowest bits, as indices into the values that its type gives them.
#pragma once

#include <cstdint>

namespace whet::kernels {

extern const uint16_t kIq2xxsGrid[256];  // 8 coordinates of 2 bits: 8, 25, 43
extern const uint16_t kIq2xsGrid[512];
extern const uint16_t kIq2sGrid[1024];
extern const uint16_t kIq3xxsGrid[256];  // 4 of 3 bits: 4, 12, 20, 28, 36, 44, 52, 62
extern const uint16_t kIq3sGrid[512];    // 4 of 3 bits: 1, 3, ... 15
extern const uint16_t kIq1sGrid[2048];   // 8 of 2 bits: -1, 0, 1

}  // namespace whet::kernels
