#include "kv/recurrent_state.h"

#include <algorithm>

#include "base/check.h"
#include "kernels/kernels.h"

namespace whet {
namespace {

constexpr auto kBlock = static_cast<int64_t>(kernels::kKeyBlock);
// Of a sequence, before a step: what a prompt leaves for prompts that begin like it.
constexpr size_t kMostKept = 8;

}  // namespace

RecurrentState::RecurrentState(std::span<const int64_t> sizes) {
  for (const int64_t size : sizes) {
    offsets_.push_back(size_);
    size_ += size;
  }
}

void RecurrentState::begin(int64_t n, bool each) {
  if (empty()) return;
  if (current_ == nullptr) {
    current_ = std::make_shared<std::vector<float>>(static_cast<size_t>(size_));
  } else if (current_.use_count() > 1) {
    current_ = std::make_shared<std::vector<float>>(*current_);
  }
  if (kept_.size() > kMostKept) kept_.erase(kept_.begin(), kept_.end() - kMostKept);
  keeps_ = each || n > 1;
  if (!keeps_) return;
  const int64_t stride = each ? 1 : kBlock;
  for (int64_t p = (position_ / stride + 1) * stride; p < position_ + n; p += stride) {
    kept_.push_back({p, std::make_shared<std::vector<float>>(static_cast<size_t>(size_))});
  }
}

float* RecurrentState::copy_at(int64_t layer, int64_t position) {
  if (!keeps_) return nullptr;
  for (auto kept = kept_.rbegin(); kept != kept_.rend() && kept->position >= position; ++kept) {
    if (kept->position == position) return kept->values->data() + offset(layer);
  }
  return nullptr;
}

void RecurrentState::end(int64_t n) {
  if (empty()) return;
  position_ += n;
  if (keeps_ && n > 1 && position_ % kBlock == 0) kept_.push_back({position_, current_});
  keeps_ = false;
}

bool RecurrentState::knows(int64_t position) const {
  return empty() || position == position_ || position == 0 ||
         std::any_of(kept_.begin(), kept_.end(),
                     [&](const Kept& kept) { return kept.position == position; });
}

std::vector<int64_t> RecurrentState::known() const {
  std::vector<int64_t> positions;
  if (empty()) return positions;
  for (const Kept& kept : kept_) positions.push_back(kept.position);
  if (position_ > 0 && (positions.empty() || positions.back() != position_)) {
    positions.push_back(position_);
  }
  return positions;
}

StateValues RecurrentState::at(int64_t position) const {
  if (empty() || position == 0) return nullptr;
  if (position == position_) return current_;
  for (const Kept& kept : kept_) {
    if (kept.position == position) return kept.values;
  }
  WHET_UNREACHABLE();
}

void RecurrentState::go_back(int64_t position) {
  if (empty() || position == position_) return;
  WHET_CHECK(knows(position) && position < position_);
  while (!kept_.empty() && kept_.back().position > position) kept_.pop_back();
  current_ = position == 0 ? nullptr : kept_.back().values;
  position_ = position;
}

void RecurrentState::start(int64_t position, StateValues values) {
  WHET_CHECK(empty() || position == 0 || values != nullptr);
  position_ = position;
  kept_.clear();
  if (empty() || position == 0) {
    current_ = nullptr;
    return;
  }
  // Never written as long as somebody else has it, and kept_ has it.
  current_ = std::const_pointer_cast<std::vector<float>>(values);
  kept_.push_back({position, current_});
}

}  // namespace whet
