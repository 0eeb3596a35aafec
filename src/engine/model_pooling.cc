#include "engine/model_pooling.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace whet {
namespace {

// llama.cpp's numbers; 4 ranks pairs of texts.
enum GgufPooling : uint64_t { kNone = 0, kMean = 1, kCls = 2, kLast = 3 };

constexpr const char* kSideFile = "1_Pooling/config.json";

Error unknown(std::string_view where, std::string_view found) {
  return Error(ErrorCode::kInvalidModel,
               fmt::format("{}: expected mean, cls or last pooling, found {}", where, found));
}

Result<Pooling> gguf_pooling(const ModelFile& file, const std::string& architecture) {
  const std::string key = architecture + ".pooling_type";
  WHET_TRY(const uint64_t type, file.get_uint_or(key, kNone));
  switch (type) {
    case kMean:
      return Pooling::kMean;
    case kCls:
      return Pooling::kFirst;
    case kNone:
    case kLast:
      return Pooling::kLast;
    default:
      return unknown(key, std::to_string(type));
  }
}

Result<Pooling> sentence_transformers_pooling(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return unknown(kSideFile, "no JSON object");
  const auto is = [&](const char* mode) {
    const auto found = json.find(mode);
    return found != json.end() && found->is_boolean() && found->get<bool>();
  };
  if (is("pooling_mode_mean_tokens")) return Pooling::kMean;
  if (is("pooling_mode_cls_token")) return Pooling::kFirst;
  if (is("pooling_mode_lasttoken")) return Pooling::kLast;
  return unknown(kSideFile, "none of them");
}

}  // namespace

Result<Pooling> model_pooling(const LoadedModel& loaded) {
  const auto side = loaded.file.side_files.find(kSideFile);
  if (side != loaded.file.side_files.end()) return sentence_transformers_pooling(side->second);
  return gguf_pooling(loaded.file, loaded.model.config.architecture);
}

}  // namespace whet
