// Fused and separate matrices bind to the same rows; what is missing or left over is named.
#include "load/weight_binder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "load/model_config_reader.h"

namespace whet {
namespace {

ModelFile golden(const char* name) {
  return open_model_file(std::string(WHET_SOURCE_DIR "/tests/golden/") + name).value();
}

TensorEntry& tensor(ModelFile& file, std::string_view name) {
  return *std::find_if(file.tensors.begin(), file.tensors.end(),
                       [&](const TensorEntry& entry) { return entry.name == name; });
}

Result<Weights> bind(const ModelFile& file) {
  return bind_weights(file, read_model_config(file).value());
}

std::string refusal(const ModelFile& file) {
  const auto bound = bind(file);
  return bound.ok() ? "accepted" : bound.error().message();
}

void expect_same(const LinearWeights& x, const LinearWeights& y) {
  const Matrix &a = x.matrix, &b = y.matrix;
  ASSERT_EQ(a.rows, b.rows);
  ASSERT_EQ(a.columns, b.columns);
  const auto n = static_cast<size_t>(a.row(a.rows) - a.data);
  EXPECT_EQ(std::memcmp(a.data, b.data, n), 0);
  EXPECT_EQ(x.bias, y.bias);
}

TEST(WeightBinder, FusedRowsAreThoseOfTheSeparateMatrices) {
  const ModelFile fused_file = golden("phi2.gguf"), separate_file = golden("phi2");
  const Weights fused = bind(fused_file).value(), separate = bind(separate_file).value();
  ASSERT_EQ(fused.layers.size(), 2u);
  for (size_t i = 0; i < fused.layers.size(); ++i) {
    const LayerWeights &a = fused.layers[i], &b = separate.layers[i];
    EXPECT_EQ(a.k.matrix.data, a.q.matrix.row(a.q.matrix.rows));  // views of one matrix
    expect_same(a.q, b.q);
    expect_same(a.k, b.k);
    expect_same(a.v, b.v);
    EXPECT_EQ(a.v.bias.size(), 40u);
    EXPECT_EQ(a.gate.matrix.rows, 0);
  }
}

TEST(WeightBinder, NamesWhatPhi2Lacks) {
  for (const char* name :
       {"output.weight", "output.bias", "output_norm.bias", "blk.1.attn_norm.bias",
        "blk.0.attn_output.bias", "blk.1.ffn_up.bias", "blk.1.ffn_down.bias"}) {
    ModelFile file = golden("phi2.gguf");
    tensor(file, name).name = "gone";
    EXPECT_NE(refusal(file).find(std::string(name) + ": expected"), std::string::npos)
        << refusal(file);
  }
  ModelFile file = golden("phi2.gguf");
  tensor(file, "blk.1.attn_qkv.weight").name = "gone";
  EXPECT_NE(refusal(file).find("blk.1.attn_q.weight: expected"), std::string::npos);
  file = golden("phi2.gguf");
  tensor(file, "blk.1.attn_qkv.weight").shape[0] -= 1;
  EXPECT_NE(refusal(file).find("expected shape [160, 80], found [159, 80]"), std::string::npos)
      << refusal(file);
}

TEST(WeightBinder, AHeadThatIsNotTiedMustBeThere) {
  ModelFile file = golden("untied");
  ASSERT_EQ(refusal(file), "accepted");
  std::erase_if(file.tensors, [](const TensorEntry& t) { return t.name == "lm_head.weight"; });
  EXPECT_NE(refusal(file).find("expected a tensor lm_head.weight"), std::string::npos)
      << refusal(file);
  std::string& config = file.side_files["config.json"];
  const std::string word = "\"tie_word_embeddings\": false";
  config.replace(config.find(word), word.size(), "\"tie_word_embeddings\": true");
  EXPECT_EQ(refusal(file), "accepted");
}

// As published: without "transformer.", and with the mask of each layer under the name of a bias.
TEST(WeightBinder, DecodersSavedWithoutTheirHeadBind) {
  ModelFile file = golden("models/gpt2_scaled");
  ASSERT_NE(file.find_tensor("h.0.attn.c_attn.weight"), nullptr);
  const Weights bound = bind(file).value();
  const Matrix& q = bound.layers[0].q.matrix;
  EXPECT_EQ(bound.layers[0].k.matrix.data, q.row(q.rows));
  EXPECT_EQ(bound.made.size(), 4u * bound.layers.size());
  tensor(file, "h.0.attn.bias").shape = {64};
  EXPECT_NE(refusal(file).find("h.0.attn.bias: the gpt2 architecture"), std::string::npos)
      << refusal(file);
}

TEST(WeightBinder, LayoutsOfFilesAreCheckedAsTheyLie) {
  ModelFile file = golden("models/gpt2");
  TensorEntry& up = tensor(file, "transformer.h.1.mlp.c_fc.weight");
  std::swap(up.shape[0], up.shape[1]);
  EXPECT_NE(refusal(file).find("expected shape [32, 128], found [128, 32]"), std::string::npos)
      << refusal(file);
  file = golden("models/gptneox");
  std::string& config = file.side_files["config.json"];
  config.replace(config.rfind('}'), 1, ", \"num_key_value_heads\": 2}");
  EXPECT_NE(refusal(file).find("as many heads of keys as of queries, 4, found 2"),
            std::string::npos)
      << refusal(file);
}

TEST(WeightBinder, RefusesWeightsThatWouldBeIgnored) {
  ModelFile file = golden("phi2.gguf");
  file.tensors.push_back(tensor(file, "blk.0.attn_output.bias"));
  file.tensors.back().name = "blk.0.ffn_norm.bias";
  EXPECT_NE(refusal(file).find("blk.0.ffn_norm.bias: the phi2 architecture"), std::string::npos);
}

}  // namespace
}  // namespace whet
