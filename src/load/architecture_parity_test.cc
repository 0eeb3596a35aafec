// Every architecture against transformers: tests/golden/make_architecture_golden.py writes a tiny
// model of each with every special feature, and the logits of transformers in float64. And every
// enumerator of every form is reached by one of them.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "kv/kv_arena.h"
#include "kv/prefix_index.h"
#include "load/architecture.h"
#include "load/model_config_reader.h"
#include "load/quantised_weights.h"
#include "load/weight_binder.h"
#include "model/forward.h"

namespace whet {
namespace {

namespace fs = std::filesystem;
const std::string kModels = WHET_SOURCE_DIR "/tests/golden/models/";

/// "mistral" and "mistral.gguf": the name of a golden with its container.
std::vector<std::string> all_models() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kModels)) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream in(entry.path());
    const auto golden = nlohmann::json::parse(in);
    for (const auto& container : golden["containers"]) {
      names.push_back(entry.path().stem().string() + container.get<std::string>());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

struct Opened {
  ModelFile file;
  Decoder model;
};

Result<Opened> open_golden(const std::string& name) {
  WHET_TRY(ModelFile file, open_model_file(kModels + name));
  ThreadPool pool(2);
  std::vector<std::string> notes;
  WHET_TRY_STATUS(repack_quantised_weights(file, pool, notes));
  WHET_TRY(ModelConfig config, read_model_config(file));
  WHET_TRY(Weights weights, bind_weights(file, config));
  return Opened{std::move(file), {std::move(config), std::move(weights)}};
}

nlohmann::json golden_of(const std::string& name) {
  std::ifstream in(kModels + fs::path(name).stem().string() + ".json");
  return nlohmann::json::parse(in);
}

/// Logits of all positions: the prompt in chunks of `chunk`, the rest one by one.
std::vector<float> run(const Decoder& model, const std::vector<int32_t>& ids, size_t n_prompt,
                       size_t chunk, int64_t capacity, int threads) {
  ThreadPool pool(threads);
  ForwardScratch scratch(model.config, /*exact=*/true);  // where weights are MXFP4
  KvSequence kv = KvSequence::create(kv_shape_of(model.config, capacity, DType::F32)).value();
  std::vector<float> all;
  for (size_t first = 0; first < ids.size();) {
    const size_t n = first < n_prompt ? std::min(chunk, n_prompt - first) : 1;
    const StepSegment segment{&kv, std::span(ids).subspan(first, n), StepSegment::Logits::kAll};
    const auto logits = forward(model, {&segment, 1}, scratch, pool);
    all.insert(all.end(), logits.begin(), logits.end());
    first += n;
  }
  return all;
}

class Architecture_ : public ::testing::TestWithParam<std::string> {};

// Weights are F16 in both, the cache F32: what remains is the rounding of float sums. The bound is
// of the largest logit of the text.
TEST_P(Architecture_, LogitsAreThoseOfTransformersInPrefillAndAfterDecoding) {
  const auto golden = golden_of(GetParam());
  const auto opened = open_golden(GetParam());
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  const auto ids = golden["ids"].get<std::vector<int32_t>>();
  const auto n_prompt = golden["n_prompt"].get<size_t>();
  const auto capacity = golden["context"].get<int64_t>();
  const auto vocab = static_cast<size_t>(opened->model.config.vocab_size);
  const std::vector<float> logits = run(opened->model, ids, n_prompt, n_prompt, capacity, 2);
  double worst = 0, largest = 0;
  size_t worst_row = 0;
  for (size_t i = 0; i < golden["rows"].size(); ++i) {
    const auto row = golden["rows"][i].get<size_t>();
    for (size_t v = 0; v < vocab; ++v) {
      const double expected = golden["logits"][i][v].get<double>();
      const double miss = std::abs(expected - logits[row * vocab + v]);
      if (miss > worst || std::isnan(miss)) {
        worst = std::isnan(miss) ? INFINITY : miss;
        worst_row = row;
      }
      largest = std::max(largest, std::abs(expected));
    }
  }
  RecordProperty("largest_difference", std::to_string(worst / largest));
  std::printf("parity %s %.2e\n", GetParam().c_str(), worst / largest);
  EXPECT_LT(worst, 2e-4 * largest) << "at position " << worst_row;
  const std::vector<float> chunked = run(opened->model, ids, n_prompt, 7, capacity, 1);
  EXPECT_TRUE(chunked == logits) << "chunks or threads change bits";
}

/// The logits of the last of `ids`, given to `kv` at once.
std::vector<float> last_logits(const Decoder& model, KvSequence& kv, std::span<const int32_t> ids,
                               bool revocable = false) {
  ThreadPool pool(1);
  ForwardScratch scratch(model.config);
  EXPECT_TRUE(kv.prepare(static_cast<int64_t>(ids.size())).ok());
  const StepSegment segment{
      .kv = &kv, .tokens = ids, .logits = StepSegment::Logits::kLast, .revocable = revocable};
  const auto logits = forward(model, {&segment, 1}, scratch, pool);
  return std::vector<float>(logits.begin(), logits.end());
}

// What speculation, several samples and the prefix cache do with a sequence, whatever its layers
// keep: the rest comes out as if nothing else had happened.
TEST_P(Architecture_, RejectedTokensBranchesAndKeptPrefixesChangeNothing) {
  const auto golden = golden_of(GetParam());
  const auto opened = open_golden(GetParam());
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  const Decoder& model = opened->model;
  auto ids = golden["ids"].get<std::vector<int32_t>>();
  ids.resize(60);
  const std::span<const int32_t> text(ids);
  const auto arena = KvArena::create(kv_shape_of(model.config, 64), 256 << 20).value();
  KvSequence fresh = arena->open().value();
  const std::vector<float> expected = last_logits(model, fresh, text);

  PrefixIndex index(*arena, 1000);
  KvSequence kv = index.open("", text).value();
  last_logits(model, kv, text.first(40));
  const std::vector<int32_t> rejected = {ids[40], ids[41], 7, 8, 9};
  last_logits(model, kv, rejected, /*revocable=*/true);
  ASSERT_TRUE(kv.can_rewind(42));
  kv.rewind(42);
  KvSequence sample = arena->branch(kv, 42).value();
  last_logits(model, sample, text.first(5));
  index.insert("", text.first(42), kv);
  EXPECT_EQ(last_logits(model, kv, text.subspan(42)), expected);

  KvSequence next = index.open("", text.first(59)).value();
  ASSERT_EQ(next.size(), 42);
  EXPECT_EQ(last_logits(model, next, text.subspan(42)), expected);
}

INSTANTIATE_TEST_SUITE_P(All, Architecture_, ::testing::ValuesIn(all_models()), [](const auto& p) {
  std::string name = p.param;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
});

/// What some golden reaches, by the name of the form and the number of the enumerator.
std::set<std::pair<std::string, int>> reached() {
  std::set<std::pair<std::string, int>> all;
  std::vector<std::string> paths = all_models();
  for (std::string& path : paths) path = kModels + path;
  paths.push_back(WHET_SOURCE_DIR "/tests/golden/phi2.gguf");
  for (const std::string& path : paths) {
    const auto config = read_model_config(open_model_file(path).value());
    if (!config.ok()) continue;  // the parity test says why
    all.insert({"norm", static_cast<int>(config->norm.kind)});
    all.insert({"softcap", config->logit_softcap > 0});
    all.insert({"positions", config->n_positions > 0});
    all.insert({"embedding norm", config->embedding_norm});
    all.insert({"layer inputs", config->layer_input_dim > 0});
    for (const RopeForm& rope : config->ropes) {
      all.insert({"pairing", static_cast<int>(rope.pairing)});
      all.insert({"long factors", !rope.long_factors.empty()});
      all.insert({"dynamic", rope.dynamic_factor > 0});
      all.insert({"magnitude", rope.magnitude != 1});
      all.insert({"query growth", rope.query_growth > 0});
      all.insert({"score scale", rope.score_scale != 1});
    }
    for (const LayerForm& layer : config->layers) {
      all.insert({"residual", static_cast<int>(layer.residual)});
      all.insert({"norm before", layer.norm_before});
      all.insert({"norm after", layer.norm_after});
      all.insert({"qk norm", static_cast<int>(layer.attention.qk_norm)});
      all.insert({"mixer", static_cast<int>(layer.mixer)});
      all.insert({"output scale", layer.output_scale});
      if (layer.has_state()) {
        all.insert({"tiled", layer.recurrent.tiled});
        all.insert({"convolution bias", layer.recurrent.convolution_bias});
        all.insert({"input factors", !layer.recurrent.input_factors.empty()});
        all.insert({"mixer's output factor", layer.recurrent.output_factor != 1});
      }
      if (layer.mixer == Mixer::kLatentAttention) {
        all.insert({"query rank", layer.latent.query_rank > 0});
        all.insert({"latent bias", layer.latent.bias});
      }
      all.insert({"output gate", layer.attention.output_gate});
      all.insert({"alibi", layer.attention.alibi});
      all.insert({"attention's output factor", layer.attention.output_factor != 1});
      all.insert({"gate factor", layer.ffn.gate_factor != 1});
      all.insert({"FFN's output factor", layer.ffn.output_factor != 1});
      all.insert({"clamp", layer.attention.clamp > 0});
      all.insert({"values normed", layer.attention.values_normed});
      all.insert({"key is value", layer.attention.key_is_value});
      all.insert({"shared keys", layer.attention.shared_layer >= 0});
      all.insert({"rope", layer.attention.rope == AttentionBlockForm::kNoRope});
      all.insert({"window", layer.attention.window > 0});
      all.insert({"score softcap", layer.attention.softcap > 0});
      all.insert({"sinks", layer.attention.sinks});
      const bool dense = layer.experts.n_experts == 0;
      const FfnForm& ffn = dense ? layer.ffn : layer.experts.expert;
      all.insert({"activation", static_cast<int>(ffn.activation)});
      all.insert({"gated", ffn.gated});
      all.insert({"ffn bias", ffn.bias});
      if (dense) continue;
      all.insert({"router", static_cast<int>(layer.experts.router)});
      all.insert({"shared", layer.ffn.dim > 0});
      all.insert({"groups", layer.experts.n_used_groups < layer.experts.n_groups});
      all.insert({"shared gate", layer.experts.shared_gate});
      all.insert({"selection bias", layer.experts.selection_bias});
    }
  }
  return all;
}

TEST(Forms, EveryEnumeratorIsReachedByAGolden) {
  const auto found = reached();
  const std::pair<const char*, int> n_values[] = {{"input factors", 2},
                                                  {"gate factor", 2},
                                                  {"mixer's output factor", 2},
                                                  {"attention's output factor", 2},
                                                  {"FFN's output factor", 2},
                                                  {"mixer", 7},
                                                  {"score scale", 2},
                                                  {"query rank", 2},
                                                  {"latent bias", 2},
                                                  {"groups", 2},
                                                  {"tiled", 2},
                                                  {"convolution bias", 2},
                                                  {"output gate", 2},
                                                  {"alibi", 2},
                                                  {"clamp", 2},
                                                  {"values normed", 2},
                                                  {"key is value", 2},
                                                  {"shared keys", 2},
                                                  {"selection bias", 2},
                                                  {"shared gate", 2},
                                                  {"positions", 2},
                                                  {"embedding norm", 2},
                                                  {"layer inputs", 2},
                                                  {"query growth", 2},
                                                  {"output scale", 2},
                                                  {"norm", 2},
                                                  {"pairing", 2},
                                                  {"long factors", 2},
                                                  {"dynamic", 2},
                                                  {"magnitude", 2},
                                                  {"residual", 3},
                                                  {"norm before", 2},
                                                  {"norm after", 2},
                                                  {"qk norm", 3},
                                                  {"rope", 2},
                                                  {"window", 2},
                                                  {"activation", 5},
                                                  {"score softcap", 2},
                                                  {"sinks", 2},
                                                  {"softcap", 2},
                                                  {"gated", 2},
                                                  {"ffn bias", 2},
                                                  {"router", 4},
                                                  {"shared", 2}};
  for (const auto& [form, n] : n_values) {
    for (int value = 0; value < n; ++value) {
      EXPECT_TRUE(found.contains({form, value})) << form << " " << value;
    }
  }
}

}  // namespace
}  // namespace whet
