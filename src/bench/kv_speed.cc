#include "bench/kv_speed.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/clock.h"
#include "base/rng.h"
#include "kv/kv_arena.h"
#include "model/forward.h"
#include "ops/attention.h"

namespace whet {
namespace {

constexpr int64_t kForkPositions = 1000;
constexpr int64_t kDecodePositions = 1000;
constexpr int64_t kDecodeTokens = 16;
constexpr int64_t kChunk = 256;

double micros_since(int64_t start_ns) {
  return static_cast<double>(monotonic_ns() - start_ns) * 1e-3;
}

Status interrupted(const CancelFlag* cancel) {
  if (cancel != nullptr && cancel->cancelled()) return Error(ErrorCode::kCancelled, "cancelled");
  return ok_status();
}

Result<std::unique_ptr<KvArena>> arena_for(const KvShape& shape, int64_t n_sequences) {
  WHET_TRY(const KvLayout layout, KvLayout::in_blocks(shape));
  const auto n_blocks = static_cast<uint64_t>(n_sequences * layout.n_blocks());
  return KvArena::create(shape, n_blocks * layout.block_bytes());
}

/// Memory behind the next n positions, as if they had been computed.
Status write(KvSequence& kv, int64_t n) {
  WHET_TRY_STATUS(kv.prepare(n));
  for (size_t l = 0; l < kv.shape().layers.size(); ++l) {
    const KvLayer layer = kv.layer(static_cast<int64_t>(l));
    const auto key_dim = static_cast<size_t>(layer.shape.key_dim);
    const auto value_dim = static_cast<size_t>(layer.shape.value_dim);
    const std::vector<float> row(std::max(key_dim, value_dim), 0.5f);
    for (int64_t head = 0; head < layer.shape.n_heads; ++head) {
      kernels::kernels().append_kv({.type = layer.type,
                                    .k = row.data(),
                                    .k_stride = 0,
                                    .v = row.data(),
                                    .v_stride = 0,
                                    .n_tokens = static_cast<size_t>(n),
                                    .key_dim = key_dim,
                                    .value_dim = value_dim,
                                    .position = static_cast<size_t>(kv.size()),
                                    .k_cache = layer.keys(head),
                                    .v_cache = layer.values(head),
                                    .block_stride = layer.block_stride});
    }
  }
  kv.extend(n);
  return ok_status();
}

AttentionForm form_of(const LayerForm& layer) {
  const LatentAttentionForm& latent = layer.latent;
  if (layer.mixer == Mixer::kLatentAttention) {
    return {.n_heads = latent.n_heads,
            .n_kv_heads = 1,
            .key_dim = latent.cached_dim(),
            .value_dim = latent.rank,
            .scale = latent.scale};
  }
  const AttentionBlockForm& form = layer.attention;
  return {.n_heads = form.n_heads,
          .n_kv_heads = form.n_kv_heads,
          .key_dim = form.head_dim,
          .value_dim = form.head_dim,
          .window = form.window,
          .scale = form.scale};
}

/// One token's attention in all layers that cache keys and values.
class AttentionProbe {
 public:
  AttentionProbe(const ModelConfig& config, ThreadPool& pool) : config_(config), pool_(pool) {
    int64_t widest = 0;
    for (const LayerForm& layer : config.layers) {
      const AttentionForm form = form_of(layer);
      widest = std::max(widest, form.n_heads * form.key_dim);
    }
    row_.assign(static_cast<size_t>(widest), 0.25f);
    out_.resize(row_.size());
  }

  void attend_everywhere(KvSequence& kv) {
    const AttentionSegment segment{&kv, 1};
    for (size_t l = 0; l < config_.layers.size(); ++l) {
      if (kv.shape().layers[l].n_heads == 0) continue;
      attend(form_of(config_.layers[l]),
             {.segments = {&segment, 1},
              .layer = static_cast<int64_t>(l),
              .q = row_.data(),
              .k = row_.data(),
              .v = row_.data(),
              .out = out_.data()},
             scratch_, pool_);
    }
  }

