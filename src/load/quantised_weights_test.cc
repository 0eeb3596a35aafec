// Planes of MLX, AWQ, GPTQ and compressed-tensors against values that NumPy computed from the same
// planes (tests/golden/make_quantised_golden.py); float8 against its definition.
#include "load/quantised_weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>

#include "kernels/kernels.h"
#include "load/float8.h"

namespace whet {
namespace {

const std::string kQuantised = WHET_SOURCE_DIR "/tests/golden/quantised/";

struct Repacked {
  ModelFile file;
  std::vector<std::string> notes;
};

Result<Repacked> repack(ModelFile file) {
  Repacked done{std::move(file), {}};
  ThreadPool pool(2);
  const auto memory = repack_quantised_weights(done.file, pool, done.notes);
  if (!memory.ok()) return memory.error();
  return done;
}

/// Compares "x.weight" with "x.expected" bit by bit; the type of each weight by its stem.
std::map<std::string, DType> compare(const std::string& name) {
  std::map<std::string, DType> types;
  auto opened = open_model_file(kQuantised + name);
  EXPECT_TRUE(opened.ok()) << opened.error().message();
  const auto done = repack(std::move(*opened));
  EXPECT_TRUE(done.ok()) << done.error().message();
  if (!done.ok()) return types;
  for (const TensorEntry& expected : done->file.tensors) {
    if (!expected.name.ends_with(".expected")) {
      EXPECT_TRUE(expected.name.ends_with(".weight")) << expected.name << " is left over";
      continue;
    }
    const std::string stem = expected.name.substr(0, expected.name.size() - 9);
    const TensorEntry* weight = done->file.find_tensor(stem + ".weight");
    EXPECT_NE(weight, nullptr) << stem;
    if (weight == nullptr) continue;
    EXPECT_EQ(weight->shape, expected.shape);
    const size_t columns = expected.shape[1];
    std::vector<float> found(columns), wanted(columns);
    float largest = 0;
    const uint64_t row_size = row_bytes(dtype_info(weight->type), columns);
    for (uint64_t row = 0; row < expected.shape[0]; ++row) {
      kernels::dequantize_row(weight->type, weight->bytes.data() + row * row_size, found.data(),
                              columns);
      std::memcpy(wanted.data(), expected.bytes.data() + row * columns * sizeof(float),
                  columns * sizeof(float));
      EXPECT_EQ(found, wanted) << name << " " << stem << " row " << row;
      for (size_t i = 0; i < columns; ++i) {
        largest = std::max(largest, std::abs(found[i] - wanted[i]));
      }
    }
    const std::string_view type = dtype_info(weight->type).name;
    // tools/models_table.py reads this.
    std::printf("planes %s %s %.*s %g %s\n", name.c_str(), stem.c_str(),
                static_cast<int>(type.size()), type.data(), static_cast<double>(largest),
                kernels::has_linear(weight->type) ? "kernel" : "unpacked");
    types[stem] = weight->type;
  }
  return types;
}

TEST(QuantisedWeights, MlxOfEveryWidthAndGroup) {
  const auto types = compare("mlx");
  EXPECT_EQ(types.size(), 18u);
  for (const char* group : {"32", "64", "128"}) {
    const auto type = [&](const char* bits) {
      return types.at(std::string("b") + bits + "_g" + group);
    };
    EXPECT_EQ(type("2"), DType::Q4_1);
    EXPECT_EQ(type("3"), DType::Q4_1);
    EXPECT_EQ(type("4"), DType::Q4_1);
    EXPECT_EQ(type("5"), DType::Q5_1);
    EXPECT_EQ(type("6"), DType::A8);
    EXPECT_EQ(type("8"), DType::A8);
  }
}

TEST(QuantisedWeights, MlxModesOfFloats) {
  const auto types = compare("mlx_floats");
  EXPECT_EQ(types.at("mxfp4"), DType::MXFP4);
  EXPECT_EQ(types.at("mxfp8"), DType::BF16);
  EXPECT_EQ(types.at("nvfp4"), DType::NVFP4);
}

TEST(QuantisedWeights, AwqGptqAndCompressedTensors) {
  EXPECT_EQ(compare("awq").at("w"), DType::Q8_0);  // codes minus zero points
  EXPECT_EQ(compare("gptq4").at("w"), DType::Q8_0);
  EXPECT_EQ(compare("gptq4_symmetric").at("w"), DType::Q4_0);
  EXPECT_EQ(compare("gptq4_order").at("w"), DType::F32);  // neighbours of different groups
  EXPECT_EQ(compare("gptq8").at("w"), DType::Q8_0);
  EXPECT_EQ(compare("gptq2").at("w"), DType::Q4_0);
  EXPECT_EQ(compare("packed4").at("w"), DType::Q4_0);
  EXPECT_EQ(compare("packed8").at("w"), DType::Q8_0);
  EXPECT_EQ(compare("packed4_zeros").at("w"), DType::Q8_0);
  EXPECT_EQ(compare("int8").at("w"), DType::Q8_0);
}

TEST(QuantisedWeights, Int8WithZeroPointsOfRowsAndGroups) {
  constexpr uint64_t kRows = 2, kColumns = 64, kGroups = 2;
  std::array<int8_t, kRows * kColumns> codes{};
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<int8_t>(i % 101 - 50);
  const std::array<float, kRows * kGroups> scales{0.5f, 0.25f, 2, 1};
  const std::array<int8_t, kRows * kGroups> zeros{1, -2, 3, 4};
  ModelFile file{};
  file.container = ModelFile::Container::kSafeTensors;
  file.side_files["config.json"] = R"({"quantization_config":
      {"quant_method": "compressed-tensors", "format": "int-quantized",
       "config_groups": {"group_0": {"weights": {"num_bits": 8, "symmetric": false}}}}})";
  const auto add = [&](const char* name, DType type, std::vector<uint64_t> shape, auto& values) {
    file.tensors.push_back({name, type, std::move(shape), std::as_bytes(std::span(values)), 0, 0});
  };
  add("w.weight", DType::I8, {kRows, kColumns}, codes);
  add("w.weight_scale", DType::F32, {kRows, kGroups}, scales);
  add("w.weight_zero_point", DType::I8, {kRows, kGroups}, zeros);
  const auto done = repack(std::move(file));
  ASSERT_TRUE(done.ok()) << done.error().message();
  const TensorEntry& weight = *done->file.find_tensor("w.weight");
  std::vector<float> row(kColumns);
  for (uint64_t r = 0; r < kRows; ++r) {
    const uint64_t size = row_bytes(dtype_info(weight.type), kColumns);
    kernels::dequantize_row(weight.type, weight.bytes.data() + r * size, row.data(), kColumns);
    for (uint64_t c = 0; c < kColumns; ++c) {
      const size_t group = r * kGroups + c / (kColumns / kGroups);
      EXPECT_EQ(row[c], static_cast<float>(codes[r * kColumns + c] - zeros[group]) * scales[group])
          << r << " " << c;
    }
  }
}

