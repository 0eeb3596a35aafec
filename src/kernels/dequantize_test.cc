// dequantize_row() against values recorded from the gguf package (tests/golden).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "kernels/kernels.h"

namespace whet::kernels {
namespace {

TEST(DequantizeRow, IsExactlyWhatGgufDefines) {
  std::ifstream file(WHET_SOURCE_DIR "/tests/golden/dequant.bin", std::ios::binary);
  const std::string golden{std::istreambuf_iterator<char>(file), {}};
  ASSERT_FALSE(golden.empty());
  size_t at = 0, n_types = 0;
  const auto read_u32 = [&] {
    uint32_t value = 0;
    std::memcpy(&value, golden.data() + at, sizeof(value));
    at += sizeof(value);
    return value;
  };
  while (at < golden.size()) {
    const DTypeInfo* info = find_dtype(read_u32());
    ASSERT_NE(info, nullptr);
    const size_t n = read_u32();
    const char* blocks = golden.data() + at;
    at += row_bytes(*info, n);
    constexpr float kGuard = 0x1.a5p77f;  // behind the row, where nothing may be written
    std::vector<float> expected(n), values(n + 16, kGuard);
    ASSERT_LE(at + n * sizeof(float), golden.size());
    std::memcpy(expected.data(), golden.data() + at, n * sizeof(float));
    at += n * sizeof(float);
    ASSERT_TRUE(weight_type_supported(info->type)) << info->name;
    dequantize_row(info->type, blocks, values.data(), n);
    ASSERT_TRUE(std::all_of(values.begin() + static_cast<ptrdiff_t>(n), values.end(), [](float x) {
      return x == kGuard;
    })) << info->name;
    float largest = 0;
    for (size_t i = 0; i < n; ++i) {
      ASSERT_EQ(values[i], expected[i]) << info->name << " " << i;
      largest = std::max(largest, std::abs(values[i] - expected[i]));
    }
    // tools/models_table.py reads this.
    std::printf("type %.*s %g %s\n", static_cast<int>(info->name.size()), info->name.data(),
                static_cast<double>(largest), has_linear(info->type) ? "kernel" : "unpacked");
    ++n_types;
  }
  EXPECT_EQ(n_types, 25u);
}

}  // namespace
}  // namespace whet::kernels
