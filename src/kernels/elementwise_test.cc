// Row-wise kernels against double precision, and the same bits from every instruction set.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/test_data.h"

namespace whet::kernels {
namespace {

using namespace testing;

constexpr size_t kLengths[] = {1, 7, 8, 15, 16, 17, 64, 100, 2048};

std::vector<float> random_row(uint64_t seed, size_t n) {
  const CounterRng rng(seed, n);
  std::vector<float> x(n);
  for (size_t i = 0; i < n; ++i) x[i] = 3.0f * gaussian(rng, i);
  return x;
}

template <class F>
void for_each_table(F f) {
  for (const KernelTable* table : runnable_tables()) {
    SCOPED_TRACE(isa_name(table->isa));
    f(*table);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

/// Runs f(table, out) on every table and checks that the outputs have the same bits.
template <class F>
std::vector<float> same_everywhere(size_t n, F f) {
  std::vector<float> reference;
  for_each_table([&](const KernelTable& table) {
    Guarded<float> out(n);
    f(table, out.data());
    if (reference.empty()) reference.assign(out.begin(), out.end());
    ASSERT_EQ(std::memcmp(reference.data(), out.data(), n * sizeof(float)), 0);
  });
  return reference;
}

TEST(Elementwise, RmsNorm) {
  for (size_t n : kLengths) {
    const auto x = random_row(1, n), gain = random_row(2, n);
    const auto y = same_everywhere(n, [&](const KernelTable& table, float* out) {
      table.rmsnorm({.x = x.data(), .gain = gain.data(), .epsilon = 1e-5f, .n = n, .out = out});
    });
    double squares = 0;
    for (float v : x) squares += double{v} * v;
    const double factor = 1 / std::sqrt(squares / static_cast<double>(n) + 1e-5);
    for (size_t i = 0; i < n; ++i) {
      const double expected = x[i] * factor * gain[i];
      ASSERT_NEAR(y[i], expected, std::fabs(expected) * 1e-5 + 1e-30) << i << " of " << n;
    }
  }
}

TEST(Elementwise, LayerNorm) {
  for (size_t n : kLengths) {
    auto x = random_row(7, n);
    const auto gain = random_row(8, n), bias = random_row(9, n);
    for (float& v : x) v += 100.0f;  // a mean that mean(x²) - mean² would not survive
    const auto y = same_everywhere(n, [&](const KernelTable& table, float* out) {
      std::memcpy(out, x.data(), n * sizeof(float));
      table.layernorm({.x = out,
                       .gain = gain.data(),
                       .epsilon = 1e-5f,
                       .n = n,
                       .out = out,
                       .bias = bias.data()});
    });
    double mean = 0, variance = 0;
    for (float v : x) mean += v / static_cast<double>(n);
    for (float v : x) variance += (v - mean) * (v - mean) / static_cast<double>(n);
    const double factor = 1 / std::sqrt(variance + 1e-5);
    for (size_t i = 0; i < n; ++i) {
      // The rounded mean is off by half an ulp of 100 or so.
      const double tolerance = std::fabs(gain[i]) * factor * 2e-5 + 1e-5;
      ASSERT_NEAR(y[i], (x[i] - mean) * factor * gain[i] + bias[i], tolerance) << i << " of " << n;
    }
  }
}

TEST(Elementwise, RopeRotatesBothPairings) {
  const size_t n_heads = 3, head_dim = 20, n_rotated = 12;
  const auto x = random_row(3, n_heads * head_dim);
  std::vector<float> cosines(n_rotated / 2), sines(n_rotated / 2);
  for (size_t i = 0; i < n_rotated / 2; ++i) {
    const double angle = 17.0 / std::pow(100.0, static_cast<double>(i));
    cosines[i] = static_cast<float>(std::cos(angle));
    sines[i] = static_cast<float>(std::sin(angle));
  }
  for (RopePairing pairing : {RopePairing::kInterleaved, RopePairing::kHalfSplit}) {
    const auto y = same_everywhere(x.size(), [&](const KernelTable& table, float* out) {
      std::memcpy(out, x.data(), x.size() * sizeof(float));
      table.rope({.x = out,
                  .n_heads = n_heads,
                  .head_dim = head_dim,
                  .n_rotated = n_rotated,
                  .pairing = pairing,
                  .cosines = cosines.data(),
                  .sines = sines.data()});
    });
    for (size_t h = 0; h < n_heads; ++h) {
      for (size_t i = 0; i < head_dim; ++i) {
        double expected = x[h * head_dim + i];
        if (i < n_rotated) {
          const bool interleaved = pairing == RopePairing::kInterleaved;
          const size_t pair = interleaved ? i / 2 : i % (n_rotated / 2);
          const bool imaginary = interleaved ? i % 2 == 1 : i >= n_rotated / 2;
          const size_t re = h * head_dim + (interleaved ? 2 * pair : pair);
          const size_t im = re + (interleaved ? 1 : n_rotated / 2);
          expected = imaginary ? double{x[re]} * sines[pair] + double{x[im]} * cosines[pair]
                               : double{x[re]} * cosines[pair] - double{x[im]} * sines[pair];
        }
        ASSERT_NEAR(y[h * head_dim + i], expected, 1e-5);
      }
    }
  }
}

TEST(Elementwise, ActivationsMayOverwriteTheirInput) {
  for (size_t n : kLengths) {
    auto gate = random_row(4, n);
    const auto up = random_row(5, n);
    gate[0] = -1e30f;
    if (n > 2) gate[2] = 1e30f;
    const auto silu = same_everywhere(n, [&](const KernelTable& table, float* out) {
      std::memcpy(out, gate.data(), n * sizeof(float));
      table.silu_mul(out, up.data(), n, out);
    });
    const auto gelu = same_everywhere(n, [&](const KernelTable& table, float* out) {
      std::memcpy(out, gate.data(), n * sizeof(float));
      table.gelu_mul(out, up.data(), n, out);
    });
    const auto plain_gelu = same_everywhere(n, [&](const KernelTable& table, float* out) {
      std::memcpy(out, gate.data(), n * sizeof(float));
      table.gelu(out, n, out);
    });
    const auto sum = same_everywhere(n, [&](const KernelTable& table, float* out) {
      table.add(gate.data(), up.data(), n, out);
    });
    const auto plain_silu = same_everywhere(n, [&](const KernelTable& table, float* out) {
      std::memcpy(out, gate.data(), n * sizeof(float));
      table.silu(out, n, out);
    });
    const auto gated = same_everywhere(n, [&](const KernelTable& table, float* out) {
      std::memcpy(out, up.data(), n * sizeof(float));
      table.sigmoid_mul(gate.data(), out, n, out);
    });
    const auto grown = same_everywhere(n, [&](const KernelTable& table, float* out) {
      std::memcpy(out, up.data(), n * sizeof(float));
      table.mul_add(gate.data(), up.data(), n, out);
    });
    for (size_t i = 0; i < n; ++i) {
      const double g = gate[i], u = up[i];
      const double tolerance = std::fabs(g * u) * 1e-6 + 1e-7;
      ASSERT_NEAR(silu[i], g / (1 + std::exp(-g)) * u, tolerance) << g;
      if (std::fabs(g) < 1e9) {
        const double z = 0.7978845608028654 * (g + 0.044715 * g * g * g);
        ASSERT_NEAR(gelu[i], g / 2 * (1 + std::tanh(z)) * u, tolerance) << g;
      }
      ASSERT_EQ(gelu[i], plain_gelu[i] * up[i]);
      ASSERT_EQ(sum[i], gate[i] + up[i]);
      ASSERT_EQ(silu[i], plain_silu[i] * up[i]);
      ASSERT_NEAR(gated[i], u / (1 + std::exp(-g)), std::fabs(u) * 1e-6 + 1e-7) << g;
      ASSERT_NEAR(grown[i], u + g * u, std::fabs(g * u) * 1e-6 + 1e-6) << g;
    }
  }
}

TEST(Elementwise, ExpIsWithinTwoUlp) {
  std::vector<float> x;
  for (double v = -87.0; v < 88.0; v += 0.00173) x.push_back(static_cast<float>(v));
  const auto y = same_everywhere(x.size(), [&](const KernelTable& table, float* out) {
    table.exp_sum(x.data(), x.size(), 0.0f, out);
  });
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double exact = std::exp(double{x[i]});
    const float near = static_cast<float>(exact);
    const double ulp = std::nextafter(near, INFINITY) - near;
    worst = std::max(worst, std::fabs(y[i] - exact) / ulp);
  }
  EXPECT_LT(worst, 2.0);
}

TEST(Elementwise, ExpAtTheEdges) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {0.0f, -0.0f, -infinity, -200.0f, 200.0f, std::nanf("")};
  for_each_table([&](const KernelTable& table) {
    std::vector<float> y(x.size());
    table.exp_sum(x.data(), x.size(), 0.0f, y.data());
    EXPECT_EQ(y[0], 1.0f);
    EXPECT_EQ(y[1], 1.0f);
    EXPECT_EQ(y[2], 0.0f);
    EXPECT_EQ(y[3], 0.0f);
    EXPECT_EQ(y[4], infinity);
    EXPECT_TRUE(std::isnan(y[5]));
  });
}

TEST(Elementwise, SoftmaxPieces) {
  for (size_t n : kLengths) {
    const auto x = random_row(6, n);
    const auto results = same_everywhere(n + 2, [&](const KernelTable& table, float* out) {
      out[n] = table.max(x.data(), n);
      out[n + 1] = table.exp_sum(x.data(), n, out[n], out);
      table.scale(out, n, 1.0f / out[n + 1]);
    });
    double max = -INFINITY, total = 0;
    for (float v : x) max = std::max(max, double{v});
    for (float v : x) total += std::exp(v - max);
    ASSERT_EQ(results[n], static_cast<float>(max));
    ASSERT_NEAR(results[n + 1], total, total * 1e-6);
    for (size_t i = 0; i < n; ++i) ASSERT_NEAR(results[i], std::exp(x[i] - max) / total, 1e-6);
  }
}

TEST(HalfFloats, ConversionsAgreeWithTheHardware) {
  // Every f16, and floats around every rounding boundary.
  std::vector<uint16_t> halves(65536);
  for (size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<uint16_t>(i);
  const auto floats = same_everywhere(halves.size(), [&](const KernelTable& table, float* out) {
    table.f32_from_f16(halves.data(), halves.size(), out);
  });
  EXPECT_EQ(floats[0x3c00], 1.0f);
  EXPECT_EQ(floats[0x0001], 0x1p-24f);
  EXPECT_EQ(floats[0x7bff], 65504.0f);
  EXPECT_TRUE(std::isnan(floats[0x7e00]));
  std::vector<float> near;
  for (size_t i = 0; i + 1 < 0x7c00; ++i) {
    const float middle = (floats[i] + floats[i + 1]) / 2;
    for (float v :
         {floats[i], middle, std::nextafter(middle, 0.0f), std::nextafter(middle, 1e9f)}) {
      near.push_back(v);
      near.push_back(-v);
    }
  }
  for (float v : {65519.9f, 65520.0f, 1e9f, INFINITY, 1e-30f, 1e-44f, std::nanf("")}) {
    near.push_back(v);
  }
  std::vector<uint16_t> reference;
  for_each_table([&](const KernelTable& table) {
    std::vector<uint16_t> out(near.size());
    table.f16_from_f32(near.data(), near.size(), out.data());
    if (reference.empty()) reference = out;
    ASSERT_EQ(out, reference);
  });
  for (size_t i = 0; i < 0x7bff; ++i) ASSERT_EQ(reference[8 * i], i);
}

}  // namespace
}  // namespace whet::kernels
