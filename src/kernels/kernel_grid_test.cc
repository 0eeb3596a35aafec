// Every instruction set x format x shape: linear() against double precision over the quantised
// activations, bit-identity across instruction sets, token counts and row ranges, and memory that
// ends at a guard page.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "kernels/activations.h"
#include "kernels/f16.h"
#include "kernels/interleave.h"
#include "kernels/test_data.h"

namespace whet::kernels {
namespace {

using namespace testing;

constexpr size_t kMaxTokens = 33;
constexpr size_t kTokenCounts[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 16, 17, 33};
constexpr size_t kRowCounts[] = {1, 7, 8, 9, 31, 100};

std::vector<size_t> column_counts(DType type) {
  switch (dtype_info(type).block_elements) {
    case 256:
      return {256, 512, 768, 2048};
    case 32:
      return {32, 64, 192, 256, 512, 576, 768, 2048};
    default:
      return {1, 15, 32, 100, 257, 576, 1029, 2048, 2104};  // 2104: a second block of pairs
  }
}

struct Activations {
  ActivationForm form;
  const std::vector<float>& x;
  size_t n_tokens, n_cols;
  Guarded<uint8_t> bytes;
  Activations(ActivationForm f, const std::vector<float>& values, size_t t, size_t k)
      : form(f), x(values), n_tokens(t), n_cols(k), bytes(activation_bytes(f, t, k)) {
    std::memset(bytes.data(), 0xff, bytes.size());  // floats that are not numbers
  }

  /// The value that the kernels multiply column k with: that of an integer code, or the float.
  double value(size_t token, size_t k) const {
    const size_t record = k / kBlockCols * n_tokens + token, at = k % kBlockCols;
    switch (form) {
      case ActivationForm::kFloat:
        return static_cast<double>(x[token * n_cols + k]);
      case ActivationForm::kBlock32: {
        const auto* r = load<Activations32>(record);
        return double{r->d[at / 32]} * r->q[at];
      }
      case ActivationForm::kBlock256: {
        const auto* r = load<Activations256>(record);
        return double{r->d} * r->q[at];
      }
      case ActivationForm::kBf16Pairs:
        return double{f32_from_bf16_bits(bf16_bits_from_f32(x[token * n_cols + k]))};
    }
    return 0;
  }
  template <class Record>
  const Record* load(size_t i) const {
    return reinterpret_cast<const Record*>(bytes.data()) + i;
  }
};

std::unique_ptr<Activations> prepare(const KernelTable& table, ActivationForm form,
                                     const std::vector<float>& x, size_t n_tokens, size_t n_cols) {
  auto out = std::make_unique<Activations>(form, x, n_tokens, n_cols);
  // In two parts, as threads would.
  for (size_t part = 0; part < 2; ++part) {
    table.quantize_activations({.form = form,
                                .x = x.data(),
                                .x_stride = n_cols,
                                .n_tokens = n_tokens,
                                .token_begin = part == 0 ? 0 : n_tokens / 3,
                                .token_end = part == 0 ? n_tokens / 3 : n_tokens,
                                .n_cols = n_cols,
                                .dst = out->bytes.data()});
  }
  return out;
}

struct Problem {
  DType type;
  size_t n_rows, n_cols;
  Guarded<uint8_t> weights;
  std::vector<float> x;  // kMaxTokens rows

  Problem(DType t, size_t n, size_t k, uint64_t seed = 1)
      : type(t), n_rows(n), n_cols(k), weights(n * row_bytes(dtype_info(t), k)), x(kMaxTokens * k) {
    const CounterRng rng(seed, n * 10000 + k);
    fill_weights(type, rng, weights.data(), n * k);
    const CounterRng activations(seed + 1, k);
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] = gaussian(activations, i) * (i % 97 == 5 ? 20.0f : 1.0f);
    }
  }
  const uint8_t* row(size_t n) const {
    return weights.data() + n * row_bytes(dtype_info(type), n_cols);
  }
};

struct Range {
  size_t begin, end;
};

