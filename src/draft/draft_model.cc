#include "draft/draft_model.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "model/slot.h"

namespace whet {
namespace {

// Tokens of one pass while a text is read: bounds the memory of a pass.
constexpr size_t kChunk = 256;
// Whole panels of any interleaving.
constexpr int64_t kHeadRowUnit = 64;

bool same_pieces(const Tokenizer& a, const Tokenizer& b) {
  const TokenId n = std::min(a.vocab_size(), b.vocab_size());
  // A vocabulary that only begins like the other is another one.
  if (n < std::max(a.vocab_size(), b.vocab_size()) * 9 / 10) return false;
  for (TokenId id = 0; id < n; ++id) {
    if (a.piece(id) != b.piece(id)) return false;
  }
  return true;
}

Decoder with_short_head(const Decoder& model, int64_t n_rows) {
  Decoder shortened = model;
  LinearWeights& head = shortened.weights.head;
  shortened.config.vocab_size = n_rows;
  head.matrix.rows = n_rows;
  if (!head.bias.empty()) head.bias.resize(static_cast<size_t>(n_rows));
  return shortened;
}

int64_t head_rows(const Decoder& model, int64_t wanted, int64_t most) {
  const int64_t all = std::min(model.config.vocab_size, most);
  if (wanted == 0 || wanted >= all)
    return all == model.config.vocab_size ? all : all / kHeadRowUnit * kHeadRowUnit;
  return std::max(wanted / kHeadRowUnit, int64_t{1}) * kHeadRowUnit;
}

}  // namespace

uint64_t weight_bytes_of_step(const Decoder& model) {
  const auto bytes = [](const Matrix& m) {
    return m.data == nullptr ? 0 : static_cast<uint64_t>(m.rows) * m.row_size();
  };
  uint64_t total = bytes(model.weights.head.matrix);
  for (size_t i = 0; i < model.weights.layers.size(); ++i) {
    for_each_matrix(
        model.weights.layers[i], [&](const Matrix& m) { total += bytes(m); },
        model.config.layers[i].experts.n_used);
  }
  return total;
}

DraftModel::DraftModel(LoadedModel loaded, const Tokenizer& target, int64_t target_rows,
                       int64_t n_head_rows, bool sparse)
    : loaded_(std::move(loaded)),
      model_(loaded_.model),
      scratch_(loaded_.model.config),
      same_vocabulary_(same_pieces(*loaded_.tokenizer, target)),
      sparse_(sparse) {
  const int64_t most = same_vocabulary_ ? target_rows : model_.config.vocab_size;
  model_ = with_short_head(loaded_.model, head_rows(loaded_.model, n_head_rows, most));
  bytes_per_step_ = weight_bytes_of_step(model_);
}

Result<KvSequence> DraftModel::open() const {
  const KvShape shape = kv_shape_of(model_.config, context());
  if (shape.state_bytes() > 0) {
    return Error(ErrorCode::kInvalidArgument,
                 "draft model: expected one whose layers all have keys and values, found recurrent "
                 "layers, which cannot be taken back by more than a step; use another draft");
  }
  auto kv = KvSequence::create(shape);
  if (!kv.ok()) return kv.error().with_context("draft model");
  return kv;
}

std::span<const float> DraftModel::read(KvSequence& kv, std::span<const int32_t> tokens,
                                        ThreadPool& pool) {
  WHET_CHECK(!tokens.empty() && static_cast<int64_t>(tokens.size()) <= kv.capacity() - kv.size());
  std::span<const float> logits;
  while (!tokens.empty()) {
    const auto chunk = tokens.first(std::min(tokens.size(), kChunk));
    tokens = tokens.subspan(chunk.size());
    const int64_t start_ns = monotonic_ns();
    StepSegment segment{&kv, chunk,
                        tokens.empty() ? StepSegment::Logits::kLast : StepSegment::Logits::kNone};
    segment.sparse = sparse_ && chunk.size() == 1;  // several share the reading of whole weights
    logits = forward(model_, {&segment, 1}, scratch_, pool);
    cost_.note(static_cast<int64_t>(chunk.size()),
               static_cast<double>(monotonic_ns() - start_ns) * 1e-9);
  }
  return logits;
}

}  // namespace whet
