#include "bench/read_bandwidth.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>

#include "base/clock.h"
#include "sys/address_space.h"

namespace whet {
namespace {

constexpr uint64_t kBytes = uint64_t{512} << 20;
constexpr int64_t kChunks = 64;
constexpr int kReadRepetitions = 5;

/// XOR of all words; the compiler vectorises it, and memory is slower than any of its choices.
uint64_t read_all(const uint64_t* words, uint64_t n) {
  uint64_t lanes[16] = {};
  for (uint64_t i = 0; i + 16 <= n; i += 16) {
    for (uint64_t j = 0; j < 16; ++j) lanes[j] ^= words[i + j];
  }
  uint64_t folded = 0;
  for (uint64_t lane : lanes) folded ^= lane;
  return folded;
}

}  // namespace

double measure_read_bandwidth(ThreadPool& pool) {
  auto space = AddressSpace::reserve(kBytes, AddressSpace::Access::kWrite);
  if (!space.ok()) return 0;
  constexpr uint64_t kChunkBytes = kBytes / kChunks;
  std::byte* base = space->data();
  pool.for_each(kChunks, [&](int64_t i) {
    std::memset(base + static_cast<uint64_t>(i) * kChunkBytes, 0x5a, kChunkBytes);
  });
  std::atomic<uint64_t> sink{0};
  double best = 0;
  for (int repetition = 0; repetition < kReadRepetitions; ++repetition) {
    int64_t start = monotonic_ns();
    pool.for_each(kChunks, [&](int64_t i) {
      const std::byte* chunk = base + static_cast<uint64_t>(i) * kChunkBytes;
      sink ^= read_all(reinterpret_cast<const uint64_t*>(chunk), kChunkBytes / sizeof(uint64_t));
    });
    best = std::max(
        best, static_cast<double>(kBytes) / (static_cast<double>(monotonic_ns() - start) * 1e-9));
  }
  return best;
}

}  // namespace whet
