#include "quantize/importance_collector.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "base/check.h"
#include "model/forward.h"
#include "ops/projection.h"
#include "quantize/model_contents.h"

namespace whet {
namespace {

// Tokens of a pass; fewer where every token's logits are made, which take more memory than the
// rest.
constexpr int64_t kMostRows = 512, kMostRowsWithLogits = 64;

class Collector : public ProjectionObserver {
 public:
  Collector(const LoadedModel& model, bool head) {
    const ModelContents contents = contents_of(model, ModelFile::Container::kGguf);
    for (const ContentMatrix& source : contents.matrices) add(model, source, head);
  }

  void observe(const Matrix& weights, const float* x, int64_t n_tokens) override {
    const auto found = places_.find(weights.data);
    if (found == places_.end()) return;
    const Place& place = found->second;
    const auto columns = static_cast<size_t>(weights.columns);
    double* sums = place.channels->sums.data() + place.matrix * columns;
    for (int64_t t = 0; t < n_tokens; ++t, x += columns) {
      for (size_t i = 0; i < columns; ++i) sums[i] += double{x[i]} * x[i];
    }
    place.channels->counts[place.matrix] += static_cast<double>(n_tokens);
  }

  ImportanceMatrix matrix;

 private:
  struct Place {
    ChannelImportance* channels;
    size_t matrix;
  };

  void add(const LoadedModel& model, const ContentMatrix& source, bool head) {
    const Weights& w = model.model.weights;
    const bool is_head = source.experts.empty() && source.matrix.data == w.head.matrix.data;
    if (is_head && !head) return;
    if (source.role == MatrixRole::kEmbedding && !is_head) return;
    ChannelImportance& channels = matrix.tensors[source.name];
    const size_t n = std::max<size_t>(source.experts.size(), 1);
    channels.sums.resize(n * static_cast<size_t>(source.matrix.columns));
    channels.counts.resize(n);
    if (source.experts.empty()) places_.emplace(source.matrix.data, Place{&channels, 0});
    for (size_t i = 0; i < source.experts.size(); ++i) {
      places_.emplace(source.experts[i].data, Place{&channels, i});
    }
  }

  std::unordered_map<const std::byte*, Place> places_;  // by Matrix::data
};

Status check_text(const LoadedModel& model, size_t n_tokens, const ImportanceOptions& options) {
  const ModelConfig& config = model.model.config;
  if (config.n_positions > 0 && options.chunk_size > config.n_positions) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("expected chunks of at most the model's {} positions, found {}",
                             config.n_positions, options.chunk_size));
  }
  if (n_tokens >= static_cast<size_t>(options.chunk_size)) return ok_status();
  return Error(
      ErrorCode::kInvalidArgument,
      fmt::format("expected a text of at least one chunk of {} tokens, found {}; give more "
                  "text or smaller chunks",
                  options.chunk_size, n_tokens));
}

}  // namespace

Result<ImportanceMatrix> collect_importance(
    const LoadedModel& model, std::span<const int32_t> text, const ImportanceOptions& options,
    ThreadPool& pool, const std::function<void(int64_t done, int64_t total)>& on_chunk,
    const CancelFlag* cancel) {
  WHET_CHECK(model.storage != WeightStorage::kInterleaved && options.chunk_size > 0);
  WHET_TRY_STATUS(check_text(model, text.size(), options));
  const ModelConfig& config = model.model.config;
  const auto size = static_cast<size_t>(options.chunk_size);
  auto n_chunks = static_cast<int64_t>(text.size() / size);
  if (options.n_chunks >= 0) n_chunks = std::min(n_chunks, options.n_chunks);
  Collector collector(model, options.head);
  ForwardScratch scratch(config);
  scratch.observe(&collector);
  const auto logits = options.head ? StepSegment::Logits::kAll : StepSegment::Logits::kNone;
  const auto n_rows = static_cast<size_t>(options.head ? kMostRowsWithLogits : kMostRows);
  const Tokenizer& tokenizer = *model.tokenizer;
  for (int64_t chunk = 0; chunk < n_chunks; ++chunk) {
    const auto whole = text.subspan(static_cast<size_t>(chunk) * size, size);
    std::vector<int32_t> tokens(whole.begin(), whole.end());
    if (tokenizer.adds_bos() && tokenizer.bos()) tokens.front() = *tokenizer.bos();
    WHET_TRY(KvSequence kv, KvSequence::create(kv_shape_of(config, options.chunk_size)));
    for (size_t i = 0; i < size; i += n_rows) {
      if (cancel != nullptr && cancel->cancelled()) {
        return Error(ErrorCode::kCancelled, "cancelled");
      }
      const auto rows = std::span(tokens).subspan(i, std::min(n_rows, size - i));
      const StepSegment segment{&kv, rows, logits};
      forward(model.model, {&segment, 1}, scratch, pool);
    }
    on_chunk(chunk + 1, n_chunks);
  }
  collector.matrix.n_chunks = static_cast<uint64_t>(n_chunks);
  collector.matrix.chunk_size = static_cast<uint64_t>(options.chunk_size);
  return std::move(collector.matrix);
}

}  // namespace whet
