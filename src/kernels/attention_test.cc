// Attention against double precision, and bit-identity of every way to cut the same work.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/test_data.h"

namespace whet::kernels {
namespace {

using namespace testing;

struct Case {
  DType type;
  size_t key_dim, value_dim, n_heads, n_positions, window;
  float softcap = 0;
  bool sloped = false, sinks = false;

  /// Of head h; both signs, and some larger than any score.
  float sink(size_t h) const { return h % 3 == 2 ? 9.0f : 1.5f * static_cast<float>(h % 3) - 1; }
  float slope(size_t h) const { return 0.5f / static_cast<float>(1 + h); }
};

std::vector<float> random_values(uint64_t seed, size_t n) {
  const CounterRng rng(seed, n);
  std::vector<float> x(n);
  for (size_t i = 0; i < n; ++i) x[i] = gaussian(rng, i);
  return x;
}

/// Caches filled with what is harmful to read (NaN), gaps between blocks included, then the keys
/// and values of every position.
struct Cache {
  const Case& c;
  std::vector<float> k, v;  // as the cache holds them
  size_t block_stride;
  Guarded<uint8_t> k_cache, v_cache;

  explicit Cache(const Case& the_case)
      : c(the_case),
        k(random_values(1, c.n_positions * c.key_dim)),
        v(random_values(2, c.n_positions * c.value_dim)),
        block_stride(kKeyBlock * kv_row_bytes(c.type, std::max(c.key_dim, c.value_dim)) + 192),
        k_cache(
            bytes((c.n_positions - 1) % kKeyBlock / kKeyPanel * kKeyPanel + kKeyPanel, c.key_dim)),
        v_cache(bytes((c.n_positions - 1) % kKeyBlock + 1, c.value_dim)) {
    std::memset(k_cache.data(), 0xff, k_cache.size());
    std::memset(v_cache.data(), 0xff, v_cache.size());
  }
  /// Of a cache whose last block holds n positions.
  size_t bytes(size_t n, size_t dim) const {
    return (c.n_positions - 1) / kKeyBlock * block_stride + n * kv_row_bytes(c.type, dim);
  }

