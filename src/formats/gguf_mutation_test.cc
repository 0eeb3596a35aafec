// Random damage to a valid file: never a crash, never an allocation that the file did not pay for.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "base/rng.h"
#include "formats/gguf_bytes_for_test.h"
#include "formats/gguf_part.h"
#include "formats/safetensors_header.h"

namespace {

std::atomic<size_t> g_allocated_bytes{0};

void* counted_allocation(size_t n_bytes) {
  g_allocated_bytes += n_bytes;
  void* memory = std::malloc(n_bytes == 0 ? 1 : n_bytes);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

void* operator new(size_t n_bytes) {
  return counted_allocation(n_bytes);
}
void* operator new[](size_t n_bytes) {
  return counted_allocation(n_bytes);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, size_t) noexcept {
  std::free(memory);
}

namespace whet {
namespace {

constexpr uint64_t kMutations = 20'000;
// All allocations of one parse together, freed or not: decoded values are at most 8 times their
// encoding, entries and messages some hundred bytes each.
constexpr size_t allocation_bound(size_t file_bytes) {
  return 64 * file_bytes + 16 * 1024;
}

// One to four edits: a byte, a run of extreme values (lengths and counts), a cut, a repetition.
std::string mutated(std::string bytes, uint64_t seed) {
  CounterRng rng(2024, seed);
  uint64_t counter = 0;
  auto below = [&](uint64_t n) { return rng.bits(counter++) % n; };
  for (uint64_t edits = 1 + below(4); edits > 0 && !bytes.empty(); --edits) {
    size_t place = below(bytes.size());
    switch (below(5)) {
      case 0:
        bytes[place] = static_cast<char>(below(256));
        break;
      case 1: {
        constexpr uint64_t kExtremes[] = {
            0, 1, 0x7fffffff, 0xffffffff, uint64_t{1} << 61, INT64_MAX, UINT64_MAX};
        uint64_t value = kExtremes[below(std::size(kExtremes))];
        size_t n = std::min<size_t>(8, bytes.size() - place);
        std::copy_n(reinterpret_cast<const char*>(&value), n, bytes.begin() + place);
        break;
      }
      case 2:
        bytes.resize(place);
        break;
      case 3:
        bytes.insert(place, bytes.substr(place, below(64)));
        break;
      default:
        bytes[place] = static_cast<char>(bytes[place] ^ (1 << below(8)));
    }
  }
  return bytes;
}

template <typename Parse>
void expect_survives_damage(const std::string& valid, Parse parse) {
  uint64_t n_accepted = 0;
  for (uint64_t seed = 0; seed < kMutations; ++seed) {
    std::string damaged = mutated(valid, seed);
    size_t before = g_allocated_bytes;
    bool accepted = parse(std::as_bytes(std::span(damaged.data(), damaged.size())));
    ASSERT_LE(g_allocated_bytes - before, allocation_bound(damaged.size())) << "seed " << seed;
    n_accepted += accepted ? 1 : 0;
  }
  // Damage to names and tensor data is legal, most other damage is not: both must have occurred.
  EXPECT_GT(n_accepted, 100u);
  EXPECT_LT(n_accepted, kMutations - 100);
}

TEST(Mutation, GgufParserSurvivesDamage) {
  expect_survives_damage(small_valid_gguf().str(), [](std::span<const std::byte> bytes) {
    auto part = parse_gguf(bytes);
    if (!part.ok()) return false;
    for (const GgufTensorInfo& tensor : part->tensors) {
      EXPECT_LE(tensor.file_offset, bytes.size());
      EXPECT_LE(tensor.n_bytes, bytes.size() - tensor.file_offset);
    }
    return true;
  });
}

TEST(Mutation, SafeTensorsParserSurvivesDamage) {
  std::string header =
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
      R"("b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]}})";
  GgufBytes file;
  file.text(header).data(32);
  expect_survives_damage(file.str(), [](std::span<const std::byte> bytes) {
    auto parsed = parse_safetensors_header(bytes);
    if (!parsed.ok()) return false;
    for (const SafeTensorsEntry& tensor : parsed->tensors) {
      EXPECT_LE(tensor.file_offset, bytes.size());
      EXPECT_LE(tensor.n_bytes, bytes.size() - tensor.file_offset);
    }
    return true;
  });
}

}  // namespace
}  // namespace whet
