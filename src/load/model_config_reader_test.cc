// config.json of several architectures: what is read, and what is refused with what it names.
#include "load/model_config_reader.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
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
  EXPECT_NE(refusal("model_type", "phi9").find("phi"), std::string::npos);
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

TEST(ModelConfigReader, RefusesWrongTypesByName) {
  for (const auto& [key, value] : std::initializer_list<std::pair<const char*, nlohmann::json>>{
           {"architectures", 5},
           {"tie_word_embeddings", "yes"},
           {"rope_scaling", 5},
           {"rope_parameters", "default"},
           {"attention_bias", 5},
           {"torch_dtype", 16},
           {"dtype", true},
           {"quantization_config", true}}) {
    auto config = phi();
    config[key] = value;
    const auto found = read(config);
    ASSERT_FALSE(found.ok()) << key;
    EXPECT_NE(found.error().message().find(key), std::string::npos) << found.error().message();
    config[key] = nullptr;
    EXPECT_TRUE(read(config).ok()) << key;
  }
}

// transformers 4 wrote "rope_scaling" and "rope_theta", 5 writes "rope_parameters".
TEST(ModelConfigReader, EveryHomeOfRopeCounts) {
  const nlohmann::json plain{{"model_type", "llama"},    {"hidden_size", 64},
                             {"intermediate_size", 128}, {"num_attention_heads", 4},
                             {"num_hidden_layers", 2},   {"vocab_size", 96}};
  const nlohmann::json linear{{"rope_type", "linear"}, {"factor", 4.0}};
  const auto expect_linear = [&](nlohmann::json words) {
    auto config = plain;
    config.update(words);
    const auto found = read(config);
    ASSERT_TRUE(found.ok()) << found.error().message();
    EXPECT_EQ(found->ropes[0].theta, 500.0f) << words;
    EXPECT_EQ(found->ropes[0].factors, std::vector<float>(8, 4.0f)) << words;
  };
  auto whole = linear;
  whole["rope_theta"] = 500.0;
  expect_linear({{"rope_parameters", whole}});
  expect_linear({{"rope_scaling", whole}});
  expect_linear({{"rope_theta", 500.0}, {"rope_scaling", linear}});
  expect_linear({{"rope_theta", 500.0}, {"rope_parameters", linear}});
  // Where both are there, the older one stands alone.
  expect_linear({{"rope_theta", 500.0},
                 {"rope_parameters", {{"rope_theta", 7.0}, {"rope_type", "default"}}},
                 {"rope_scaling", linear}});
  expect_linear({{"rope_parameters", whole}, {"rope_scaling", nullptr}});
  expect_linear({{"rope_theta", 500.0}, {"rope_scaling", {{"type", "linear"}, {"factor", 4.0}}}});
}

ModelFile gguf_llama() {
  ModelFile file{};
  file.container = ModelFile::Container::kGguf;
  file.metadata["general.architecture"] = {std::string("llama")};
  for (const auto& [key, value] :
       std::initializer_list<std::pair<const char*, uint64_t>>{{"block_count", 1},
                                                               {"embedding_length", 64},
                                                               {"attention.head_count", 4},
                                                               {"feed_forward_length", 96},
                                                               {"context_length", 128}}) {
    file.metadata[std::string("llama.") + key] = {value};
  }
  file.metadata["llama.attention.layer_norm_rms_epsilon"] = {1e-5};
  file.tensors.push_back({"token_embd.weight", DType::F32, {96, 64}, {}, 0, 0});
  return file;
}

// As llama.cpp: a factor without a type is linear; so is the key of 2023.
TEST(ModelConfigReader, LinearScalingOfGgufNeedsNoType) {
  const std::vector<float> by_4(8, 4.0f);
  ModelFile file = gguf_llama();
  EXPECT_TRUE(read_model_config(file).value().ropes[0].factors.empty());
  file.metadata["llama.rope.scaling.factor"] = {4.0};
  EXPECT_EQ(read_model_config(file).value().ropes[0].factors, by_4);
  file.metadata["llama.rope.scaling.type"] = {std::string("linear")};
  EXPECT_EQ(read_model_config(file).value().ropes[0].factors, by_4);
  file.metadata["llama.rope.scaling.type"] = {std::string("none")};
  EXPECT_TRUE(read_model_config(file).value().ropes[0].factors.empty());
  file = gguf_llama();
  file.metadata["llama.rope.scale_linear"] = {4.0};
  EXPECT_EQ(read_model_config(file).value().ropes[0].factors, by_4);
  file = gguf_llama();
  file.metadata["llama.rope.scaling.type"] = {std::string("linear")};
  EXPECT_FALSE(read_model_config(file).ok());
  file = gguf_llama();
  file.metadata["llama.rope.twist"] = {4.0};
  const auto unknown = read_model_config(file);
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.error().message().find("llama.rope.twist"), std::string::npos);
}

