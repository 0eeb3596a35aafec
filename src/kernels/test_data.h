// Buffers and blocks for the kernel tests: memory that ends at an inaccessible page, and seeded
// weights of every format with every scale finite.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/rng.h"
#include "kernels/kernels.h"
#include "tensor/blocks.h"

namespace whet::kernels::testing {

/// n elements of T, the last one just before a page that may not be touched.
template <class T>
class Guarded {
 public:
  explicit Guarded(size_t n) : n_(n) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    size_ = (n * sizeof(T) + page - 1) / page * page + page;
    base_ = static_cast<uint8_t*>(
        mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    WHET_CHECK(base_ != MAP_FAILED);
    WHET_CHECK(mprotect(base_ + size_ - page, page, PROT_NONE) == 0);
    data_ = reinterpret_cast<T*>(base_ + size_ - page - n * sizeof(T));
  }
  ~Guarded() { munmap(base_, size_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  size_t size() const { return n_; }
  T* begin() { return data_; }
  T* end() { return data_ + n_; }

 private:
  size_t n_;
  size_t size_;
  uint8_t* base_;
  T* data_;
};

inline constexpr DType kWeightTypes[] = {DType::F32,  DType::F16,    DType::BF16,  DType::Q8_0,
                                         DType::Q4_0, DType::Q4_1,   DType::Q5_0,  DType::Q5_1,
                                         DType::Q2_K, DType::Q3_K,   DType::Q4_K,  DType::Q5_K,
                                         DType::Q6_K, DType::IQ4_NL, DType::MXFP4, DType::A8};

/// Where a block keeps its f16 factors; what multiplies the codes and what is added.
struct FactorFields {
  std::vector<size_t> scales, mins;
};
inline FactorFields factor_fields(DType type) {
  switch (type) {
    case DType::Q4_0:
      return {{offsetof(BlockQ4_0, d)}, {}};
    case DType::Q4_1:
      return {{offsetof(BlockQ4_1, d)}, {offsetof(BlockQ4_1, m)}};
    case DType::Q5_0:
      return {{offsetof(BlockQ5_0, d)}, {}};
    case DType::Q5_1:
      return {{offsetof(BlockQ5_1, d)}, {offsetof(BlockQ5_1, m)}};
    case DType::Q8_0:
      return {{offsetof(BlockQ8_0, d)}, {}};
    case DType::Q2_K:
      return {{offsetof(BlockQ2_K, d)}, {offsetof(BlockQ2_K, dmin)}};
    case DType::Q3_K:
      return {{offsetof(BlockQ3_K, d)}, {}};
    case DType::Q4_K:
      return {{offsetof(BlockQ4_K, d)}, {offsetof(BlockQ4_K, dmin)}};
    case DType::Q5_K:
      return {{offsetof(BlockQ5_K, d)}, {offsetof(BlockQ5_K, dmin)}};
    case DType::Q6_K:
      return {{offsetof(BlockQ6_K, d)}, {}};
    case DType::A8:
      return {{offsetof(BlockA8, d)}, {offsetof(BlockA8, m)}};
    case DType::IQ4_NL:
      return {{offsetof(BlockIQ4_NL, d)}, {}};
    default:
      return {};
  }
}

inline float gaussian(const CounterRng& rng, uint64_t i) {
  double sum = -6.0;  // Irwin-Hall
  for (uint64_t j = 0; j < 12; ++j) sum += rng.uniform(12 * i + j);
  return static_cast<float>(sum);
}

inline void put16(uint8_t* p, uint16_t value) {
  std::memcpy(p, &value, sizeof(value));
}

/// n weights with random codes and small random factors of both signs.
inline void fill_weights(DType type, const CounterRng& rng, uint8_t* dst, size_t n) {
  const DTypeInfo& info = dtype_info(type);
  const size_t bytes = row_bytes(info, n);
  if (is_float(type)) {
    for (size_t i = 0; i < n; ++i) {
      const float w = gaussian(rng, i) * 0.05f;
      if (type == DType::F32) std::memcpy(dst + 4 * i, &w, sizeof(w));
      if (type == DType::BF16) {
        uint32_t bits;
        std::memcpy(&bits, &w, sizeof(bits));
        put16(dst + 2 * i, static_cast<uint16_t>(bits >> 16));
      }
      if (type == DType::F16) {  // 2^-10 <= |w| < 2^1
        const uint64_t r = rng.bits(i);
        put16(dst + 2 * i, static_cast<uint16_t>((r & 0x83ff) | (5 + r / 0x10000 % 11) << 10));
      }
    }
    return;
  }
  for (size_t i = 0; i < bytes; ++i) dst[i] = static_cast<uint8_t>(rng.bits(i) >> 11);
  const FactorFields fields = factor_fields(type);
  for (size_t b = 0; b < n / info.block_elements; ++b) {
    uint8_t* block = dst + b * info.block_bytes;
    const auto factor = [&](size_t at, bool may_be_negative) {
      const uint64_t r = rng.bits(bytes + 64 * b + at);
      const uint64_t sign = may_be_negative ? r & 0x8000 : 0;
      put16(block + at, static_cast<uint16_t>(sign | (r & 0x3ff) | (4 + r / 0x10000 % 6) << 10));
    };
    for (size_t at : fields.scales) factor(at, true);
    for (size_t at : fields.mins) factor(at, true);
    if (type == DType::MXFP4) block[0] = static_cast<uint8_t>(118 + rng.bits(bytes + b) % 8);
  }
}

/// The same weights without what is added to (codes), or without the codes' part (mins).
inline std::vector<float> dequantized_part(DType type, const uint8_t* row, size_t n, bool codes) {
  const DTypeInfo& info = dtype_info(type);
  std::vector<uint8_t> copy(row, row + row_bytes(info, n));
  const FactorFields fields = factor_fields(type);
  if (!codes && fields.mins.empty()) return std::vector<float>(n, 0.0f);
  for (size_t b = 0; b < n / info.block_elements; ++b) {
    for (size_t at : codes ? fields.mins : fields.scales) {
      put16(copy.data() + b * info.block_bytes + at, 0);
    }
  }
  std::vector<float> out(n);
  dequantize_row(type, copy.data(), out.data(), n);
  return out;
}

}  // namespace whet::kernels::testing
namespace whet::kernels {
extern const KernelTable kEmulatedAvx2Vnni, kEmulatedAvx512, kEmulatedAvx512Vnni;
KernelTable emulated_bf16_table();
}  // namespace whet::kernels
namespace whet::kernels::testing {

/// Every level that this machine can run, the scalar one first, then emulations of the others.
inline std::vector<const KernelTable*> runnable_tables() {
  std::vector<const KernelTable*> tables;
  for (Isa isa : kAllIsas) {
    if (const KernelTable* table = kernel_table(isa)) tables.push_back(table);
  }
#ifdef WHET_EMULATED_AVX2_VNNI
  tables.push_back(&kEmulatedAvx2Vnni);
#endif
#ifdef WHET_EMULATED_AVX512
  tables.push_back(&kEmulatedAvx512);
#endif
#ifdef WHET_EMULATED_AVX512_VNNI
  tables.push_back(&kEmulatedAvx512Vnni);
#endif
#ifdef WHET_EMULATED_BF16
  static const KernelTable bf16 = emulated_bf16_table();
  if (kernel_table(bf16.isa) == nullptr && isa_supported(Isa::kAvx2)) tables.push_back(&bf16);
#endif
  return tables;
}

}  // namespace whet::kernels::testing
