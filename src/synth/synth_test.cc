// The mixture against files that llama.cpp's quantiser wrote, and the spread of random blocks.
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

#include "kernels/kernels.h"
#include "quantize/type_mixture.h"
#include "synth/model_shape.h"
#include "synth/random_weights.h"

namespace whet {
namespace {

// Q6_K tensors of llama-quantize (0.5.0) TinyLlama-1.1B f16 -> Q4_K_M, both attn_v and ffn_down.
TEST(TypeMixture, Q4KMIsLlamaCpps) {
  const std::set<uint64_t> better{0, 1, 4, 7, 10, 13, 16, 19, 20, 21};
  TypeMixture mixture = type_mixture("q4_k_m").value();
  for (uint64_t layer = 0; layer < 22; ++layer) {
    const DType expected = better.contains(layer) ? DType::Q6_K : DType::Q4_K;
    EXPECT_EQ(mixture.type_of(MatrixRole::kAttentionV, layer, 22, 2048, false), expected) << layer;
    EXPECT_EQ(mixture.type_of(MatrixRole::kFfnDown, layer, 22, 5632, false), expected) << layer;
    EXPECT_EQ(mixture.type_of(MatrixRole::kOther, layer, 22, 2048, false), DType::Q4_K);
  }
  EXPECT_EQ(mixture.type_of(MatrixRole::kHead, 0, 22, 2048, false), DType::Q6_K);
  EXPECT_EQ(mixture.type_of(MatrixRole::kEmbedding, 0, 22, 2048, false), DType::Q4_K);
  EXPECT_EQ(mixture.type_of(MatrixRole::kEmbedding, 0, 22, 2048, true), DType::Q6_K);
}

TEST(TypeMixture, FallsBackWhereBlocksDoNotDivide) {
  TypeMixture mixture = type_mixture("q4_k_m").value();
  EXPECT_EQ(mixture.type_of(MatrixRole::kOther, 0, 4, 192, false), DType::Q5_0);
  EXPECT_EQ(mixture.type_of(MatrixRole::kHead, 0, 4, 192, false), DType::Q8_0);
  EXPECT_EQ(mixture.type_of(MatrixRole::kOther, 0, 4, 100, false), DType::F16);
}

TEST(RandomWeights, HaveTheSameSpreadInEveryType) {
  constexpr size_t kWeights = 1 << 16;
  for (const std::string& name : type_mixture_names()) {
    const DType type = type_mixture(name)->base;
    std::vector<std::byte> blocks(row_bytes(dtype_info(type), kWeights));
    fill_random_weights(type, CounterRng(3, 0), 0, blocks);
    std::vector<float> weights(kWeights);
    kernels::dequantize_row(type, blocks.data(), weights.data(), kWeights);
    double sum = 0, squares = 0;
    for (float w : weights) {
      sum += w;
      squares += double{w} * w;
    }
    EXPECT_NEAR(std::sqrt(squares / kWeights), 0.02, 0.002) << name;
    EXPECT_NEAR(sum / kWeights, 0, 0.0025) << name;

    std::vector<std::byte> second(blocks.size() / 2);  // the same weights in pieces
    fill_random_weights(type, CounterRng(3, 0), kWeights / dtype_info(type).block_elements / 2,
                        second);
    EXPECT_TRUE(std::equal(second.begin(), second.end(),
                           blocks.begin() + static_cast<ptrdiff_t>(second.size())))
        << name;
  }
}

TEST(ModelShape, RefusesWhatNoModelCanBe) {
  EXPECT_FALSE(known_shape("gpt-9").ok());
  for (const std::string& name : known_shape_names()) {
    EXPECT_TRUE(validate(known_shape(name).value()).ok()) << name;
  }
  ModelShape shape = known_shape("tinyllama-1.1b").value();
  shape.n_kv_heads = 5;
  EXPECT_FALSE(validate(shape).ok());
  shape = known_shape("tinyllama-1.1b").value();
  shape.head_dim = 63;
  EXPECT_FALSE(validate(shape).ok());
  shape = known_shape("phi-2").value();
  shape.tied_head = true;
  EXPECT_FALSE(validate(shape).ok());
  shape = known_shape("phi-2").value();
  shape.rope_dim = 81;
  EXPECT_FALSE(validate(shape).ok());
  shape.rope_dim = 82;
  EXPECT_FALSE(validate(shape).ok());
}

}  // namespace
}  // namespace whet