nlohmann::json golden(const std::string& name) {
  std::ifstream in(WHET_SOURCE_DIR "/tests/golden/models/" + name + "/config.json");
  return nlohmann::json::parse(in);
}

std::string answer(const nlohmann::json& config) {
  const auto found = read(config);
  return found.ok() ? "accepted" : found.error().message();
}

TEST(ModelConfigReader, RefusesByNameWhatWouldChangeTheArithmetic) {
  const struct {
    const char *model, *word;
    nlohmann::json value;
  } cases[] = {{"gptneox", "hidden_act", "relu"},
               {"bloom", "apply_residual_connection_post_layernorm", true},
               {"bloom", "n_inner", 99},
               {"mpt", "no_bias", false},
               {"mpt", "expansion_ratio", 2},
               {"mpt", "norm_type", "rmsnorm"},
               {"mpt", "logit_scale", 0.5},
               {"gpt2", "activation_function", "relu"},
               {"gpt2", "add_cross_attention", true},
               {"gpt_oss", "hidden_act", "gelu"},
               {"gpt_oss", "swiglu_alpha", 1.5},
               {"gpt_oss", "swiglu_limit", 5.0},
               {"falcon_h1", "attention_bias", true},
               {"falcon_h1", "mlp_bias", true},
               {"falcon_h1", "projectors_bias", true},
               {"falcon_h1", "mamba_proj_bias", true},
               {"falcon_h1", "hidden_act", "gelu"},
               {"granitehybrid", "hidden_act", "gelu"},
               {"qwen35", "hidden_act", "gelu"},
               {"falcon_h1", "mamba_norm_before_gate", true},
               {"falcon_h1", "mamba_d_ssm", 63},
               {"falcon_h1", "mamba_use_mlp", false},
               {"falcon_h1", "ssm_multipliers", {1.0, 2.0}},
               {"falcon_h1", "mlp_multipliers", {1.0, "two"}},
               {"falcon_h1", "key_multiplier", -1.0},
               {"falcon_h1", "time_step_limit", {0.1, 2.0}}};
  for (const auto& [model, word, value] : cases) {
    nlohmann::json config = golden(model);
    ASSERT_EQ(answer(config), "accepted") << model;
    config[word] = value;
    EXPECT_NE(answer(config).find(word), std::string::npos) << model << ": " << answer(config);
  }
  nlohmann::json config = golden("gpt_oss");
  config.erase("rope_parameters");
  EXPECT_NE(answer(config).find("rope_scaling"), std::string::npos);
}

TEST(ModelConfigReader, ReadsOrRefusesEveryWordOfMptsAttention) {
  nlohmann::json config = golden("mpt");
  const auto with = [&](const char* word, const nlohmann::json& value) {
    nlohmann::json changed = config;
    changed["attn_config"] = {{word, value}};
    return changed;
  };
  EXPECT_EQ(read(with("clip_qkv", 2.5)).value().layers[1].attention.clamp, 2.5f);
  EXPECT_EQ(read(with("softmax_scale", 0.25)).value().layers[1].attention.scale, 0.25f);
  for (const auto& [word, value] : std::initializer_list<std::pair<const char*, nlohmann::json>>{
           {"alibi", false},
           {"alibi_bias_max", 16},
           {"attn_type", "multiquery_attention"},
           {"attn_uses_sequence_id", true},
           {"clip_qkv", -1},
           {"kv_n_heads", 2},
           {"prefix_lm", true},
           {"qk_ln", true},
           {"softmax_scale", "large"}}) {
    EXPECT_NE(answer(with(word, value)).find(word), std::string::npos) << answer(with(word, value));
    EXPECT_EQ(answer(with(word, nullptr)), "accepted") << word;
  }
  config["attn_config"] = 5;
  EXPECT_NE(answer(config).find("attn_config"), std::string::npos);
}

