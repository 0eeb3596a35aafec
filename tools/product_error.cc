// Error of matrix products beside llama.cpp's: both engines multiply the same quantised weights
// with the same activations, which hold outliers, and are compared with double precision.
//
//   g++ -std=c++20 -O2 -I src -I LLAMA/ggml/include tools/product_error.cc \
//     build/release/src/kernels/libwhet_kernels.a build/release/src/tensor/libwhet_tensor.a \
//     -L LLAMA/build/bin -Wl,-rpath,LLAMA/build/bin -lggml-cpu -lggml-base -lfmt -o product_error
//
// where LLAMA is a built checkout of llama.cpp. Prints the root mean square error of the products
// relative to theirs, for three kinds of activations: normal; heavy-tailed (Student t, 3 degrees of
// freedom); and normal with one channel in 64 scaled by 30, as in the residual stream of trained
// models.
#include <ggml-cpu.h>
#include <ggml.h>

#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/kernels.h"
#include "tensor/dtype.h"

namespace {

constexpr size_t kRows = 256, kColumns = 2048, kTokens = 32;

struct Type {
  whet::DType ours;
  ggml_type theirs;
};
constexpr Type kTypes[] = {
    {whet::DType::F16, GGML_TYPE_F16},      {whet::DType::BF16, GGML_TYPE_BF16},
    {whet::DType::Q8_0, GGML_TYPE_Q8_0},    {whet::DType::Q4_0, GGML_TYPE_Q4_0},
    {whet::DType::Q4_1, GGML_TYPE_Q4_1},    {whet::DType::Q5_0, GGML_TYPE_Q5_0},
    {whet::DType::Q5_1, GGML_TYPE_Q5_1},    {whet::DType::Q2_K, GGML_TYPE_Q2_K},
    {whet::DType::Q3_K, GGML_TYPE_Q3_K},    {whet::DType::Q4_K, GGML_TYPE_Q4_K},
    {whet::DType::Q5_K, GGML_TYPE_Q5_K},    {whet::DType::Q6_K, GGML_TYPE_Q6_K},
    {whet::DType::IQ4_NL, GGML_TYPE_IQ4_NL}};

std::vector<float> activations(int kind) {
  std::mt19937_64 rng(17);
  std::normal_distribution<float> normal;
  std::student_t_distribution<float> heavy(3);
  std::vector<float> x(kTokens * kColumns);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = kind == 1 ? heavy(rng) : normal(rng);
    if (kind == 2 && i % kColumns % 64 == 5) x[i] *= 30;
  }
  return x;
}

std::vector<float> multiplied_by_whet(whet::DType type, const std::vector<uint8_t>& w,
                                      const std::vector<float>& x) {
  using namespace whet::kernels;
  const auto form = activation_form(kernels(), type, kColumns);
  whet::AlignedBuffer<std::byte> prepared;
  std::byte* to = prepared.reserve(activation_bytes(form, kTokens, kColumns));
  kernels().quantize_activations({.form = form,
                                  .x = x.data(),
                                  .x_stride = kColumns,
                                  .n_tokens = kTokens,
                                  .token_begin = 0,
                                  .token_end = kTokens,
                                  .n_cols = kColumns,
                                  .dst = to});
  std::vector<float> y(kTokens * kRows);
  kernels().linear({.type = type,
                    .form = form,
                    .weights = w.data(),
                    .n_cols = kColumns,
                    .row_begin = 0,
                    .row_end = kRows,
                    .activations = to,
                    .n_tokens = kTokens,
                    .y = y.data(),
                    .y_stride = kRows});
  return y;
}

std::vector<float> multiplied_by_ggml(ggml_type type, const std::vector<uint8_t>& w,
                                      const std::vector<float>& x) {
  const ggml_type_traits_cpu* traits = ggml_get_type_traits_cpu(type);
  const ggml_type_traits_cpu* rounded = ggml_get_type_traits_cpu(traits->vec_dot_type);
  const size_t row = ggml_row_size(type, kColumns);
  std::vector<uint8_t> q(ggml_row_size(traits->vec_dot_type, kColumns));
  std::vector<float> y(kTokens * kRows);
  for (size_t t = 0; t < kTokens; ++t) {
    rounded->from_float(x.data() + t * kColumns, q.data(), kColumns);
    for (size_t n = 0; n < kRows; ++n) {
      traits->vec_dot(kColumns, &y[t * kRows + n], 0, w.data() + n * row, 0, q.data(), 0, 1);
    }
  }
  return y;
}

double relative_error(const std::vector<float>& y, const std::vector<double>& exact) {
  double error = 0, size = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    error += (y[i] - exact[i]) * (y[i] - exact[i]);
    size += exact[i] * exact[i];
  }
  return std::sqrt(error / size);
}

}  // namespace

int main() {
  ggml_cpu_init();
  std::mt19937_64 rng(1);
  std::normal_distribution<float> normal(0, 0.02f);
  std::vector<float> weights(kRows * kColumns);
  for (float& w : weights) w = normal(rng);
  std::printf("%-7s %-40s %-40s %s\n", "", "normal", "heavy-tailed", "outlier channels");
  for (const Type& type : kTypes) {
    const size_t row = ggml_row_size(type.theirs, kColumns);
    std::vector<uint8_t> w(kRows * row);
    ggml_quantize_chunk(type.theirs, weights.data(), w.data(), 0, kRows, kColumns, nullptr);
    std::printf("%-7s", whet::dtype_info(type.ours).name.data());
    for (int kind = 0; kind < 3; ++kind) {
      const std::vector<float> x = activations(kind);
      std::vector<double> exact(kTokens * kRows);
      std::vector<float> values(kColumns);
      for (size_t n = 0; n < kRows; ++n) {
        whet::kernels::dequantize_row(type.ours, w.data() + n * row, values.data(), kColumns);
        for (size_t t = 0; t < kTokens; ++t) {
          for (size_t k = 0; k < kColumns; ++k) {
            exact[t * kRows + n] += double{values[k]} * x[t * kColumns + k];
          }
        }
      }
      const double ours = relative_error(multiplied_by_whet(type.ours, w, x), exact);
      const double theirs = relative_error(multiplied_by_ggml(type.theirs, w, x), exact);
      std::printf("  whet %.2e llama.cpp %.2e ratio %.2f", ours, theirs, ours / theirs);
    }
    std::printf("\n");
  }
}
