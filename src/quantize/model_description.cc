#include "quantize/model_description.h"

#include <filesystem>

#include "quantize/tokenizer_description.h"

namespace whet {
namespace {

MetaValue number(int64_t value) {
  return {static_cast<uint64_t>(value)};
}

std::string directory_name(const std::string& path) {
  std::filesystem::path p = std::filesystem::path(path).lexically_normal();
  if (!std::filesystem::is_directory(p)) p = p.parent_path();
  if (!p.has_filename()) p = p.parent_path();
  return p.has_filename() ? p.filename().string() : "model";
}

void describe_architecture(const ModelConfig& c, Metadata& m) {
  m["general.architecture"] = {c.architecture};
  const std::string p = c.architecture + ".";
  m[p + "block_count"] = number(c.n_layers);
  m[p + "context_length"] = number(c.context_length);
  m[p + "embedding_length"] = number(c.d_model);
  m[p + "feed_forward_length"] = number(c.ffn_dim);
  m[p + "attention.head_count"] = number(c.n_heads);
  m[p + "attention.head_count_kv"] = number(c.n_kv_heads);
  m[p + "attention.key_length"] = number(c.head_dim);
  m[p + "attention.value_length"] = number(c.head_dim);
  const bool rms = c.form.norm == DecoderForm::Norm::kRms;
  m[p + (rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon")] = {
      static_cast<double>(c.norm_eps)};
  m[p + "rope.dimension_count"] = number(c.rope_dim);
  m[p + "rope.freq_base"] = {static_cast<double>(c.rope_theta)};
  m[p + "vocab_size"] = number(c.vocab_size);
}

}  // namespace

Result<Metadata> describe_as_gguf(const LoadedModel& model) {
  Metadata metadata;
  if (model.file.container == ModelFile::Container::kGguf) {
    for (const auto& [key, value] : model.file.metadata) {
      if (key == "general.file_type" || key == "general.quantization_version" ||
          key == "general.alignment" || key.starts_with("split.")) {
        continue;
      }
      metadata.emplace(key, value);
    }
    return metadata;
  }
  describe_architecture(model.model.config, metadata);
  metadata["general.name"] = {directory_name(model.file.path)};
  if (!model.chat_template_source.empty()) {
    metadata["tokenizer.chat_template"] = {model.chat_template_source};
  }
  WHET_TRY_STATUS(describe_tokenizer(model, metadata));
  return metadata;
}

}  // namespace whet