  void append(const KernelTable& table, size_t begin, size_t end) {
    table.append_kv({.type = c.type,
                     .k = k.data() + begin * c.key_dim,
                     .k_stride = c.key_dim,
                     .v = v.data() + begin * c.value_dim,
                     .v_stride = c.value_dim,
                     .n_tokens = end - begin,
                     .key_dim = c.key_dim,
                     .value_dim = c.value_dim,
                     .position = begin,
                     .k_cache = k_cache.data(),
                     .v_cache = v_cache.data(),
                     .block_stride = block_stride});
  }
  /// Element i of `x` as the cache holds it.
  float rounded(const std::vector<float>& x, size_t i) const {
    if (c.type == DType::Q8_0) {
      const float* group = x.data() + i / 32 * 32;
      float largest = 0, scale = 0;
      for (size_t d = 0; d < 32; ++d) largest = std::max(largest, std::fabs(group[d]));
      largest /= 127;
      uint16_t h = 0;
      kernel_table(Isa::kScalar)->f16_from_f32(&largest, 1, &h);
      dequantize_row(DType::F16, &h, &scale, 1);
      return scale * std::clamp(std::nearbyint(x[i] / scale), -127.0f, 127.0f);
    }
    return rounded(x[i]);
  }
  float rounded(float x) const {
    if (c.type == DType::F32) return x;
    uint16_t h = 0;
    float out = 0;
    if (c.type == DType::F16) {
      kernel_table(Isa::kScalar)->f16_from_f32(&x, 1, &h);
    } else {
      uint32_t bits;
      std::memcpy(&bits, &x, sizeof(bits));
      h = static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }
    dequantize_row(c.type, &h, &out, 1);
    return out;
  }
};

/// Token by token when `decode`, else in chunks of `chunk` tokens, appending as it goes.
std::vector<float> attend(const KernelTable& table, const Case& c, const std::vector<float>& q,
                          size_t chunk) {
  Cache cache(c);
  std::vector<float> sinks, slopes;
  for (size_t h = 0; h < c.n_heads; ++h) {
    sinks.push_back(c.sink(h));
    slopes.push_back(c.slope(h));
  }
  const size_t q_stride = c.n_heads * c.key_dim, stride = c.n_heads * c.value_dim;
  Guarded<float> out(c.n_positions * stride);
  for (float& x : out) x = std::nanf("");
  for (size_t t = 0; t < c.n_positions; t += chunk) {
    const size_t n = std::min(chunk, c.n_positions - t);
    cache.append(table, t, t + n);
    table.attention({.type = c.type,
                     .q = q.data() + t * q_stride,
                     .q_stride = q_stride,
                     .n_tokens = n,
                     .n_heads = c.n_heads,
                     .key_dim = c.key_dim,
                     .value_dim = c.value_dim,
                     .first_position = t,
                     .window = c.window,
                     .scale = 1.0f / std::sqrt(static_cast<float>(c.key_dim)),
                     .k_cache = cache.k_cache.data(),
                     .v_cache = cache.v_cache.data(),
                     .block_stride = cache.block_stride,
                     .out = out.data() + t * stride,
                     .out_stride = stride,
                     .softcap = c.softcap,
                     .slopes = c.sloped ? slopes.data() : nullptr,
                     .sinks = c.sinks ? sinks.data() : nullptr});
  }
  return std::vector<float>(out.begin(), out.end());
}

void expect_close_to_double(const Case& c, const std::vector<float>& q,
                            const std::vector<float>& out) {
  const Cache cache(c);
  const double scale = 1.0 / std::sqrt(static_cast<double>(c.key_dim));
  for (size_t t = 0; t < c.n_positions; t += 1 + t / 8) {
    for (size_t h = 0; h < c.n_heads; ++h) {
      const float* query = q.data() + (t * c.n_heads + h) * c.key_dim;
      const size_t first = c.window != 0 && t + 1 > c.window ? t + 1 - c.window : 0;
      std::vector<double> weight(t + 1 - first);
      double max = -1e300, total = 0;
      for (size_t i = first; i <= t; ++i) {
        double dot = 0;
        for (size_t d = 0; d < c.key_dim; ++d) {
          dot += double{query[d]} * cache.rounded(cache.k, i * c.key_dim + d);
        }
        double score = dot * scale;
        if (c.softcap > 0) score = c.softcap * std::tanh(score / c.softcap);
        if (c.sloped) score -= double{c.slope(h)} * static_cast<double>(t - i);
        weight[i - first] = score;
        max = std::max(max, score);
      }
      if (c.sinks) total = std::exp(c.sink(h) - max);
      for (double& w : weight) total += w = std::exp(w - max);
      for (size_t d = 0; d < c.value_dim; ++d) {
        double sum = 0, magnitude = 0;
        for (size_t i = first; i <= t; ++i) {
          const double term =
              weight[i - first] / total * cache.rounded(cache.v, i * c.value_dim + d);
          sum += term;
          magnitude += std::fabs(term);
        }
        // Scores err by key_dim roundings of values of a few units, which the exponential turns
        // into a relative error of every weight.
        const double bound = magnitude * 0x1p-24 * static_cast<double>(8 * c.key_dim + t + 16);
        ASSERT_NEAR(out[(t * c.n_heads + h) * c.value_dim + d], sum, bound + 1e-7)
            << "token " << t << " head " << h << " dim " << d;
      }
    }
  }
}

TEST(Attention, MatchesDoubleAndDoesNotDependOnChunks) {
  const Case cases[] = {{DType::F16, 64, 64, 8, 150, 0},
                        {DType::F16, 128, 128, 1, 140, 0},
                        {DType::F16, 8, 8, 4, 40, 0},
                        {DType::F16, 16, 16, 2, 300, 0},
                        {DType::F16, 72, 72, 3, 50, 0},
                        {DType::F16, 256, 256, 2, 70, 0},
                        {DType::BF16, 64, 64, 7, 150, 0},
                        {DType::F32, 80, 80, 5, 150, 0},
                        {DType::F16, 64, 64, 4, 300, 20},
                        {DType::F16, 80, 80, 1, 150, 0},
                        {DType::F32, 20, 20, 3, 33, 0},
                        {DType::F16, 32, 32, 9, 290, 130},
                        {DType::Q8_0, 64, 64, 8, 150, 0},
                        {DType::Q8_0, 32, 32, 3, 290, 40},
                        {DType::Q8_0, 128, 128, 1, 140, 0},
                        {DType::Q8_0, 96, 96, 2, 70, 0},
                        {DType::F16, 192, 128, 2, 140, 0},
                        {DType::F16, 576, 512, 3, 130, 0},
                        {DType::Q8_0, 576, 512, 2, 20, 0},
                        {DType::BF16, 20, 36, 3, 40, 17},
                        {DType::F32, 64, 64, 4, 290, 0, 1.5f},
                        {DType::F16, 32, 32, 3, 150, 40, 30.0f},
                        {DType::F32, 64, 64, 5, 290, 0, 0, true},
                        {DType::F16, 64, 64, 3, 150, 20, 0, false, true},
                        {DType::Q8_0, 32, 32, 9, 290, 130, 0, false, true},
                        {DType::F32, 40, 24, 7, 150, 0, 2.0f, true, true}};
  for (const Case& c : cases) {
    SCOPED_TRACE("dims " + std::to_string(c.key_dim) + ", " + std::to_string(c.value_dim) +
                 " heads " + std::to_string(c.n_heads) + " type " +
                 std::string(dtype_info(c.type).name));
    const auto q = random_values(3, c.n_positions * c.n_heads * c.key_dim);
    std::vector<float> reference;
    for (const KernelTable* table : runnable_tables()) {
      SCOPED_TRACE(isa_name(table->isa));
      for (size_t chunk : {c.n_positions, size_t{1}, size_t{2}, size_t{7}, size_t{128}}) {
        const auto out = attend(*table, c, q, chunk);
        if (reference.empty()) {
          expect_close_to_double(c, q, out);
          reference = out;
        }
        ASSERT_EQ(std::memcmp(out.data(), reference.data(), out.size() * sizeof(float)), 0)
            << "chunk " << chunk;
      }
      if (HasFatalFailure()) return;
    }
  }
}

TEST(Attention, CacheSaturatesInsteadOfOverflowing) {
  for (const KernelTable* table : runnable_tables()) {
    const Case c{DType::F16, 16, 16, 1, 3, 0};
    Cache cache(c);
    for (float& x : cache.k) x *= 1e6f;
    for (float& x : cache.v) x *= 1e6f;
    cache.append(*table, 0, 3);
    std::vector<float> v(16);
    dequantize_row(DType::F16, cache.v_cache.data(), v.data(), 16);
    for (float x : v) ASSERT_LE(std::fabs(x), 65504.0f);
  }
}

}  // namespace
}  // namespace whet::kernels