TEST(QuantisedWeights, OneScaleBeyondF16MakesFloats) {
  constexpr uint64_t kRows = 3, kColumns = 32;
  std::array<int8_t, kRows * kColumns> codes{};
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<int8_t>(i % 61 - 30);
  const std::array<float, kRows> scales{0.5f, 0x1p20f, 2};
  ModelFile file{};
  file.container = ModelFile::Container::kSafeTensors;
  file.side_files["config.json"] = R"({"quantization_config":
      {"quant_method": "compressed-tensors", "format": "int-quantized"}})";
  const auto add = [&](const char* name, DType type, std::vector<uint64_t> shape, auto& values) {
    file.tensors.push_back({name, type, std::move(shape), std::as_bytes(std::span(values)), 0, 0});
  };
  add("w.weight", DType::I8, {kRows, kColumns}, codes);
  add("w.weight_scale", DType::F32, {kRows, 1}, scales);
  const auto done = repack(std::move(file));
  ASSERT_TRUE(done.ok()) << done.error().message();
  const TensorEntry& weight = *done->file.find_tensor("w.weight");
  ASSERT_EQ(weight.type, DType::F32);
  std::vector<float> values(kRows * kColumns);
  std::memcpy(values.data(), weight.bytes.data(), values.size() * sizeof(float));
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(values[i], static_cast<float>(codes[i]) * scales[i / kColumns]) << i;
  }
}

