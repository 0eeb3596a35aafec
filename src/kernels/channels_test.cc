// Products that skip channels: the choice against sorting, the product against the dense one and
// against double precision, on every instruction set, with guard pages.
#include "kernels/channel_layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "base/aligned_buffer.h"
#include "kernels/interleave.h"
#include "kernels/test_data.h"

namespace whet::kernels {
namespace {

using namespace testing;

std::vector<float> random_values(uint64_t seed, size_t n) {
  const CounterRng rng(seed, n);
  std::vector<float> x(n);
  for (size_t i = 0; i < n; ++i) x[i] = gaussian(rng, i);
  return x;
}

std::vector<uint32_t> choose(const KernelTable& table, const std::vector<float>& x,
                             const std::vector<float>& score, size_t keep) {
  const size_t n_words = (x.size() + 31) / 32;
  Guarded<float> in(x.size()), scores(score.size());
  std::copy(x.begin(), x.end(), in.begin());
  std::copy(score.begin(), score.end(), scores.begin());
  Guarded<uint32_t> scratch(32 * n_words), kept(n_words);
  table.choose_channels({.x = in.data(),
                         .score = score.empty() ? nullptr : scores.data(),
                         .n = x.size(),
                         .keep = keep,
                         .scratch = scratch.data(),
                         .kept = kept.data()});
  return {kept.begin(), kept.end()};
}

std::vector<uint32_t> chosen_by_sorting(const std::vector<float>& x,
                                        const std::vector<float>& score, size_t keep) {
  std::vector<size_t> order(x.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto size = [&](size_t i) { return std::fabs(score.empty() ? x[i] : x[i] * score[i]); };
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (std::isnan(size(a)) || std::isnan(size(b)))
      return std::isnan(size(a)) > std::isnan(size(b));
    return size(a) > size(b);
  });
  std::vector<uint32_t> kept((x.size() + 31) / 32);
  for (size_t i = 0; i < keep; ++i) kept[order[i] / 32] |= 1u << order[i] % 32;
  return kept;
}

TEST(ChooseChannels, TakesTheLargestAndOfEqualOnesTheFirst) {
  const CounterRng rng(7, 7);
  uint64_t drawn = 0;
  for (const size_t n : {1, 5, 31, 32, 33, 64, 576, 1536, 2049}) {
    for (int kind = 0; kind < 4; ++kind) {
      std::vector<float> x = random_values(n, n), score;
      if (kind == 1) {  // mostly ties
        for (float& value : x) value = std::round(value);
      }
      if (kind == 2) {
        for (size_t i = 0; i < n; ++i) score.push_back(static_cast<float>(rng.uniform(drawn++)));
      }
      if (kind == 3) {
        std::fill(x.begin(), x.end(), 0.0f);
        x[n / 2] = std::numeric_limits<float>::quiet_NaN();
        x[n / 3] = -std::numeric_limits<float>::infinity();
      }
      std::vector<size_t> counts{0, 1, n / 2, n - 1, n};
      for (int i = 0; i < 5; ++i) counts.push_back(rng.bits(drawn++) % (n + 1));
      for (const size_t keep : counts) {
        const auto expected = chosen_by_sorting(x, score, keep);
        for (const KernelTable* table : runnable_tables()) {
          EXPECT_EQ(choose(*table, x, score, keep), expected)
              << isa_name(table->isa) << ": " << keep << " of " << n << ", kind " << kind;
        }
      }
    }
  }
}

struct Product {
  DType type;
  size_t n_rows, n_cols;
  std::vector<uint8_t> weights;  // row-major
  std::vector<float> x;

  Product(DType t, size_t n, size_t k)
      : type(t),
        n_rows(n),
        n_cols(k),
        weights(n * row_bytes(dtype_info(t), k)),
        x(random_values(n + k, k)) {
    fill_weights(t, CounterRng(n, k), weights.data(), n * k);
  }

  Matrix matrix() const {
    return {type, reinterpret_cast<const std::byte*>(weights.data()), static_cast<int64_t>(n_rows),
            static_cast<int64_t>(n_cols)};
  }
  std::vector<float> masked(const std::vector<uint32_t>& kept) const {
    std::vector<float> out(n_cols);
    for (size_t i = 0; i < n_cols; ++i) out[i] = (kept[i / 32] >> i % 32 & 1) != 0 ? x[i] : 0.0f;
    return out;
  }

