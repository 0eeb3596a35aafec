#include "load/model_config_reader.h"

#include <fmt/format.h>

#include "base/invalid_model.h"
#include "formats/untrusted_text.h"
#include "load/architecture.h"

namespace whet {
namespace {

Status check_rope(const RopeForm& rope, int64_t head_dim) {
  if (rope.n_rotated % 2 != 0 || rope.n_rotated < 2 || rope.n_rotated > head_dim) {
    return invalid_model(
        fmt::format("rope dimension: expected an even number up to the head width {}, found {}",
                    head_dim, rope.n_rotated));
  }
  if (!(rope.theta >= 1 && rope.theta < 1e12f)) {
    return invalid_model(
        fmt::format("rope frequency base: expected 1 to 1e12, found {}", rope.theta));
  }
  for (const std::vector<float>* factors : {&rope.factors, &rope.long_factors}) {
    for (const float factor : *factors) {
      if (factor > 0 && factor < 1e31f) continue;  // 1e30: does not turn
      return invalid_model(
          fmt::format("rope scaling factor: expected a positive number, found {}", factor));
    }
  }
  if (rope.query_growth != 0 && rope.original_context < 1) {
    return invalid_model("growth of queries: expected an original context of at least 1");
  }
  if (!(rope.magnitude > 0 && rope.magnitude < 1e3f)) {
    return invalid_model(
        fmt::format("rope attention factor: expected a positive number, found {}", rope.magnitude));
  }
  return ok_status();
}

Status check_attention(const AttentionBlockForm& a, const ModelConfig& c) {
  if (a.n_kv_heads < 1 || a.n_heads % a.n_kv_heads != 0) {
    return invalid_model(
        fmt::format("attention heads: expected a multiple of the {} KV heads, found {}",
                    a.n_kv_heads, a.n_heads));
  }
  if (a.head_dim > static_cast<int64_t>(kernels::kMaxValueDim)) {
    return invalid_model(fmt::format("width of a head: expected 1 to {}, found {}",
                                     kernels::kMaxValueDim, a.head_dim));
  }
  if (a.rope == AttentionBlockForm::kNoRope) return ok_status();
  return check_rope(c.ropes[static_cast<size_t>(a.rope)], a.head_dim);
}

Status check_latent(const LatentAttentionForm& a, const ModelConfig& c) {
  const auto max_key = static_cast<int64_t>(kernels::kMaxKeyDim);
  const auto max_value = static_cast<int64_t>(kernels::kMaxValueDim);
  if (a.rank > max_value || a.cached_dim() > max_key) {
    return invalid_model(fmt::format(
        "latents of attention: expected at most {} numbers and {} with the rotated key, found {} "
        "and {}",
        max_value, max_key, a.rank, a.cached_dim()));
  }
  if (!(a.scale > 0 && a.scale < 1e3f)) {
    return invalid_model(fmt::format("scale of scores: expected above 0, found {}", a.scale));
  }
  return check_rope(c.ropes[static_cast<size_t>(a.rope)], a.rotated_dim);
}

Status check_experts(const ExpertsForm& e) {
  if (e.n_groups < 1 || e.n_experts % e.n_groups != 0 || e.n_used_groups < 1 ||
      e.n_used_groups > e.n_groups || e.n_used > e.n_experts / e.n_groups * e.n_used_groups) {
    return invalid_model(fmt::format(
        "groups of experts: expected {} experts in equal groups with room for the {} that a token "
        "uses, found {} groups of which {} are used",
        e.n_experts, e.n_used, e.n_groups, e.n_used_groups));
  }
  return ok_status();
}

Status check_recurrence(const LayerForm& layer) {
  const RecurrentForm& r = layer.recurrent;
  if (r.width < 1 || r.width > 8) {
    return invalid_model(
        fmt::format("width of the convolution: expected 1 to 8, found {}", r.width));
  }
  if (layer.mixer == Mixer::kShortConvolution) return ok_status();
  if (r.n_key_heads < 1 || r.n_heads % r.n_key_heads != 0) {
    return invalid_model(
        fmt::format("heads of a state: expected a multiple of the {} of keys, found {}",
                    r.n_key_heads, r.n_heads));
  }
  constexpr int64_t kMaxState = int64_t{1} << 28;
  if (r.channels > kMaxState || r.n_heads * r.key_dim > kMaxState / r.value_dim) {
    return invalid_model(
        fmt::format("state of a layer: expected at most {} numbers, found {} x {} x {}", kMaxState,
                    r.n_heads, r.key_dim, r.value_dim));
  }
  return ok_status();
}

/// Relations that forward() relies on, whatever the container.
Status check(const ModelConfig& c) {
  for (const LayerForm& layer : c.layers) {
    if (layer.has_attention()) WHET_TRY_STATUS(check_attention(layer.attention, c));
    if (layer.mixer == Mixer::kLatentAttention) WHET_TRY_STATUS(check_latent(layer.latent, c));
    if (layer.experts.n_experts > 0) WHET_TRY_STATUS(check_experts(layer.experts));
    if (layer.has_state()) WHET_TRY_STATUS(check_recurrence(layer));
  }
  if (!(c.norm.epsilon > 0 && c.norm.epsilon < 1)) {
    return invalid_model(
        fmt::format("epsilon of the norms: expected 0 < eps < 1, found {}", c.norm.epsilon));
  }
  return ok_status();
}

struct Read {
  ModelConfig config;
  ConfigReader reader;
};

Result<Read> read(const ModelFile& file) {
  WHET_TRY(ConfigReader reader, ConfigReader::open(file));
  const Architecture* architecture = find_architecture(file.container, reader.architecture());
  if (architecture == nullptr) {
    return invalid_model(
        fmt::format("{}: expected {}, found {}",
                    reader.is_gguf() ? "general.architecture" : "config.json: \"model_type\"",
                    known_architectures(file.container), quote_untrusted(reader.architecture())));
  }
  reader.set_prefix(architecture->name);
  WHET_TRY_STATUS(reader.take_other_names(architecture->other_names));
  ModelConfig config;
  config.architecture = architecture->name;
  if (!reader.is_gguf()) config.model_type = reader.architecture();
  WHET_TRY_STATUS(architecture->read(reader, config));
  WHET_TRY_STATUS(check(config));
  WHET_TRY_STATUS(reader.check_all_read());
  return Read{std::move(config), std::move(reader)};
}

}  // namespace

Result<ModelConfig> read_model_config(const ModelFile& file) {
  WHET_TRY(Read done, read(file));
  return std::move(done.config);
}

Result<Metadata> describe_config(const ModelFile& file) {
  WHET_TRY(const Read done, read(file));
  if (!done.reader.unsaid().empty()) {
    return invalid_model(fmt::format("GGUF has no word for {}", done.reader.unsaid()));
  }
  Metadata metadata = done.reader.description();
  metadata["general.architecture"] = {done.config.architecture};
  return metadata;
}

}  // namespace whet