std::vector<float> linear(const KernelTable& table, const Problem& p, size_t n_tokens,
                          const std::vector<Range>& ranges, ActivationForm form,
                          const Guarded<uint8_t>* interleaved = nullptr) {
  const auto activations = prepare(table, form, p.x, n_tokens, p.n_cols);
  Guarded<float> y(n_tokens * p.n_rows);
  for (float& v : y) v = std::nanf("");
  for (const Range& range : ranges) {
    table.linear({.type = p.type,
                  .form = form,
                  .weights = (interleaved != nullptr ? *interleaved : p.weights).data(),
                  .interleaved = interleaved != nullptr,
                  .n_cols = p.n_cols,
                  .row_begin = range.begin,
                  .row_end = range.end,
                  .activations = activations->bytes.data(),
                  .n_tokens = n_tokens,
                  .y = y.data(),
                  .y_stride = p.n_rows});
  }
  return std::vector<float>(y.begin(), y.end());
}

std::vector<float> linear(const KernelTable& table, const Problem& p, size_t n_tokens,
                          const std::vector<Range>& ranges,
                          const Guarded<uint8_t>* interleaved = nullptr) {
  return linear(table, p, n_tokens, ranges, activation_form(table, p.type, p.n_cols), interleaved);
}

/// Compares bits, because NaN and the sign of zero count.
void expect_same_bits(const std::vector<float>& a, const std::vector<float>& b, size_t n,
                      const std::string& what) {
  ASSERT_LE(n, a.size());
  ASSERT_LE(n, b.size());
  if (std::memcmp(a.data(), b.data(), n * sizeof(float)) == 0) return;
  for (size_t i = 0; i < n; ++i) {
    ASSERT_EQ(std::memcmp(&a[i], &b[i], sizeof(float)), 0)
        << what << " element " << i << ": " << a[i] << " and " << b[i];
  }
}

void expect_close_to_double(const KernelTable& table, const Problem& p, const std::vector<float>& y,
                            const std::string& what) {
  const ActivationForm form = activation_form(table, p.type, p.n_cols);
  const auto x = prepare(table, form, p.x, kMaxTokens, p.n_cols);
  for (size_t n = 0; n < p.n_rows; ++n) {
    const std::vector<float> codes = dequantized_part(p.type, p.row(n), p.n_cols, true);
    const std::vector<float> mins = dequantized_part(p.type, p.row(n), p.n_cols, false);
    for (size_t t = 0; t < kMaxTokens; t += 8) {
      double sum = 0, magnitude = 0;
      for (size_t k = 0; k < p.n_cols; ++k) {
        const double xk = x->value(t, k);
        sum += (double{codes[k]} + double{mins[k]}) * xk;
        magnitude += (std::fabs(codes[k]) + std::fabs(mins[k])) * std::fabs(xk);
      }
      // Sequential sums of n terms err by less than n * 2^-24 * sum of magnitudes; the products
      // d * dx and the conversion of the integer add three roundings to each.
      const double terms =
          static_cast<double>(form == ActivationForm::kBlock256  ? 2 * (p.n_cols / 256)
                              : form == ActivationForm::kBlock32 ? 2 * (p.n_cols / 32)
                                                                 : p.n_cols);
      ASSERT_NEAR(y[t * p.n_rows + n], sum, (terms + 4) * 0x1p-24 * magnitude + 1e-30)
          << what << " row " << n << " token " << t;
    }
  }
}

std::string case_name(const KernelTable& table, const Problem& p) {
  return std::string(isa_name(table.isa)) + " " + std::string(dtype_info(p.type).name) + " " +
         std::to_string(p.n_rows) + "x" + std::to_string(p.n_cols);
}

class KernelGrid : public ::testing::TestWithParam<DType> {};

