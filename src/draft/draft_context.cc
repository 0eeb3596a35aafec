#include "draft/draft_context.h"

namespace whet {

void DraftContext::rewind(size_t n) {
  if (n == ids_.size()) return;
  kv_.rewind(static_cast<int64_t>(n));
  ids_.resize(n);
}

std::span<const float> DraftContext::read(std::span<const int32_t> tokens, ThreadPool& pool) {
  const auto logits = model_.read(kv_, tokens, pool);
  ids_.insert(ids_.end(), tokens.begin(), tokens.end());
  return logits;
}

}  // namespace whet