 private:
  const ModelConfig& config_;
  ThreadPool& pool_;
  AttentionScratch scratch_;
  std::vector<float> row_, out_;
};

}  // namespace

Result<KvForkCost> measure_kv_forks(const KvShape& shape, int repetitions,
                                    const CancelFlag* cancel) {
  KvShape forked = shape;
  forked.capacity = 2 * kForkPositions;
  WHET_TRY(const auto arena, arena_for(forked, 2));
  WHET_TRY(KvSequence prompt, arena->open());
  WHET_TRY_STATUS(write(prompt, kForkPositions));
  KvForkCost cost{
      .n_positions = kForkPositions, .branch_us = {}, .first_prepare_us = {}, .copy_us = {}};
  for (int i = 0; i < repetitions; ++i) {
    WHET_TRY_STATUS(interrupted(cancel));
    int64_t start = monotonic_ns();
    WHET_TRY(KvSequence child, arena->branch(prompt, kForkPositions));
    cost.branch_us.push_back(micros_since(start));
    start = monotonic_ns();
    WHET_TRY_STATUS(child.prepare(1));
    cost.first_prepare_us.push_back(micros_since(start));
    WHET_TRY(KvSequence copy, KvSequence::create(forked));
    start = monotonic_ns();
    copy.copy_prefix(prompt, kForkPositions);
    cost.copy_us.push_back(micros_since(start));
  }
  return cost;
}

Result<KvDecodeSpeed> measure_kv_decode(const Decoder& model, DType type, int repetitions,
                                        ThreadPool& pool, const CancelFlag* cancel) {
  const KvShape shape = kv_shape_of(model.config, kDecodePositions + kDecodeTokens, type);
  WHET_TRY(const auto arena, arena_for(shape, 3));
  ForwardScratch scratch(model.config);
  std::vector<int32_t> ids;
  const CounterRng rng(1, 9);
  for (int64_t i = 0; i < shape.capacity; ++i) {
    ids.push_back(static_cast<int32_t>(rng.bits(static_cast<uint64_t>(i)) %
                                       static_cast<uint64_t>(model.config.vocab_size)));
  }
  WHET_TRY(KvSequence prompt, arena->open());
  for (int64_t first = 0; first < kDecodePositions; first += kChunk) {
    WHET_TRY_STATUS(interrupted(cancel));
    const int64_t n = std::min(kChunk, kDecodePositions - first);
    WHET_TRY_STATUS(prompt.prepare(n));
    const StepSegment segment{
        &prompt, std::span(ids).subspan(static_cast<size_t>(first), static_cast<size_t>(n)),
        StepSegment::Logits::kNone};
    forward(model, {&segment, 1}, scratch, pool);
  }
  WHET_TRY(KvSequence contiguous, KvSequence::create(shape));
  contiguous.copy_prefix(prompt, kDecodePositions);
  WHET_TRY(KvSequence blocks, arena->open());
  WHET_TRY_STATUS(blocks.prepare(shape.capacity));
  blocks.copy_prefix(prompt, kDecodePositions);
  WHET_TRY(KvSequence aliased, arena->branch(prompt, kDecodePositions));

  AttentionProbe probe(model.config, pool);
  KvDecodeSpeed speed;
  speed.n_positions = kDecodePositions;
  speed.n_tokens = kDecodeTokens;
  struct Cache {
    KvSequence* kv;
    std::vector<double>*model_s, *attention_s;
  };
  const std::array<Cache, 3> caches = {
      {{&contiguous, &speed.model.contiguous, &speed.attention.contiguous},
       {&blocks, &speed.model.blocks, &speed.attention.blocks},
       {&aliased, &speed.model.aliased, &speed.attention.aliased}}};
  std::vector<float> expected;
  // The first round warms up. Each round begins with another cache.
  for (int round = 0; round <= repetitions; ++round) {
    for (size_t i = 0; i < caches.size(); ++i) {
      WHET_TRY_STATUS(interrupted(cancel));
      const Cache& cache = caches[(i + static_cast<size_t>(round)) % caches.size()];
      cache.kv->rewind(kDecodePositions);
      std::span<const float> logits;
      int64_t start = monotonic_ns();
      for (int64_t t = 0; t < kDecodeTokens; ++t) {
        WHET_TRY_STATUS(cache.kv->prepare(1));
        const StepSegment segment{
            cache.kv, std::span(ids).subspan(static_cast<size_t>(kDecodePositions + t), 1),
            StepSegment::Logits::kLast};
        logits = forward(model, {&segment, 1}, scratch, pool);
      }
      if (round > 0) cache.model_s->push_back(micros_since(start) * 1e-6);
      if (expected.empty()) expected.assign(logits.begin(), logits.end());
      if (std::memcmp(logits.data(), expected.data(), expected.size() * sizeof(float)) != 0) {
        return Error(ErrorCode::kInternal,
                     "expected the same logits on contiguous, own and shared keys and values");
      }
      cache.kv->rewind(kDecodePositions);
      WHET_TRY_STATUS(cache.kv->prepare(1));
      start = monotonic_ns();
      for (int64_t t = 0; t < kDecodeTokens; ++t) probe.attend_everywhere(*cache.kv);
      if (round > 0) cache.attention_s->push_back(micros_since(start) * 1e-6);
    }
  }
  return speed;
}

}  // namespace whet
