// The operator against its kernel, called row by row on one thread.
#include "ops/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
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
  s.q = random_values(seed, s.size() * form.n_heads * form.key_dim);
  s.k = random_values(seed + 1, s.size() * form.n_kv_heads * form.key_dim);
  s.v = random_values(seed + 2, s.size() * form.n_kv_heads * form.value_dim);
  return s;
}

/// [T, n_heads * value_dim], one query row of one head at a time, on a contiguous cache.
std::vector<float> reference(const AttentionForm& form, DType type, const Stream& s) {
  const auto key_dim = static_cast<size_t>(form.key_dim);
  const auto value_dim = static_cast<size_t>(form.value_dim);
  const auto n = static_cast<size_t>(s.size()), n_heads = static_cast<size_t>(form.n_heads);
  const auto n_kv_heads = static_cast<size_t>(form.n_kv_heads);
  const size_t block_stride =
      kernels::kKeyBlock * kernels::kv_row_bytes(type, std::max(key_dim, value_dim));
  std::vector<float> out(n * n_heads * value_dim);
  for (size_t head = 0; head < n_heads; ++head) {
    const size_t kv_head = head / (n_heads / n_kv_heads);
    std::vector<std::byte> keys((n / kernels::kKeyBlock + 1) * block_stride), values(keys.size());
    kernels::kernels().append_kv({.type = type,
                                  .k = s.k.data() + kv_head * key_dim,
                                  .k_stride = n_kv_heads * key_dim,
                                  .v = s.v.data() + kv_head * value_dim,
                                  .v_stride = n_kv_heads * value_dim,
                                  .n_tokens = n,
                                  .key_dim = key_dim,
                                  .value_dim = value_dim,
                                  .position = 0,
                                  .k_cache = keys.data(),
                                  .v_cache = values.data(),
                                  .block_stride = block_stride});
    for (size_t t = 0; t < n; ++t) {
      kernels::kernels().attention({.type = type,
                                    .q = s.q.data() + (t * n_heads + head) * key_dim,
                                    .q_stride = n_heads * key_dim,
                                    .n_tokens = 1,
                                    .n_heads = 1,
                                    .key_dim = key_dim,
                                    .value_dim = value_dim,
                                    .first_position = t,
                                    .window = static_cast<size_t>(form.window),
                                    .scale = form.scale,
                                    .k_cache = keys.data(),
                                    .v_cache = values.data(),
                                    .block_stride = block_stride,
                                    .out = out.data() + (t * n_heads + head) * value_dim,
                                    .out_stride = n_heads * value_dim,
                                    .softcap = form.softcap,
                                    .slopes = form.slopes == nullptr ? nullptr : form.slopes + head,
                                    .sinks = form.sinks == nullptr ? nullptr : form.sinks + head});
    }
  }
  return out;
}

/// What `threads` threads compute of all streams, chunk i of every stream in step i.
std::vector<std::vector<float>> attend_together(const AttentionForm& form, DType type,
                                                const std::vector<Stream>& streams, int threads) {
  const int64_t q_dim = form.n_heads * form.key_dim, out_dim = form.n_heads * form.value_dim;
  const int64_t k_dim = form.n_kv_heads * form.key_dim, v_dim = form.n_kv_heads * form.value_dim;
  constexpr int64_t kLayer = 1;
  ThreadPool pool(threads);
  AttentionScratch scratch;
  std::vector<KvSequence> caches;
  std::vector<std::vector<float>> outs(streams.size());
  for (const Stream& s : streams) {
    const KvLayerShape layer{form.n_kv_heads, form.key_dim, form.value_dim};
    caches.push_back(KvSequence::create({{layer, layer}, s.size(), type}).value());
  }
  for (size_t step = 0; step < streams[0].chunks.size(); ++step) {
    std::vector<AttentionSegment> segments;
    std::vector<float> q, k, v;
    int64_t n_rows = 0;
    for (size_t i = 0; i < streams.size(); ++i) {
      const Stream& s = streams[i];
      const int64_t first = caches[i].size(), n = s.chunks[step];
      segments.push_back({&caches[i], n});
      n_rows += n;
      q.insert(q.end(), s.q.begin() + first * q_dim, s.q.begin() + (first + n) * q_dim);
      k.insert(k.end(), s.k.begin() + first * k_dim, s.k.begin() + (first + n) * k_dim);
      v.insert(v.end(), s.v.begin() + first * v_dim, s.v.begin() + (first + n) * v_dim);
    }
    std::vector<float> out(static_cast<size_t>(n_rows * out_dim), std::nanf(""));
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
      outs[i].insert(outs[i].end(), row, row + n * out_dim);
      row += n * out_dim;
      caches[i].extend(n);
    }
  }
  return outs;
}

TEST(Attention, IsBitEqualToItsKernelForAnyThreadsMatesAndChunks) {
  const std::vector<float> of_heads = {0.5f, 0.25f, 1, 2, 0.125f, 3};
  const AttentionForm forms[] = {
      {.n_heads = 6,
       .n_kv_heads = 2,
       .key_dim = 32,
       .value_dim = 32,
       .scale = 0.2f,
       .softcap = 2,
       .slopes = of_heads.data(),
       .sinks = of_heads.data()},
      {.n_heads = 8, .n_kv_heads = 1, .key_dim = 64, .value_dim = 64, .scale = 0.125f},
      {.n_heads = 6, .n_kv_heads = 2, .key_dim = 32, .value_dim = 64, .scale = 0.2f},
      {.n_heads = 7, .n_kv_heads = 1, .key_dim = 32, .value_dim = 32, .window = 40, .scale = 0.2f}};
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
  const AttentionForm form{
      .n_heads = 2, .n_kv_heads = 1, .key_dim = 32, .value_dim = 32, .scale = 1};
  KvSequence kv = KvSequence::create(KvShape::uniform(1, 1, 32, 16)).value();
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
