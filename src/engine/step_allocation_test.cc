// A forward pass that is no larger than one before allocates nothing: a step's time must not depend
// on the allocator. Counts what this program's own operator new is asked for, on every thread.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <new>

#include "kv/kv_arena.h"
#include "load/loaded_model.h"
#include "model/forward.h"

namespace {

std::atomic<int64_t> n_allocations = 0;

void* allocate(std::size_t n, std::size_t alignment) {
  ++n_allocations;
  const std::size_t whole = (n + alignment - 1) / alignment * alignment;
  if (void* p = std::aligned_alloc(alignment, whole == 0 ? alignment : whole)) return p;
  throw std::bad_alloc();
}

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t n) {
  return allocate(n, alignof(std::max_align_t));
}
[[gnu::noinline]] void* operator new(std::size_t n, std::align_val_t alignment) {
  return allocate(n, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* p) noexcept {
  std::free(p);
}
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}
[[gnu::noinline]] void operator delete(void* p, std::align_val_t) noexcept {
  std::free(p);
}
[[gnu::noinline]] void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
  std::free(p);
}

namespace whet {
namespace {

constexpr int64_t kPrompt = 40;

/// Allocations of a pass.
int64_t pass(const Decoder& model, std::span<const StepSegment> segments, ForwardScratch& scratch,
             ThreadPool& pool) {
  for (const StepSegment& segment : segments) {
    EXPECT_TRUE(segment.kv->prepare(static_cast<int64_t>(segment.tokens.size())).ok());
  }
  const int64_t before = n_allocations;
  forward(model, segments, scratch, pool);
  return n_allocations - before;
}

/// A prompt beside a sequence that decodes, and then both decoding.
int64_t two_passes(const Decoder& model, KvSequence& first, KvSequence& second,
                   ForwardScratch& scratch, ThreadPool& pool) {
  const std::vector<int32_t> ids(kPrompt, 5);
  first.rewind(0);
  second.rewind(3);
  const StepSegment prompt[] = {{&first, ids, StepSegment::Logits::kLast},
                                {&second, std::span(ids).first(1), StepSegment::Logits::kLast}};
  const StepSegment decode[] = {{&first, std::span(ids).first(1), StepSegment::Logits::kLast},
                                {&second, std::span(ids).first(2), StepSegment::Logits::kAll}};
  return pass(model, prompt, scratch, pool) + pass(model, decode, scratch, pool);
}

TEST(StepAllocation, NothingInAPassThatIsNoLargerThanOneBefore) {
  int n_models = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(WHET_SOURCE_DIR "/tests/golden/models")) {
    if (entry.path().extension() != ".gguf") continue;
    SCOPED_TRACE(entry.path().filename().string());
    const auto loaded = load_model(entry.path().string());
    ASSERT_TRUE(loaded.ok()) << loaded.error().message();
    ThreadPool pool(2);
    const KvShape shape = kv_shape_of(loaded->model.config, kPrompt + 4);
    // A state belongs to the sequence, and what it is rewound to must have been kept.
    if (shape.state_bytes() > 0) continue;
    const auto arena = KvArena::create(shape, 1 << 30);
    ASSERT_TRUE(arena.ok()) << arena.error().message();
    KvSequence first = (*arena)->open().value(), second = (*arena)->open().value();
    ForwardScratch scratch(loaded->model.config);
    const std::vector<int32_t> ids(3, 7);
    const StepSegment start{&second, ids, StepSegment::Logits::kNone};
    EXPECT_GT(pass(loaded->model, {&start, 1}, scratch, pool), 0);
    // Which thread multiplies what is chance, and so is whose scratch it needs: give all a turn.
    for (int i = 0; i < 20; ++i) two_passes(loaded->model, first, second, scratch, pool);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(two_passes(loaded->model, first, second, scratch, pool), 0);
    }
    ++n_models;
  }
  EXPECT_GT(n_models, 10);
}

}  // namespace
}  // namespace whet