  /// The blocks of channels in `n_parts` calls, whose sums are added.
  std::vector<float> skipping(const KernelTable& table, const std::vector<uint32_t>& kept,
                              size_t n_parts) const {
    Guarded<uint8_t> laid_out(channel_bytes(type, n_rows, n_cols));
    auto* tiles = reinterpret_cast<std::byte*>(laid_out.data());
    Guarded<ChannelActivations> activations(n_cols / 32);
    table.quantize_channels({x.data(), kept.data(), n_cols, activations.data()});
    std::vector<float> y;
    for (size_t t = 0; t < channel_tiles(n_rows); ++t) {
      lay_out_channels(table, matrix(), t, tiles);
      const ChannelTile tile = channel_tile(n_rows, t);
      std::vector<float> sum(tile.n_rows, 0.0f);
      for (size_t p = 0; p < n_parts; ++p) {
        Guarded<float> part(tile.n_rows);
        table.linear_channels({.type = type,
                               .tile = tiles + channel_tile_offset(type, n_rows, n_cols, t),
                               .n_rows = tile.n_rows,
                               .x = activations.data(),
                               .block_begin = n_cols / 32 * p / n_parts,
                               .block_end = n_cols / 32 * (p + 1) / n_parts,
                               .y = part.data()});
        for (size_t i = 0; i < sum.size(); ++i) sum[i] = p == 0 ? part[i] : sum[i] + part[i];
      }
      y.insert(y.end(), sum.begin(), sum.end());
    }
    for (size_t i = n_rows; i < y.size(); ++i) EXPECT_EQ(y[i], 0) << "padding";
    y.resize(n_rows);
    return y;
  }

  std::vector<float> dense(const KernelTable& table, const std::vector<float>& in) const {
    const ActivationForm form = activation_form(table, type, n_cols);
    AlignedBuffer<std::byte> activations;
    std::byte* prepared = activations.reserve(activation_bytes(form, 1, n_cols));
    table.quantize_activations({form, in.data(), n_cols, 1, 0, 1, n_cols, prepared});
    std::vector<float> y(n_rows);
    table.linear({.type = type,
                  .form = form,
                  .weights = weights.data(),
                  .interleaved = false,
                  .n_cols = n_cols,
                  .row_begin = 0,
                  .row_end = n_rows,
                  .activations = prepared,
                  .n_tokens = 1,
                  .y = y.data(),
                  .y_stride = n_rows});
    return y;
  }

  /// In double precision, and how far a product with int8 activations may be from it: half a step
  /// of each block of 32.
  void expect_close(const std::vector<float>& in, const std::vector<float>& y) const {
    std::vector<float> row(n_cols);
    for (size_t r = 0; r < n_rows; ++r) {
      kernels::dequantize_row(type, weights.data() + r * row_bytes(dtype_info(type), n_cols),
                              row.data(), n_cols);
      double sum = 0, slack = 1e-6;
      for (size_t b = 0; b < n_cols; b += 32) {
        double largest = 0, weight = 0;
        for (size_t i = b; i < b + 32; ++i) {
          sum += double{row[i]} * double{in[i]};
          largest = std::max(largest, std::fabs(double{in[i]}));
          weight += std::fabs(double{row[i]}) * (in[i] != 0 ? 1 : 0);
        }
        slack += 0.502 / 127 * largest * weight + 1e-5 * largest * weight;
      }
      ASSERT_NEAR(static_cast<double>(y[r]), sum, slack) << "row " << r;
    }
  }
};

TEST(LinearChannels, IsTheDenseProductOfTheMaskedInputBitByBit) {
  const CounterRng rng(5, 5);
  uint64_t drawn = 0;
  for (const DType type : kChannelTypes) {
    for (const auto& [n_rows, n_cols] : {std::pair<size_t, size_t>{1, 32},
                                         {100, 64},
                                         {128, 576},
                                         {2177, 96},
                                         {4097, 64},
                                         {300, 1536}}) {
      const Product product(type, n_rows, n_cols);
      std::vector<size_t> counts{0, 1, n_cols};
      for (int i = 0; i < 3; ++i) counts.push_back(rng.bits(drawn++) % (n_cols + 1));
      for (const size_t keep : counts) {
        SCOPED_TRACE(std::string(dtype_info(type).name) + ", " + std::to_string(n_rows) + " x " +
                     std::to_string(n_cols) + ", keep " + std::to_string(keep));
        const auto kept = chosen_by_sorting(product.x, {}, keep);
        const auto in = product.masked(kept);
        std::vector<float> reference;
        for (const KernelTable* table : runnable_tables()) {
          SCOPED_TRACE(isa_name(table->isa));
          const auto y = product.skipping(*table, kept, 1);
          const auto dense = product.dense(*table, in);
          ASSERT_EQ(y, dense);
          const auto in_parts = product.skipping(*table, kept, 3);
          if (reference.empty()) {
            reference = in_parts;
            product.expect_close(in, y);
            product.expect_close(in, in_parts);
          }
          ASSERT_EQ(in_parts, reference);
        }
      }
    }
  }
}

/// linear() of one row over the groups of 32 columns that are kept, or over all.
std::vector<float> in_groups(const KernelTable& table, const Product& p, const void* rows,
                             bool interleaved, const std::vector<float>& in, bool skip,
                             size_t* n_kept = nullptr) {
  Guarded<uint8_t> prepared(activation_bytes(ActivationForm::kBlock32, 1, p.n_cols));
  table.quantize_activations(
      {ActivationForm::kBlock32, in.data(), p.n_cols, 1, 0, 1, p.n_cols, prepared.data()});
  Guarded<uint32_t> kept(p.n_cols / 32);
  const size_t n = find_kept_groups(prepared.data(), p.n_cols, kept.data());
  if (n_kept != nullptr) *n_kept = n;
  Guarded<float> y(p.n_rows);
  for (float& value : y) value = std::nanf("");
  const size_t middle = p.n_rows / 2 / table.panel_rows * table.panel_rows;
  for (const auto& [begin, end] : {std::pair{size_t{0}, middle}, {middle, p.n_rows}}) {
    table.linear({.type = p.type,
                  .form = ActivationForm::kBlock32,
                  .weights = rows,
                  .interleaved = interleaved,
                  .n_cols = p.n_cols,
                  .row_begin = begin,
                  .row_end = end,
                  .activations = prepared.data(),
                  .n_tokens = 1,
                  .y = y.data(),
                  .y_stride = p.n_rows,
                  .kept_groups = skip ? kept.data() : nullptr,
                  .n_kept_groups = n});
  }
  return {y.begin(), y.end()};
}

void expect_same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  ASSERT_EQ(a.size(), b.size());
  ASSERT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0);
}

