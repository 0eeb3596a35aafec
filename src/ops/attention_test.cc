// The operator against its kernel, called row by row on one thread.
#include "ops/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>

#include "base/rng.h"
#include "kernels/kernels.h"

namespace whet {
namespace {

std::vector<float> random_values(uint64_t seed, int64_t n) {
  const CounterRng rng(seed, 0);
  std::vector<float> x;
  for (int64_t i = 0; i < n; ++i) {
    x.push_back(static_cast<float>(rng.uniform(static_cast<uint64_t>(i))) - 0.5f);
  }
  return x;
}

/// A sequence of the test: its tokens arrive in chunks.
struct Stream {
  std::vector<float> q, k, v;
  std::vector<int64_t> chunks;
  int64_t size() const {
    int64_t n = 0;
    for (int64_t chunk : chunks) n += chunk;
    return n;
  }
};

Stream make_stream(const AttentionForm& form, uint64_t seed, std::vector<int64_t> chunks) {
  Stream s;
  s.chunks = std::move(chunks);
  s.q = random_values(seed, s.size() * form.n_heads * form.head_dim);
  s.k = random_values(seed + 1, s.size() * form.n_kv_heads * form.head_dim);
  s.v = random_values(seed + 2, s.size() * form.n_kv_heads * form.head_dim);
  return s;
}

/// [T, n_heads * head_dim], one query row of one head at a time.
std::vector<float> reference(const AttentionForm& form, DType type, const Stream& s) {
  const auto dim = static_cast<size_t>(form.head_dim), n = static_cast<size_t>(s.size());
  const size_t kv_dim = static_cast<size_t>(form.n_kv_heads) * dim;
  const size_t q_dim = static_cast<size_t>(form.n_heads) * dim;
  const size_t panels = (n + kernels::kKeyPanel - 1) / kernels::kKeyPanel;
  std::vector<float> out(n * q_dim);
  for (size_t head = 0; head < static_cast<size_t>(form.n_heads); ++head) {
    const size_t kv_head = head / static_cast<size_t>(form.n_heads / form.n_kv_heads);
    std::vector<std::byte> keys(panels * kernels::kKeyPanel * kernels::kv_row_bytes(type, dim));
    std::vector<std::byte> values(keys.size());
    kernels::kernels().append_kv({.type = type,
                                  .k = s.k.data() + kv_head * dim,
                                  .v = s.v.data() + kv_head * dim,
                                  .stride = kv_dim,
                                  .n_tokens = n,
                                  .head_dim = dim,
                                  .position = 0,
                                  .k_cache = keys.data(),
                                  .v_cache = values.data()});
    for (size_t t = 0; t < n; ++t) {
      kernels::kernels().attention({.type = type,
                                    .q = s.q.data() + t * q_dim + head * dim,
                                    .q_stride = q_dim,
                                    .n_tokens = 1,
                                    .n_heads = 1,
                                    .head_dim = dim,
                                    .first_position = t,
                                    .window = static_cast<size_t>(form.window),
                                    .scale = form.scale,
                                    .k_cache = keys.data(),
                                    .v_cache = values.data(),
                                    .out = out.data() + t * q_dim + head * dim,
                                    .out_stride = q_dim});
    }
  }
  return out;
}

/// What `threads` threads compute of all streams, chunk i of every stream in step i.
std::vector<std::vector<float>> attend_together(const AttentionForm& form, DType type,
                                                const std::vector<Stream>& streams, int threads) {
  const int64_t q_dim = form.n_heads * form.head_dim, kv_dim = form.n_kv_heads * form.head_dim;
  constexpr int64_t kLayer = 1;
  ThreadPool pool(threads);
  AttentionScratch scratch;
  std::vector<KvSequence> caches;
  std::vector<std::vector<float>> outs(streams.size());
  for (const Stream& s : streams) {
    caches.push_back(
        KvSequence::create({2, form.n_kv_heads, form.head_dim, s.size(), type}).value());
  }
  for (size_t step = 0; step < streams[0].chunks.size(); ++step) {
    std::vector<AttentionSegment> segments;
    std::vector<float> q, k, v;
    for (size_t i = 0; i < streams.size(); ++i) {
      const Stream& s = streams[i];
      const int64_t first = caches[i].size(), n = s.chunks[step];
      segments.push_back({&caches[i], n});
      q.insert(q.end(), s.q.begin() + first * q_dim, s.q.begin() + (first + n) * q_dim);
      k.insert(k.end(), s.k.begin() + first * kv_dim, s.k.begin() + (first + n) * kv_dim);
      v.insert(v.end(), s.v.begin() + first * kv_dim, s.v.begin() + (first + n) * kv_dim);
    }
    std::vector<float> out(q.size(), std::nanf(""));
    attend(form,
           {.segments = segments,
            .layer = kLayer,
            .q = q.data(),
            .k = k.data(),
            .v = v.data(),
            .out = out.data()},
           scratch, pool);
    auto row = out.begin();
    for (size_t i = 0; i < streams.size(); ++i) {
      const int64_t n = streams[i].chunks[step];
      outs[i].insert(outs[i].end(), row, row + n * q_dim);
      row += n * q_dim;
      caches[i].extend(n);
    }
  }
  return outs;
}

TEST(Attention, IsBitEqualToItsKernelForAnyThreadsMatesAndChunks) {
  const AttentionForm forms[] = {
      {.n_heads = 8, .n_kv_heads = 1, .head_dim = 64, .scale = 0.125f},
      {.n_heads = 6, .n_kv_heads = 2, .head_dim = 32, .scale = 0.2f},
      {.n_heads = 7, .n_kv_heads = 1, .head_dim = 32, .window = 40, .scale = 0.2f}};
  for (const AttentionForm& form : forms) {
    for (DType type : {DType::F16, DType::Q8_0}) {
      const std::vector<Stream> streams = {make_stream(form, 10, {130, 1, 1, 20, 1}),
                                           make_stream(form, 20, {3, 1, 150, 1, 1}),
                                           make_stream(form, 30, {1, 1, 1, 1, 1})};
      for (int threads : {1, 2, 3, 16}) {
        SCOPED_TRACE(threads);
        const auto together = attend_together(form, type, streams, threads);
        for (size_t i = 0; i < streams.size(); ++i) {
          const auto expected = reference(form, type, streams[i]);
          const auto alone = attend_together(form, type, {streams[i]}, threads)[0];
          ASSERT_EQ(together[i].size(), expected.size());
          ASSERT_EQ(std::memcmp(together[i].data(), expected.data(), expected.size() * 4), 0);
          ASSERT_EQ(std::memcmp(alone.data(), expected.data(), expected.size() * 4), 0);
        }
      }
    }
  }
}

TEST(AttentionDeathTest, RefusesWhatTheCacheCannotHold) {
  const AttentionForm form{.n_heads = 2, .n_kv_heads = 1, .head_dim = 32, .scale = 1};
  KvSequence kv = KvSequence::create({1, 1, 32, 16, DType::F16}).value();
  std::vector<float> rows(17 * 64);
  AttentionScratch scratch;
  ThreadPool pool(1);
  const AttentionSegment segment{&kv, 17};
  EXPECT_DEATH(attend(form,
                      {.segments = {&segment, 1},
                       .layer = 0,
                       .q = rows.data(),
                       .k = rows.data(),
                       .v = rows.data(),
                       .out = rows.data()},
                      scratch, pool),
               "check failed");
}

}  // namespace
}  // namespace whet