TEST(ModelConfigReader, AcceptsThatAModelHasNotWhatItCannotHave) {
  for (const char* model : {"mistral", "mixtral", "phi3", "starcoder2", "gpt2", "olmoe"}) {
    for (const char* word : {"attention_bias", "mlp_bias", "use_qk_norm", "add_cross_attention"}) {
      nlohmann::json config = golden(model);
      config[word] = false;
      EXPECT_EQ(answer(config), "accepted") << model;
    }
  }
  const std::pair<const char*, nlohmann::json> published[] = {
      {"llama_linear",
       {{"is_llama_config", true}, {"rope_interleaved", false}, {"pretraining_tp", 1}}},
      {"qwen2_biases", {{"use_mrope", false}}},
      {"falcon_h1", {{"mamba_use_mlp", true}}},
      {"phi3", {{"full_attn_mod", 1}, {"interpolate_factor", 1}, {"lm_head_bias", false}}},
      {"lfm2", {{"use_pos_enc", true}}}};
  for (const auto& [model, words] : published) {
    nlohmann::json config = golden(model);
    config.update(words);
    EXPECT_EQ(answer(config), "accepted") << model;
    for (const auto& [word, value] : words.items()) {
      if (word == "is_llama_config" || word == "pretraining_tp") continue;
      config = golden(model);
      config[word] = value.is_boolean() ? nlohmann::json(value == false) : nlohmann::json(2);
      EXPECT_NE(answer(config).find(word), std::string::npos) << model << " " << word;
    }
  }
  nlohmann::json config = golden("mistral");
  config["attention_bias"] = true;
  EXPECT_NE(answer(config).find("attention_bias"), std::string::npos);
}

TEST(ModelConfigReader, AcceptsWhatWasPublished) {
  std::ifstream in(WHET_SOURCE_DIR "/tests/golden/published_configs.json");
  const auto published = nlohmann::json::parse(in);
  ASSERT_GE(published.size(), 7u);
  for (const auto& [name, words] : published.items()) {
    EXPECT_EQ(answer(words), "accepted") << name;
    nlohmann::json changed = words;
    changed["a_new_word"] = 1;
    EXPECT_NE(answer(changed).find("a_new_word"), std::string::npos) << name;
  }
}

TEST(ModelConfigReader, TakesTheOtherNamesOfTransformers) {
  const struct {
    const char *model, *word, *other;
  } cases[] = {{"gpt2", "n_embd", "hidden_size"},
               {"gpt2", "n_positions", "max_position_embeddings"},
               {"gpt2", "n_head", "num_attention_heads"},
               {"gpt2", "n_layer", "num_hidden_layers"},
               {"bloom", "hidden_size", "n_embed"},
               {"bloom", "n_head", "num_attention_heads"},
               {"bloom", "n_layer", "num_hidden_layers"},
               {"mpt", "d_model", "hidden_size"},
               {"mpt", "n_heads", "num_attention_heads"},
               {"mpt", "n_layers", "num_hidden_layers"},
               {"gpt_oss", "num_local_experts", "num_experts"},
               {"mixtral", "num_local_experts", "num_experts"},
               {"olmoe", "num_experts", "num_local_experts"},
               {"qwen3moe", "num_experts", "num_local_experts"},
               {"granitehybrid", "layer_types", "layers_block_type"},
               {"deepseek2", "n_routed_experts", "num_experts"},
               {"deepseek3", "n_routed_experts", "num_local_experts"},
               {"glm4_lite", "n_routed_experts", "num_local_experts"},
               {"glm4_lite", "qk_rope_head_dim", "head_dim"}};
  for (const auto& [model, word, other] : cases) {
    nlohmann::json config = golden(model);
    if (!config.contains(word)) std::swap(config[word], config[other]);
    config.erase(other);
    const nlohmann::json value = config[word];
    ASSERT_EQ(answer(config), "accepted") << model << " " << word;
    config[other] = value;
    EXPECT_EQ(answer(config), "accepted") << model << " " << other;
    config[word] = 12345;
    EXPECT_NE(answer(config).find(other), std::string::npos) << model << ": " << answer(config);
    config.erase(word);
    EXPECT_EQ(answer(config), "accepted") << model << " " << other;
  }
  nlohmann::json config = golden("nemotron_h");
  config.erase("hybrid_override_pattern");
  config["layer_types"] = {"mamba", "mlp", "attention", "mamba", "mlp"};
  EXPECT_EQ(answer(config), "accepted");
  config["layers_block_type"] = {"mamba", "mlp", "mlp", "mamba", "mlp"};
  EXPECT_NE(answer(config).find("layer_types"), std::string::npos) << answer(config);
}