TEST(QuantisedWeights, AnIndexNamesGroupsThatAreThere) {
  ModelFile file = open_model_file(kQuantised + "gptq4").value();
  const auto index = std::ranges::find(file.tensors, "w.g_idx", &TensorEntry::name);
  ASSERT_NE(index, file.tensors.end());
  std::vector<int32_t> groups(index->shape[0]);
  std::memcpy(groups.data(), index->bytes.data(), groups.size() * sizeof(int32_t));
  const int32_t n_groups = groups.back() + 1;
  for (const int32_t named : {n_groups, n_groups + 1, -1}) {
    groups.back() = named;
    ModelFile changed = file;
    changed.tensors[static_cast<size_t>(index - file.tensors.begin())].bytes =
        std::as_bytes(std::span(groups));
    const auto done = repack(std::move(changed));
    ASSERT_FALSE(done.ok()) << named;
    EXPECT_NE(done.error().message().find("w.g_idx"), std::string::npos) << done.error().message();
  }
}

TEST(QuantisedWeights, SaysWhatItRefuses) {
  const auto refusal = [](const std::string& name, const std::string& config) {
    ModelFile file = open_model_file(kQuantised + name).value();
    file.side_files["config.json"] = config;
    const auto done = repack(std::move(file));
    return done.ok() ? std::string("accepted") : done.error().message();
  };
  const auto holds = [](const std::string& text, const char* part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  holds(refusal("awq", R"({"quantization_config": {"quant_method": "bitsandbytes"}})"),
        "bitsandbytes");
  holds(refusal("awq", R"({"quantization_config": {}})"), "quant_method");
  holds(refusal("awq", R"({"quantization_config": {"quant_method": "awq", "bits": 4,
                           "group_size": 128, "version": "gemv"}})"),
        "gemv");
  holds(refusal("awq", R"({"quantization_config": {"quant_method": "awq", "bits": 4,
                           "group_size": 96}})"),
        "w.scales");
  // 256 columns, 2 groups: too few of 64, and of 200 the last is cut.
  for (const char* group : {"64", "200"}) {
    holds(refusal("awq", std::string(R"({"quantization_config": {"quant_method": "awq", "bits": 4,
                                         "group_size": )") +
                             group + "}}"),
          "w.scales");
  }
  holds(refusal("awq", R"({"quantization_config": {"quant_method": "awq", "bits": "4",
                           "group_size": 128}})"),
        "bits");
  holds(refusal("gptq4", R"({"quantization_config": {"quant_method": "gptq", "bits": 8,
                             "group_size": 64}})"),
        "w.");
  holds(refusal("mlx", R"({"quantization": {"bits": 4, "group_size": 64}})"), "b2_g");
  holds(refusal("mlx", R"({"quantization": {"bits": 7, "group_size": 64}})"), "bits");
  holds(refusal("mlx", R"({"quantization": {"bits": 4, "group_size": 64, "mode": "other"}})"),
        "other");
  holds(
      refusal("mlx_floats", R"({"quantization": {"bits": 4, "group_size": 32, "mode": "mxfp4"}})"),
      "mxfp8");
  holds(
      refusal("mlx_floats", R"({"quantization": {"bits": 4, "group_size": 64, "mode": "mxfp4"}})"),
      "groups of 32");
  holds(refusal("int8", R"({"quantization_config": {"quant_method": "compressed-tensors",
                            "format": "marlin-24"}})"),
        "marlin-24");
  // "quantization_config": null says nothing.
  ModelFile plain{};
  plain.container = ModelFile::Container::kSafeTensors;
  plain.side_files["config.json"] = R"({"quantization_config": null})";
  EXPECT_TRUE(repack(std::move(plain)).ok());
}

TEST(QuantisedWeights, PlanesOfMxfp4ExpertsMustFit) {
  const std::string stem = "model.layers.0.mlp.experts.gate_up_proj";
  const auto refusal = [&](const std::string& name, std::vector<uint64_t> shape) {
    ModelFile file = open_model_file(WHET_SOURCE_DIR "/tests/golden/models/gpt_oss_mxfp4").value();
    std::erase_if(file.tensors, [&](const TensorEntry& tensor) {
      return tensor.name.find("_blocks") != std::string::npos && !tensor.name.starts_with(stem);
    });
    for (TensorEntry& tensor : file.tensors) {
      if (tensor.name == name) tensor.shape = shape;
    }
    const auto done = repack(std::move(file));
    return done.ok() ? "accepted" : done.error().message();
  };
  EXPECT_EQ(refusal("", {}), "accepted");
  EXPECT_NE(refusal(stem + "_blocks", {5, 192, 32}).find("rows x blocks x 16"), std::string::npos);
  EXPECT_NE(refusal(stem + "_blocks", {5, 191, 2, 16}).find("scales"), std::string::npos);
  EXPECT_NE(refusal(stem + "_scales", {5, 192, 1}).find("scales"), std::string::npos);
}

