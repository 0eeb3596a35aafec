#include "bench/read_bandwidth.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>

#include "base/clock.h"
#include "sys/address_space.h"
#include "sys/machine.h"

namespace whet {
namespace {

constexpr uint64_t kMostBytes = uint64_t{512} << 20;
constexpr uint64_t kLeastBytes = uint64_t{64} << 20;  // above most last-level caches
constexpr int64_t kChunks = 64;
constexpr uint64_t kPageBytes = 4096;
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

uint64_t bytes_to_read(uint64_t available_bytes) {
  constexpr uint64_t kWhole = kChunks * kPageBytes;
  const uint64_t n_bytes = std::min(kMostBytes, available_bytes / 2) / kWhole * kWhole;
  return n_bytes < kLeastBytes ? 0 : n_bytes;
}

std::optional<double> measure_read_bandwidth(ThreadPool& pool) {
  uint64_t n_bytes = bytes_to_read(available_memory_bytes().value_or(UINT64_MAX));
  if (n_bytes == 0) return std::nullopt;
  auto space = AddressSpace::reserve(n_bytes, AddressSpace::Access::kWrite);
  while (!space.ok()) {  // ulimit -v
    n_bytes = bytes_to_read(n_bytes);
    if (n_bytes == 0) return std::nullopt;
    space = AddressSpace::reserve(n_bytes, AddressSpace::Access::kWrite);
  }
  const uint64_t chunk_bytes = n_bytes / kChunks;
  std::byte* base = space->data();
  pool.for_each(kChunks, [&](int64_t i) {
    std::memset(base + static_cast<uint64_t>(i) * chunk_bytes, 0x5a, chunk_bytes);
  });
  std::atomic<uint64_t> sink{0};
  double best = 0;
  for (int repetition = 0; repetition < kReadRepetitions; ++repetition) {
    int64_t start = monotonic_ns();
    pool.for_each(kChunks, [&](int64_t i) {
      const std::byte* chunk = base + static_cast<uint64_t>(i) * chunk_bytes;
      sink ^= read_all(reinterpret_cast<const uint64_t*>(chunk), chunk_bytes / sizeof(uint64_t));
    });
    best = std::max(
        best, static_cast<double>(n_bytes) / (static_cast<double>(monotonic_ns() - start) * 1e-9));
  }
  return best;
}

}  // namespace whet
