// DraftContext: the tokens that a draft model has read of one text, kept in step with it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "draft/draft_model.h"

namespace whet {

class DraftContext {
 public:
  /// Tokens that may be drafted behind a text.
  static constexpr size_t kAhead = 64;

  DraftContext(DraftModel& model, KvSequence kv) : model_(model), kv_(std::move(kv)) {}

  std::span<const int32_t> ids() const { return ids_; }
  size_t capacity() const { return static_cast<size_t>(kv_.capacity()); }
  /// Forgets what was read from position n on.
  void rewind(size_t n);
  /// Logits of what follows, as DraftModel::read().
  std::span<const float> read(std::span<const int32_t> tokens, ThreadPool& pool);

 private:
  DraftModel& model_;
  KvSequence kv_;
  std::vector<int32_t> ids_;
};

}  // namespace whet