TEST(Float8, ValuesOfTheSpecification) {
  EXPECT_EQ(f32_from_e4m3(0x00), 0.0f);
  EXPECT_EQ(f32_from_e4m3(0x01), 0x1p-9f);
  EXPECT_EQ(f32_from_e4m3(0x08), 0x1p-6f);
  EXPECT_EQ(f32_from_e4m3(0x38), 1.0f);
  EXPECT_EQ(f32_from_e4m3(0x7e), 448.0f);
  EXPECT_EQ(f32_from_e4m3(0xfe), -448.0f);
  EXPECT_TRUE(std::isnan(f32_from_e4m3(0x7f)));
  EXPECT_EQ(f32_from_e5m2(0x3c), 1.0f);
  EXPECT_EQ(f32_from_e5m2(0x01), 0x1p-16f);
  EXPECT_EQ(f32_from_e5m2(0x7b), 57344.0f);
  EXPECT_TRUE(std::isinf(f32_from_e5m2(0xfc)));
}

class Float8Weights : public testing::Test {
 protected:
  static constexpr uint64_t kRows = 3, kColumns = 5;
  Float8Weights() {
    file_.container = ModelFile::Container::kSafeTensors;
    for (size_t i = 0; i < codes_.size(); ++i) codes_[i] = static_cast<uint8_t>(0x30 + 3 * i);
    add("w.weight", DType::F8_E4M3, {kRows, kColumns}, std::as_bytes(std::span(codes_)));
  }
  void add(const char* name, DType type, std::vector<uint64_t> shape,
           std::span<const std::byte> bytes) {
    file_.tensors.push_back({name, type, std::move(shape), bytes, 0, 0});
  }
  float code(uint64_t row, uint64_t column) {
    return f32_from_e4m3(codes_[row * kColumns + column]);
  }
  void expect(const ModelFile& file, auto&& scale) {
    const TensorEntry* weight = file.find_tensor("w.weight");
    ASSERT_NE(weight, nullptr);
    std::vector<float> row(kColumns);
    for (uint64_t r = 0; r < kRows; ++r) {
      const uint64_t size = row_bytes(dtype_info(weight->type), kColumns);
      kernels::dequantize_row(weight->type, weight->bytes.data() + r * size, row.data(), kColumns);
      for (uint64_t c = 0; c < kColumns; ++c) EXPECT_EQ(row[c], code(r, c) * scale(r, c));
    }
  }

  std::array<uint8_t, kRows * kColumns> codes_{};
  ModelFile file_{};
};

TEST_F(Float8Weights, WithoutScalesAreBf16) {
  const auto done = repack(file_);
  ASSERT_TRUE(done.ok()) << done.error().message();
  EXPECT_EQ(done->file.find_tensor("w.weight")->type, DType::BF16);
  expect(done->file, [](uint64_t, uint64_t) { return 1.0f; });
}

TEST_F(Float8Weights, ScalesOfTheTensorOfRowsAndOfSquares) {
  const std::vector<float> scales{0.1f, 0.3f, 0.7f, 1.3f, 1.7f, 1.9f};
  const auto bytes = std::as_bytes(std::span(scales));
  const auto with = [&](const char* name, std::vector<uint64_t> shape, size_t n,
                        const char* config) {
    ModelFile file = file_;
    file.tensors.push_back({name, DType::F32, std::move(shape), bytes.first(4 * n), 0, 0});
    file.side_files["config.json"] = config;
    auto done = repack(std::move(file));
    EXPECT_TRUE(done.ok()) << done.error().message();
    return std::move(done).value().file;
  };
  const char* fp8 = R"({"quantization_config": {"quant_method": "fp8",
                        "weight_block_size": [2, 2]}})";
  expect(with("w.weight_scale", {}, 1, fp8), [&](uint64_t, uint64_t) { return scales[0]; });
  expect(with("w.weight_scale", {3, 1}, 3, fp8), [&](uint64_t r, uint64_t) { return scales[r]; });
  expect(with("w.weight_scale_inv", {2, 3}, 6, fp8),
         [&](uint64_t r, uint64_t c) { return scales[r / 2 * 3 + c / 2]; });
  ModelFile file = file_;
  file.tensors.push_back({"w.weight_scale", DType::F32, {2, 2}, bytes.first(16), 0, 0});
  file.side_files["config.json"] = fp8;
  EXPECT_FALSE(repack(std::move(file)).ok());
}

}  // namespace
}  // namespace whet
