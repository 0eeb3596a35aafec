// Logits of tokens by directories of SafeTensors, for tools/compare_config_words.py:
//
//   whet_score_tokens < LINES > LINES
//
// Each line: {"model": DIRECTORY, "ids": [token ids]}. Its answer: {"logits": [one for each word of
// the vocabulary behind each token], "n": the tokens}, or {"refused": why the model is}.
#include <iostream>
#include <nlohmann/json.hpp>

#include "load/model_config_reader.h"
#include "load/quantised_weights.h"
#include "load/weight_binder.h"
#include "model/forward.h"

namespace {

whet::Result<nlohmann::json> score(const nlohmann::json& line) {
  WHET_TRY(whet::ModelFile file, whet::open_model_file(line.at("model").get<std::string>()));
  whet::ThreadPool pool(1);
  std::vector<std::string> notes;
  WHET_TRY_STATUS(whet::repack_quantised_weights(file, pool, notes));
  WHET_TRY(whet::ModelConfig config, whet::read_model_config(file));
  WHET_TRY(whet::Weights weights, whet::bind_weights(file, config));
  const whet::Decoder model{std::move(config), std::move(weights)};
  const auto ids = line.at("ids").get<std::vector<int32_t>>();
  for (const int32_t id : ids) {
    if (id >= 0 && id < model.config.vocab_size) continue;
    return whet::Error(whet::ErrorCode::kInvalidArgument, "an id outside of the vocabulary");
  }
  const auto capacity = static_cast<int64_t>(ids.size());
  WHET_TRY(whet::KvSequence kv,
           whet::KvSequence::create(whet::kv_shape_of(model.config, capacity, whet::DType::F32)));
  whet::ForwardScratch scratch(model.config, /*exact=*/true);
  const whet::StepSegment segment{&kv, ids, whet::StepSegment::Logits::kAll};
  return nlohmann::json{{"logits", whet::forward(model, {&segment, 1}, scratch, pool)},
                        {"n", ids.size()}};
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const auto answer = score(nlohmann::json::parse(line));
    std::cout << (answer.ok() ? *answer : nlohmann::json{{"refused", answer.error().message()}})
              << std::endl;
  }
}
