// The linear recurrence against double precision, and the same bits from every instruction set.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/test_data.h"

namespace whet::kernels {
namespace {

using namespace testing;

std::vector<float> random_values(uint64_t seed, size_t n, float scale) {
  const CounterRng rng(seed, n);
  std::vector<float> x(n);
  for (size_t i = 0; i < n; ++i) x[i] = scale * gaussian(rng, i);
  return x;
}

struct Size {
  size_t n_keys, n_values;
};

/// What 20 steps make of a state that is zero: their outputs, then the state.
std::vector<float> run(const KernelTable& table, const Size& size, bool corrects) {
  Guarded<float> state(size.n_keys * size.n_values), out(size.n_values);
  for (float& x : state) x = 0;
  std::vector<float> all;
  for (uint64_t step = 0; step < 20; ++step) {
    const auto key = random_values(3 * step, size.n_keys, 0.2f);
    const auto query = random_values(3 * step + 1, size.n_keys, 0.2f);
    const auto value = random_values(3 * step + 2, size.n_values, 1.0f);
    table.recurrence({.state = state.data(),
                      .key = key.data(),
                      .query = query.data(),
                      .value = value.data(),
                      .decay = 0.5f + 0.02f * static_cast<float>(step),
                      .rate = 0.9f - 0.03f * static_cast<float>(step),
                      .corrects = corrects,
                      .n_keys = size.n_keys,
                      .n_values = size.n_values,
                      .out = out.data()});
    all.insert(all.end(), out.begin(), out.end());
  }
  all.insert(all.end(), state.begin(), state.end());
  return all;
}

std::vector<double> expected(const Size& size, bool corrects) {
  std::vector<double> state(size.n_keys * size.n_values), all;
  for (uint64_t step = 0; step < 20; ++step) {
    const auto key = random_values(3 * step, size.n_keys, 0.2f);
    const auto query = random_values(3 * step + 1, size.n_keys, 0.2f);
    const auto value = random_values(3 * step + 2, size.n_values, 1.0f);
    const double decay = 0.5f + 0.02f * static_cast<float>(step);
    const double rate = 0.9f - 0.03f * static_cast<float>(step);
    for (size_t j = 0; j < size.n_values; ++j) {
      double seen = 0, out = 0;
      for (size_t k = 0; k < size.n_keys; ++k) {
        seen += decay * state[k * size.n_values + j] * key[k];
      }
      const double change = rate * (value[j] - (corrects ? seen : 0.0));
      for (size_t k = 0; k < size.n_keys; ++k) {
        double& s = state[k * size.n_values + j];
        s = decay * s + key[k] * change;
        out += s * query[k];
      }
      all.push_back(out);
    }
  }
  all.insert(all.end(), state.begin(), state.end());
  return all;
}

TEST(Recurrence, MatchesDoubleAndIsTheSameEverywhere) {
  for (const Size size : {Size{128, 128}, Size{16, 64}, Size{5, 7}, Size{64, 80}, Size{1, 100}}) {
    for (const bool corrects : {false, true}) {
      SCOPED_TRACE(size.n_values);
      std::vector<float> reference;
      for (const KernelTable* table : runnable_tables()) {
        SCOPED_TRACE(isa_name(table->isa));
        const auto found = run(*table, size, corrects);
        if (reference.empty()) {
          reference = found;
          const auto exact = expected(size, corrects);
          ASSERT_EQ(found.size(), exact.size());
          for (size_t i = 0; i < exact.size(); ++i) ASSERT_NEAR(found[i], exact[i], 2e-5) << i;
        }
        ASSERT_EQ(std::memcmp(found.data(), reference.data(), found.size() * sizeof(float)), 0);
      }
    }
  }
}

}  // namespace
}  // namespace whet::kernels