TEST(LinearSkippingGroups, IsTheDenseProductOfTheMaskedInputBitByBit) {
  const CounterRng rng(6, 6);
  uint64_t drawn = 0;
  int n_types = 0;
  for (const DType type : kWeightTypes) {
    if (!skips_groups(type)) continue;
    ++n_types;
    for (const auto& [n_rows, n_cols] :
         {std::pair<size_t, size_t>{1, 32}, {7, 64}, {64, 576}, {100, 288}, {33, 1536}}) {
      const Product product(type, n_rows, n_cols);
      const size_t n_groups = n_cols / 32;
      for (const size_t n_left : {size_t{0}, size_t{1}, n_groups / 2, n_groups}) {
        SCOPED_TRACE(std::string(dtype_info(type).name) + ", " + std::to_string(n_rows) + " x " +
                     std::to_string(n_cols) + ", " + std::to_string(n_left) + " groups left");
        std::vector<float> in = product.x;
        size_t n_zero = 0;
        while (n_zero < n_groups - n_left) {
          float* const group = in.data() + 32 * (rng.bits(drawn++) % n_groups);
          n_zero += std::any_of(group, group + 32, [](float v) { return v != 0; }) ? 1 : 0;
          std::fill_n(group, 32, 0.0f);
        }
        std::vector<float> reference;
        for (const KernelTable* table : runnable_tables()) {
          SCOPED_TRACE(isa_name(table->isa));
          const void* rows = product.weights.data();
          size_t n_kept = 0;
          const auto y = in_groups(*table, product, rows, false, in, true, &n_kept);
          ASSERT_EQ(n_kept, n_left);
          expect_same_bits(y, product.dense(*table, in));
          if (reference.empty()) reference = y;
          expect_same_bits(y, reference);
          const size_t h = interleaved_rows(*table, type, n_cols);
          if (h == 1 || n_rows % h != 0) continue;
          Guarded<uint8_t> panels(product.weights.size());
          const size_t bytes = h * row_bytes(dtype_info(type), n_cols);
          for (size_t at = 0; at < panels.size(); at += bytes) {
            interleave_rows(type, h, n_cols, product.weights.data() + at, panels.data() + at);
          }
          expect_same_bits(in_groups(*table, product, panels.data(), true, in, true), y);
        }
      }
    }
  }
  EXPECT_GE(n_types, 7);
}

}  // namespace
}  // namespace whet::kernels
