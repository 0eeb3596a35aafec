#include "adapt/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace whet::adapt {
namespace {

constexpr size_t kFewestTokens = 64;

/// 1 / gain, and 0 where there is no gain.
std::vector<float> inverse(const std::vector<float>& gain) {
  std::vector<float> inverted;
  for (const float g : gain) inverted.push_back(g == 0 ? 0.0f : 1.0f / g);
  return inverted;
}

/// Adds up what enters a layer's matrices.
class MomentObserver : public ProjectionObserver {
 public:
  MomentObserver(const Decoder& model, ThreadPool& pool, Moments& moments)
      : model_(model), pool_(pool), moments_(moments) {
    size_t i = 0;
    for (const LayerWeights& w : model.weights.layers) {
      normed_[w.q.matrix.data] = inverse(w.attention_norm.gain);
      normed_[w.gate.matrix.data] = inverse(w.ffn_norm.gain);
      attended_[w.attention_output.matrix.data] = i++;
    }
  }

  void observe(const Matrix& weights, const float* x, int64_t n_tokens) override {
    if (const auto found = normed_.find(weights.data); found != normed_.end()) {
      moments_.residual.add(x, n_tokens, weights.columns, found->second, scratch_, pool_);
    } else if (const auto layer = attended_.find(weights.data); layer != attended_.end()) {
      add_heads(layer->second, x, n_tokens);
    }
  }

 private:
  void add_heads(size_t layer, const float* x, int64_t n_tokens) {
    const AttentionBlockForm& form = model_.config.layers[layer].attention;
    const int64_t width = form.n_heads * form.head_dim, shared_by = form.n_heads / form.n_kv_heads;
    size_t at = 0;
    for (size_t i = 0; i < layer; ++i) {
      at += static_cast<size_t>(model_.config.layers[i].attention.n_kv_heads);
    }
    for (int64_t h = 0; h < form.n_heads; ++h) {
      moments_.heads[at + static_cast<size_t>(h / shared_by)].add(x + h * form.head_dim, n_tokens,
                                                                  width, {}, scratch_, pool_);
    }
  }

  const Decoder& model_;
  ThreadPool& pool_;
  Moments& moments_;
  MomentScratch scratch_;
  std::unordered_map<const std::byte*, std::vector<float>> normed_;
  std::unordered_map<const std::byte*, size_t> attended_;
};

}  // namespace

Result<Windows> calibration_windows(const Tokenizer& tokenizer, std::string_view text,
                                    int64_t n_tokens, int64_t length) {
  WHET_TRY(std::vector<TokenId> ids,
           tokenizer.encode(text, {.add_special = false, .parse_special = false}));
  if (ids.size() < kFewestTokens) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("the calibration text: expected {} tokens or more, found {}",
                             kFewestTokens, ids.size()));
  }
  ids.resize(std::min(ids.size(), static_cast<size_t>(n_tokens)));
  const bool bos = tokenizer.adds_bos() && tokenizer.bos().has_value();
  const auto room = static_cast<size_t>(length) - (bos ? 1 : 0);
  Windows windows;
  for (size_t first = 0; first < ids.size(); first += room) {
    const size_t n = std::min(room, ids.size() - first);
    std::vector<int32_t>& window = windows.emplace_back();
    if (bos) window.push_back(*tokenizer.bos());
    const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(first);
    window.insert(window.end(), begin, begin + static_cast<std::ptrdiff_t>(n));
  }
  return windows;
}

Moments::Moments(const ModelConfig& config) : residual(config.d_model) {
  for (const LayerForm& layer : config.layers) {
    const AttentionBlockForm& a = layer.attention;
    for (int64_t h = 0; h < a.n_kv_heads; ++h) heads.emplace_back(a.head_dim);
  }
}

Status collect_moments(const Decoder& model, const Windows& windows, ThreadPool& pool,
                       const std::function<Status(const Moments&)>& on_window,
                       const CancelFlag* cancel, Moments& moments) {
  ForwardScratch scratch(model.config);
  MomentObserver observer(model, pool, moments);
  scratch.observe(&observer);
  while (moments.n_windows < static_cast<int64_t>(windows.size())) {
    if (cancel != nullptr && cancel->cancelled()) {
      return Error(ErrorCode::kCancelled, "cancelled");
    }
    const std::vector<int32_t>& window = windows[static_cast<size_t>(moments.n_windows)];
    WHET_TRY(KvSequence kv,
             KvSequence::create(kv_shape_of(model.config, static_cast<int64_t>(window.size()))));
    const StepSegment segment{&kv, window, StepSegment::Logits::kNone};
    forward(model, {&segment, 1}, scratch, pool);
    ++moments.n_windows;
    WHET_TRY_STATUS(on_window(moments));
  }
  return ok_status();
}

}  // namespace whet::adapt
