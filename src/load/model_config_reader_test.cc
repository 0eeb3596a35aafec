// config.json of several architectures: what is read, and what is refused with what it names.
#include "load/model_config_reader.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace whet {
namespace {

nlohmann::json phi() {
  return {{"model_type", "phi"},         {"hidden_size", 2560},
          {"intermediate_size", 10240},  {"num_attention_heads", 32},
          {"num_hidden_layers", 32},     {"num_key_value_heads", nullptr},
          {"vocab_size", 51200},         {"max_position_embeddings", 2048},
          {"layer_norm_eps", 1e-5},      {"rope_theta", 10000.0},
          {"hidden_act", "gelu_new"},    {"qk_layernorm", false},
          {"partial_rotary_factor", 0.4}};
}

Result<ModelConfig> read(const nlohmann::json& config) {
  ModelFile file{};
  file.container = ModelFile::Container::kSafeTensors;
  file.side_files["config.json"] = config.dump();
  return read_model_config(file);
}

TEST(ModelConfigReader, ReadsPhi) {
  const ModelConfig c = read(phi()).value();
  EXPECT_EQ(c.architecture, "phi2");
  ASSERT_EQ(c.n_layers(), 32);
  const LayerForm& layer = c.layers[31];
  EXPECT_EQ(c.norm.kind, NormKind::kLayer);
  EXPECT_EQ(layer.ffn.activation, Activation::kGeluTanh);
  EXPECT_EQ(layer.residual, Residual::kParallelOneNorm);
  EXPECT_TRUE(c.norm.bias && c.head_bias && layer.ffn.bias && layer.attention.qkv_bias &&
              layer.attention.output_bias && !layer.ffn.gated);
  EXPECT_EQ(layer.attention.n_kv_heads, 32);
  EXPECT_EQ(layer.attention.head_dim, 80);
  EXPECT_EQ(c.ropes[0].n_rotated, 32);
  EXPECT_EQ(c.norm.epsilon, 1e-5f);
}

TEST(ModelConfigReader, FindsTheRotaryFactorWhereverItStands) {
  auto config = phi();
  config["rope_parameters"] = {{"rope_theta", 500.0}, {"partial_rotary_factor", 0.25}};
  EXPECT_EQ(read(config).value().ropes[0].n_rotated, 20);
  config["rope_parameters"].erase("partial_rotary_factor");
  EXPECT_EQ(read(config).value().ropes[0].n_rotated, 32);
  config.erase("partial_rotary_factor");
  EXPECT_EQ(read(config).value().ropes[0].n_rotated,
            40);  // half, as the config class of Hugging Face has it
}

TEST(ModelConfigReader, RefusesByName) {
  const auto refusal = [](const char* key, const nlohmann::json& value) {
    auto config = phi();
    config[key] = value;
    const auto read_back = read(config);
    return read_back.ok() ? std::string("accepted") : read_back.error().message();
  };
  EXPECT_NE(refusal("model_type", "phi9").find("llama, qwen2 or phi, found"), std::string::npos);
  EXPECT_NE(refusal("hidden_act", "relu").find("hidden_act"), std::string::npos);
  EXPECT_NE(refusal("softmax_twice", true).find("softmax_twice"), std::string::npos);
  for (const auto& [key, value] : std::initializer_list<std::pair<const char*, nlohmann::json>>{
           {"qk_layernorm", true},
           {"tie_word_embeddings", true},
           {"partial_rotary_factor", 0.0},
           {"partial_rotary_factor", 1.5},
           {"partial_rotary_factor", "half"}}) {
    EXPECT_NE(refusal(key, value).find(key), std::string::npos) << refusal(key, value);
  }
  EXPECT_NE(refusal("partial_rotary_factor", 0.0125).find("rope dimension"), std::string::npos);
  EXPECT_NE(refusal("hidden_size", 32 * 513).find("width of a head"), std::string::npos);
}

TEST(ModelConfigReader, LlamaRotatesWholeHeads) {
  nlohmann::json config{{"model_type", "llama"},    {"hidden_size", 64},
                        {"intermediate_size", 128}, {"num_attention_heads", 4},
                        {"num_hidden_layers", 2},   {"vocab_size", 96}};
  EXPECT_EQ(read(config).value().ropes[0].n_rotated, 16);
  config["partial_rotary_factor"] = 0.5;
  EXPECT_FALSE(read(config).ok());
}

}  // namespace
}  // namespace whet