// What config.json leaves out or calls null is what transformers' class of configuration makes of
// it: tools/compare_config_words.py.
TEST(ModelConfigReader, TakesTheDefaultsOfTransformers) {
  nlohmann::json config = golden("gpt_oss");
  config.erase("sliding_window");
  EXPECT_EQ(read(config).value().layers[0].attention.window, 128);
  config["rope_parameters"]["truncate"] = true;
  const std::vector<float> truncated = read(config).value().ropes[0].factors;
  config["rope_parameters"]["truncate"] = nullptr;
  EXPECT_NE(read(config).value().ropes[0].factors, truncated);

  for (const auto& [model, theta] :
       std::initializer_list<std::pair<const char*, float>>{{"llama_biases", 1e4f},
                                                            {"mixtral", 1e6f},
                                                            {"cohere", 5e5f},
                                                            {"cohere2", 1e4f},
                                                            {"olmo2", 1e4f},
                                                            {"olmo3", 5e5f},
                                                            {"gpt_oss", 15e4f},
                                                            {"lfm2", 1e6f},
                                                            {"smollm3", 2e6f},
                                                            {"gptneox", 1e4f}}) {
    config = golden(model);
    nlohmann::json& rope = config["rope_parameters"];
    rope.erase("rope_theta");
    for (auto& of_type : rope) {
      if (of_type.is_object()) of_type.erase("rope_theta");
    }
    const auto found = read(config);
    ASSERT_TRUE(found.ok()) << model << ": " << found.error().message();
    for (const RopeForm& form : found->ropes) EXPECT_EQ(form.theta, theta) << model;
  }

  config = golden("phi3_long");
  for (const char* word : {"max_position_embeddings", "original_max_position_embeddings"}) {
    config.erase(word);
  }
  EXPECT_EQ(read(config).value().context_length, 4096);
  EXPECT_EQ(read(config).value().ropes[0].original_context, 4096);
  EXPECT_EQ(read(config).value().ropes[0].magnitude, 1.0f);

  config = golden("falcon_h1");
  const RecurrentForm said = read(config).value().layers[0].recurrent;
  config["mamba_d_head"] = "auto";
  EXPECT_EQ(read(config).value().layers[0].recurrent.value_dim, said.value_dim);
  config.erase("mamba_d_head");
  EXPECT_EQ(read(config).value().layers[0].recurrent.value_dim, said.value_dim);
  config["mamba_d_ssm"] = nullptr;
  config["mamba_expand"] = 4;
  EXPECT_EQ(read(config).value().layers[0].recurrent.inner_dim(), 4 * 32);
  config["mamba_d_ssm"] = said.inner_dim() + 1;
  EXPECT_NE(answer(config).find("mamba_n_heads"), std::string::npos) << answer(config);
  config = golden("falcon_h1");
  EXPECT_TRUE(said.convolution_bias);
  config["mamba_conv_bias"] = nullptr;
  EXPECT_FALSE(read(config).value().layers[0].recurrent.convolution_bias);

  config = golden("granitehybrid");
  config["mamba_d_head"] = "auto";
  const auto hybrid = read(config);
  ASSERT_TRUE(hybrid.ok()) << hybrid.error().message();
  EXPECT_EQ(hybrid->layers[0].recurrent.inner_dim(),
            config["mamba_expand"].get<int64_t>() * hybrid->d_model);
}

TEST(ModelConfigReader, RefusesNumbersThatWouldSpoilEveryLogit) {
  const auto refusal = [](const char* key, double value) {
    ModelFile file = gguf_llama();
    file.metadata["llama.rope.scaling.type"] = {std::string("yarn")};
    file.metadata["llama.rope.scaling.factor"] = {4.0};
    file.metadata[key] = {value};
    const auto config = read_model_config(file);
    return config.ok() ? std::string("accepted") : config.error().message();
  };
  const char* epsilon = "llama.attention.layer_norm_rms_epsilon";
  const char* attention_factor = "llama.rope.scaling.yarn_attn_factor";
  for (const double value : {0.0, 1.0, 1.5, -1e-5, double{NAN}}) {
    EXPECT_NE(refusal(epsilon, value).find("epsilon"), std::string::npos) << value;
  }
  for (const double value : {0.0, -1.0, 1000.0, double{NAN}}) {
    EXPECT_NE(refusal(attention_factor, value).find("attention factor"), std::string::npos)
        << value;
  }
  EXPECT_EQ(refusal(epsilon, 0.5), "accepted");
  EXPECT_EQ(refusal(attention_factor, 1.2), "accepted");
}

// llama.cpp refuses a file whose window is a float.
TEST(ModelConfigReader, WindowsAreWholeNumbersInGguf) {
  for (const char* model : {"gemma2", "gpt_oss", "phi3"}) {
    ModelFile file{};
    file.container = ModelFile::Container::kSafeTensors;
    file.side_files["config.json"] = golden(model).dump();
    const Metadata said = describe_config(file).value();
    const std::string architecture = std::get<std::string>(said.at("general.architecture").value);
    const MetaValue& window = said.at(architecture + ".attention.sliding_window");
    EXPECT_EQ(std::get<uint64_t>(window.value), std::string(model) == "phi3" ? 0u : 20u);
  }
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