TEST_P(KernelGrid, EveryShapeOnEveryIsa) {
  for (size_t n_cols : column_counts(GetParam())) {
    for (size_t n_rows : kRowCounts) {
      const Problem p(GetParam(), n_rows, n_cols);
      std::vector<float> reference;
      for (const KernelTable* table : runnable_tables()) {
        const std::string what = case_name(*table, p);
        const std::vector<float> y = linear(*table, p, kMaxTokens, {{0, n_rows}});
        if (activation_form(*table, p.type, n_cols) == ActivationForm::kBf16Pairs) {
          expect_close_to_double(*table, p, y, what);
        } else if (reference.empty()) {
          expect_close_to_double(*table, p, y, what);
          reference = y;
        } else {
          expect_same_bits(reference, y, y.size(), what + " against scalar");
        }
        for (size_t n_tokens : kTokenCounts) {
          expect_same_bits(y, linear(*table, p, n_tokens, {{0, n_rows}}), n_tokens * n_rows,
                           what + " T=" + std::to_string(n_tokens));
        }
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(KernelGrid, RowRangesDoNotChangeTheResult) {
  const size_t n_cols = dtype_info(GetParam()).block_elements == 256 ? 512 : 320;
  const Problem p(GetParam(), 100, n_cols);
  for (const KernelTable* table : runnable_tables()) {
    const size_t h = table->panel_rows;
    for (size_t n_tokens : {1, 4, 17}) {
      const auto whole = linear(*table, p, n_tokens, {{0, 100}});
      const auto parts = linear(*table, p, n_tokens, {{2 * h, 100}, {0, h}, {h, 2 * h}});
      expect_same_bits(whole, parts, whole.size(), case_name(*table, p));
    }
  }
}

TEST_P(KernelGrid, InterleavedRowsGiveTheSameBits) {
  for (size_t n_cols : column_counts(GetParam())) {
    for (const KernelTable* table : runnable_tables()) {
      const size_t h = interleaved_rows(*table, GetParam(), n_cols);
      if (h == 1) continue;
      for (size_t n_panels : {1, 2, 5, 9}) {
        const size_t n_rows = n_panels * h;
        const Problem p(GetParam(), n_rows, n_cols);
        Guarded<uint8_t> panels(p.weights.size());
        for (size_t n = 0; n < n_rows; n += h) {
          interleave_rows(p.type, h, n_cols, p.row(n), panels.data() + (p.row(n) - p.row(0)));
        }
        std::vector<Range> ranges{{0, n_rows}};
        if (n_panels >= 5) ranges = {{2 * h, n_rows}, {0, 2 * h}};
        for (size_t n_tokens : kTokenCounts) {
          expect_same_bits(linear(*table, p, n_tokens, {{0, n_rows}}),
                           linear(*table, p, n_tokens, ranges, &panels), n_tokens * n_rows,
                           case_name(*table, p) + " T=" + std::to_string(n_tokens));
        }
        const Matrix matrix{p.type, reinterpret_cast<const std::byte*>(panels.data()),
                            static_cast<int64_t>(n_rows), static_cast<int64_t>(n_cols),
                            static_cast<int64_t>(h)};
        std::vector<float> expected(n_cols), found(n_cols);
        for (size_t n = 0; n < n_rows; ++n) {
          dequantize_row(p.type, p.row(n), expected.data(), n_cols);
          dequantize_row(matrix, static_cast<int64_t>(n), found.data());
          expect_same_bits(expected, found, n_cols, case_name(*table, p) + " as floats");
        }
        if (HasFatalFailure()) return;
      }
    }
  }
}

/// More tokens than one chunk or tile of either driver takes.
TEST_P(KernelGrid, ChunksOfTokensDoNotChangeTheResult) {
  constexpr size_t kTokens = 300, kRows = 19;
  const size_t n_cols = dtype_info(GetParam()).block_elements == 256 ? 512 : 288;
  Problem p(GetParam(), kRows, n_cols);
  const CounterRng rng(9, n_cols);
  p.x.resize(kTokens * n_cols);
  for (size_t i = 0; i < p.x.size(); ++i) p.x[i] = gaussian(rng, i);
  for (const KernelTable* table : runnable_tables()) {
    const auto all = linear(*table, p, kTokens, {{0, kRows}});
    for (size_t first : {0, 127, 255, 299}) {
      Problem one(GetParam(), kRows, n_cols);
      std::copy_n(p.x.begin() + static_cast<ptrdiff_t>(first * n_cols), n_cols, one.x.begin());
      expect_same_bits(
          std::vector<float>(all.begin() + static_cast<ptrdiff_t>(first * kRows),
                             all.begin() + static_cast<ptrdiff_t>((first + 1) * kRows)),
          linear(*table, one, 1, {{0, kRows}}), kRows,
          case_name(*table, p) + " token " + std::to_string(first));
    }
  }
}

/// Codes and activations at their limits. With factors of one and integer activations up to 127
/// the scale of the activations is one, so that the result is an integer.
TEST_P(KernelGrid, IntegerPartsAreExact) {
  const DTypeInfo& info = dtype_info(GetParam());
  if (is_float(GetParam())) return;
  for (int fill : {0x00, 0xff, 0x80, 0x7f, 0x88, 0x77, -1}) {
    for (int pattern = 0; pattern < 3; ++pattern) {
      Problem p(GetParam(), 9, 256);
      if (fill >= 0) std::memset(p.weights.data(), fill, p.weights.size());
      const FactorFields fields = factor_fields(GetParam());
      for (uint8_t* b = p.weights.data(); b < p.weights.end(); b += info.block_bytes) {
        for (size_t at : fields.scales) put16(b + at, 0x3c00);
        for (size_t at : fields.mins) put16(b + at, 0x3c00);
        if (GetParam() == DType::MXFP4) b[0] = 128;
      }
      for (size_t i = 0; i < p.x.size(); ++i) {
        const int sign = pattern == 2 && i % 2 == 1 ? -1 : 1;
        p.x[i] = pattern == 0 && i % 32 != 0
                     ? static_cast<float>(static_cast<int>(i * 7919 % 255) - 127)
                     : static_cast<float>(127 * sign);
      }
      for (const KernelTable* table : runnable_tables()) {
        const auto y = linear(*table, p, kMaxTokens, {{0, 9}});
        for (size_t n = 0; n < 9; ++n) {
          std::vector<float> w(256);
          dequantize_row(p.type, p.row(n), w.data(), 256);
          for (size_t t = 0; t < kMaxTokens; ++t) {
            int64_t sum = 0;
            for (size_t k = 0; k < 256; ++k) {
              sum += static_cast<int64_t>(w[k]) * static_cast<int64_t>(p.x[t * 256 + k]);
            }
            // Above 2^24 the parts are rounded when they become floats.
            const double rounding = std::abs(static_cast<double>(sum)) < 0x1p22 ? 0.0 : 8.0;
            ASSERT_NEAR(y[t * 9 + n], static_cast<double>(sum), rounding)
                << case_name(*table, p) << " fill " << fill << " pattern " << pattern;
          }
        }
      }
    }
  }
}

TEST_P(KernelGrid, ExtremeActivationsStayFinite) {
  for (float magnitude : {1e30f, 1e-30f, 1e-44f, 0.0f}) {
    Problem p(GetParam(), 31, 256);
    for (float& v : p.x) v *= magnitude;
    for (const KernelTable* table : runnable_tables()) {
      for (float v : linear(*table, p, kMaxTokens, {{0, 31}})) {
        ASSERT_TRUE(std::isfinite(v)) << case_name(*table, p) << " magnitude " << magnitude;
        if (magnitude == 0.0f) {
          ASSERT_EQ(v, 0.0f);
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, KernelGrid, ::testing::ValuesIn(kWeightTypes),
                         [](const auto& test) { return std::string(dtype_info(test.param).name); });

/// What --exact asks for, also of a level that multiplies pairs of BF16.
TEST(KernelsOfBf16, FloatActivationsGiveTheSameBitsOnEveryIsa) {
  for (size_t n_cols : column_counts(DType::BF16)) {
    const Problem p(DType::BF16, 31, n_cols);
    for (size_t n_tokens : {size_t{1}, size_t{5}, kMaxTokens}) {
      std::vector<float> reference;
      for (const KernelTable* table : runnable_tables()) {
        const auto y = linear(*table, p, n_tokens, {{0, 31}}, ActivationForm::kFloat);
        if (reference.empty()) reference = y;
        expect_same_bits(reference, y, y.size(), case_name(*table, p));
      }
    }
  }
}

TEST(QuantizeActivations, ErrsByAtMostHalfAStep) {
  const size_t n_cols = 768;
  for (auto form : {ActivationForm::kBlock32, ActivationForm::kBlock256}) {
    const size_t group = form == ActivationForm::kBlock32 ? 32 : 256;
    const Problem p(DType::Q4_K, 1, n_cols);
    std::unique_ptr<Activations> reference;
    for (const KernelTable* table : runnable_tables()) {
      auto a = prepare(*table, form, p.x, kMaxTokens, n_cols);
      for (size_t t = 0; t < kMaxTokens; ++t) {
        for (size_t k = 0; k < n_cols; ++k) {
          const float* x = p.x.data() + t * n_cols;
          float max = 0;
          for (size_t i = 0; i < group; ++i) {
            max = std::max(max, std::fabs(x[k / group * group + i]));
          }
          ASSERT_NEAR(a->value(t, k), x[k], max / 127 * 0.50001);
          if (reference != nullptr) {
            ASSERT_EQ(a->value(t, k), reference->value(t, k));
          }
        }
      }
      if (reference == nullptr) reference = std::move(a);
    }
  }
}

}  // namespace
}  // namespace whet::kernels
