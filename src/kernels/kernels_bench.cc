// Speed of linear() and attention() on the configured instruction set. "cold" and "interleaved"
// cases rotate over more memory than any cache holds and stand beside a pure read of the same
// bytes; "hot" cases repeat one matrix. Run it on an idle machine:
//   whet_kernels_bench --benchmark_filter='Q4_K' --benchmark_enable_random_interleaving=true
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/channel_layout.h"
#include "kernels/interleave.h"
#include "kernels/test_data.h"

namespace whet::kernels {
namespace {

constexpr size_t kColdBytes = size_t{256} << 20;

/// One weight type's memory: many copies of one random matrix.
struct Weights {
  size_t n_rows, n_cols, matrix_bytes, n_copies;
  std::vector<uint8_t> bytes;

  Weights(DType type, size_t n, size_t k, bool cold, bool interleaved) : n_rows(n), n_cols(k) {
    const size_t row = row_bytes(dtype_info(type), k);
    matrix_bytes = n * row;
    n_copies = cold ? kColdBytes / matrix_bytes + 1 : 1;
    bytes.resize(n_copies * matrix_bytes);
    const size_t first = std::min<size_t>(n, 64);
    testing::fill_weights(type, CounterRng(1, k), bytes.data(), first * k);
    const size_t h = interleaved_rows(kernels(), type, k);
    for (size_t row_of = 0; interleaved && row_of < first; row_of += h) {
      const std::vector<uint8_t> rows(&bytes[row_of * row], &bytes[row_of * row] + h * row);
      interleave_rows(type, h, k, rows.data(), &bytes[row_of * row]);
    }
    for (size_t at = first * row; at < bytes.size(); at += row) {
      std::memcpy(bytes.data() + at, bytes.data() + at - first * row, row);
    }
  }
};

struct Shared {
  DType type;
  ActivationForm form;
  Weights weights;
  AlignedBuffer<std::byte> activations;
  std::vector<float> y;
  Shared(DType t, size_t n_tokens, size_t n, size_t k, bool cold, bool interleaved)
      : type(t),
        form(activation_form(kernels(), t, k)),
        weights(t, n, k, cold, interleaved),
        y(n_tokens * n) {
    std::vector<float> x(n_tokens * k);
    const CounterRng rng(2, 3);
    for (size_t i = 0; i < x.size(); ++i) x[i] = testing::gaussian(rng, i);
    kernels().quantize_activations(
        {.form = form,
         .x = x.data(),
         .x_stride = k,
         .n_tokens = n_tokens,
         .token_begin = 0,
         .token_end = n_tokens,
         .n_cols = k,
         .dst = activations.reserve(activation_bytes(form, n_tokens, k))});
  }
};
std::unique_ptr<Shared> shared;

/// The rows of this thread in one of the copies.
struct Share {
  size_t begin, end;
};
Share share_of(const benchmark::State& state, size_t n_rows) {
  const size_t step = 2 * kernels().panel_rows, n_steps = n_rows / step;
  const size_t i = static_cast<size_t>(state.thread_index());
  const size_t n = static_cast<size_t>(state.threads());
  return {n_steps * i / n * step, i + 1 == n ? n_rows : n_steps * (i + 1) / n * step};
}

/// What this thread adds to a rate of the whole matrix. Counters are summed over the threads and
/// then multiplied with the iterations of all of them.
double part_of_rate(const benchmark::State& state, size_t n_rows) {
  const Share rows = share_of(state, n_rows);
  return static_cast<double>(rows.end - rows.begin) / static_cast<double>(n_rows) / state.threads();
}

void linear(benchmark::State& state, DType type, size_t n_rows, size_t n_cols, bool cold,
            bool interleaved) {
  const auto n_tokens = static_cast<size_t>(state.range(0));
  if (state.thread_index() == 0) {
    shared = std::make_unique<Shared>(type, n_tokens, n_rows, n_cols, cold, interleaved);
  }
  size_t copy = 0;
  for (auto _ : state) {
    const Share rows = share_of(state, n_rows);
    kernels().linear({.type = type,
                      .form = shared->form,
                      .weights = shared->weights.bytes.data() + copy * shared->weights.matrix_bytes,
                      .interleaved = interleaved,
                      .n_cols = n_cols,
                      .row_begin = rows.begin,
                      .row_end = rows.end,
                      .activations = shared->activations.data(),
                      .n_tokens = n_tokens,
                      .y = shared->y.data(),
                      .y_stride = n_rows});
    copy = (copy + 1) % shared->weights.n_copies;
  }
  const double share = part_of_rate(state, n_rows);
  using benchmark::Counter;
  state.counters["GB/s"] = Counter(share * static_cast<double>(shared->weights.matrix_bytes) * 1e-9,
                                   Counter::kIsIterationInvariantRate);
  state.counters["Gop/s"] =
      Counter(share * 2e-9 * static_cast<double>(n_rows) * static_cast<double>(n_cols * n_tokens),
              Counter::kIsIterationInvariantRate);
}

/// A matrix channel by channel: choosing the channels, the percentage of which that is left out is
/// the argument, and the product over the rest. Every thread chooses for itself.
struct ChannelWeights {
  size_t matrix_bytes, n_copies;
  AlignedBuffer<std::byte> bytes;

  ChannelWeights(DType type, size_t n_rows, size_t n_cols, bool cold)
      : matrix_bytes(channel_bytes(type, n_rows, n_cols)),
        n_copies(cold ? kColdBytes / matrix_bytes + 1 : 1) {
    const Weights rows(type, n_rows, n_cols, false, false);
    std::byte* first = bytes.reserve(n_copies * matrix_bytes);
    std::memset(first, 0, matrix_bytes);
    for (size_t t = 0; t < channel_tiles(n_rows); ++t) {
      lay_out_channels(kernels(),
                       {type, reinterpret_cast<const std::byte*>(rows.bytes.data()),
                        static_cast<int64_t>(n_rows), static_cast<int64_t>(n_cols)},
                       t, first);
    }
    for (size_t i = 1; i < n_copies; ++i)
      std::memcpy(first + i * matrix_bytes, first, matrix_bytes);
  }
};
std::unique_ptr<ChannelWeights> channel_weights;

void channels(benchmark::State& state, DType type, size_t n_rows, size_t n_cols, bool cold) {
  if (state.thread_index() == 0) {
    channel_weights = std::make_unique<ChannelWeights>(type, n_rows, n_cols, cold);
  }
  const size_t keep = n_cols - n_cols * static_cast<size_t>(state.range(0)) / 100;
  std::vector<float> x(n_cols);
  const CounterRng rng(2, 3);
  for (size_t i = 0; i < n_cols; ++i) x[i] = testing::gaussian(rng, i);
  std::vector<uint32_t> scratch(n_cols), kept(n_cols / 32);
  std::vector<ChannelActivations> activations(n_cols / 32);
  AlignedBuffer<float> sums;
  float* y = sums.reserve(kChannelTileRows);
  const size_t thread = static_cast<size_t>(state.thread_index());
  const size_t n_threads = static_cast<size_t>(state.threads());
  size_t copy = 0;
  for (auto _ : state) {
    kernels().choose_channels({x.data(), nullptr, n_cols, keep, scratch.data(), kept.data()});
    kernels().quantize_channels({x.data(), kept.data(), n_cols, activations.data()});
    const std::byte* tiles = channel_weights->bytes.data() + copy * channel_weights->matrix_bytes;
    for (size_t t = thread; t < channel_tiles(n_rows); t += n_threads) {
      kernels().linear_channels({.type = type,
                                 .tile = tiles + channel_tile_offset(type, n_rows, n_cols, t),
                                 .n_rows = channel_tile(n_rows, t).n_rows,
                                 .x = activations.data(),
                                 .block_begin = 0,
                                 .block_end = n_cols / 32,
                                 .y = y});
      benchmark::DoNotOptimize(y);
    }
    copy = (copy + 1) % channel_weights->n_copies;
  }
  using benchmark::Counter;
  state.counters["dense GB/s"] = Counter(static_cast<double>(channel_weights->matrix_bytes) * 1e-9 /
                                             static_cast<double>(n_threads * n_threads),
                                         Counter::kIsIterationInvariantRate);
}

/// Two bodies in turn, and how much longer the first took. Medians: an iteration that other
/// programs took part in says nothing.
template <class Dense, class Sparse>
void time_in_turn(benchmark::State& state, const Dense& run_dense, const Sparse& run_sparse) {
  const auto microseconds_of = [](const auto& body) {
    const auto begin = std::chrono::steady_clock::now();
    body();
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin)
        .count();
  };
  std::vector<double> dense_us, sparse_us;
  size_t n_done = 0;
  for (auto _ : state) {
    dense_us.push_back(microseconds_of([&] { run_dense(n_done); }));
    sparse_us.push_back(microseconds_of([&] { run_sparse(n_done); }));
    ++n_done;
  }
  const auto median = [](std::vector<double>& sample) {
    const auto middle = sample.begin() + static_cast<ptrdiff_t>(sample.size() / 2);
    std::nth_element(sample.begin(), middle, sample.end());
    return *middle;
  };
  using benchmark::Counter;
  const double dense = median(dense_us), sparse = median(sparse_us);
  state.counters["dense us"] = Counter(dense, Counter::kAvgThreads);
  state.counters["sparse us"] = Counter(sparse, Counter::kAvgThreads);
  state.counters["dense/sparse"] = Counter(dense / sparse, Counter::kAvgThreads);
}

/// The dense product of a row and the one that leaves out a percentage of its channels, in turn,
/// each with what makes x ready for it. A team shares rows of the one and blocks of channels of the
/// other.
void sparse_over_dense(benchmark::State& state, DType type, size_t n_rows, size_t n_cols,
                       bool cold) {
  if (state.thread_index() == 0) {
    shared = std::make_unique<Shared>(type, 1, n_rows, n_cols, cold, false);
    channel_weights = std::make_unique<ChannelWeights>(type, n_rows, n_cols, cold);
  }
  const size_t keep = n_cols - n_cols * static_cast<size_t>(state.range(0)) / 100;
  const size_t thread = static_cast<size_t>(state.thread_index());
  const size_t n_threads = static_cast<size_t>(state.threads()), n_blocks = n_cols / kChannelBlock;
  std::vector<float> x(n_cols), dense_y(n_rows);
  const CounterRng rng(2, 3);
  for (size_t i = 0; i < n_cols; ++i) x[i] = testing::gaussian(rng, i);
  std::vector<uint32_t> scratch(n_cols), kept(n_blocks);
  std::vector<ChannelActivations> activations(n_blocks);
  AlignedBuffer<float> sums;
  float* y = sums.reserve(kChannelTileRows);
  AlignedBuffer<std::byte> prepared;
  const auto run_dense = [&](size_t copy) {
    const ActivationForm form = shared->form;
    std::byte* ready = prepared.reserve(activation_bytes(form, 1, n_cols));
    kernels().quantize_activations({form, x.data(), n_cols, 1, 0, 1, n_cols, ready});
    const Share rows = share_of(state, n_rows);
    const Weights& w = shared->weights;
    kernels().linear({.type = type,
                      .form = form,
                      .weights = w.bytes.data() + copy % w.n_copies * w.matrix_bytes,
                      .interleaved = false,
                      .n_cols = n_cols,
                      .row_begin = rows.begin,
                      .row_end = rows.end,
                      .activations = ready,
                      .n_tokens = 1,
                      .y = dense_y.data(),
                      .y_stride = n_rows});
    benchmark::DoNotOptimize(dense_y.data());
  };
  const auto run_sparse = [&](size_t copy) {
    kernels().choose_channels({x.data(), nullptr, n_cols, keep, scratch.data(), kept.data()});
    kernels().quantize_channels({x.data(), kept.data(), n_cols, activations.data()});
    const ChannelWeights& w = *channel_weights;
    const std::byte* tiles = w.bytes.data() + copy % w.n_copies * w.matrix_bytes;
    for (size_t t = 0; t < channel_tiles(n_rows); ++t) {
      kernels().linear_channels({.type = type,
                                 .tile = tiles + channel_tile_offset(type, n_rows, n_cols, t),
                                 .n_rows = channel_tile(n_rows, t).n_rows,
                                 .x = activations.data(),
                                 .block_begin = n_blocks * thread / n_threads,
                                 .block_end = n_blocks * (thread + 1) / n_threads,
                                 .y = y});
      benchmark::DoNotOptimize(y);
    }
  };
  time_in_turn(state, run_dense, run_sparse);
}

/// The same where whole groups of 32 columns are left out of rows as the file has them, or of
/// interleaved ones.
void blocks_over_dense(benchmark::State& state, DType type, size_t n_rows, size_t n_cols, bool cold,
                       bool interleaved) {
  if (state.thread_index() == 0) {
    shared = std::make_unique<Shared>(type, 1, n_rows, n_cols, cold, interleaved);
  }
  const size_t n_groups = n_cols / 32;
  const size_t keep = n_groups - n_groups * static_cast<size_t>(state.range(0)) / 100;
  std::vector<float> x(n_cols), y(n_rows), squares(n_groups);
  const CounterRng rng(2, 3);
  for (size_t i = 0; i < n_cols; ++i) x[i] = testing::gaussian(rng, i);
  std::vector<uint32_t> scratch(32 * (n_groups / 32 + 1)), bits(n_groups / 32 + 1), kept(n_groups);
  AlignedBuffer<std::byte> prepared;
  std::byte* ready = prepared.reserve(activation_bytes(shared->form, 1, n_cols));
  const auto multiply = [&](const std::vector<float>& row, size_t copy, bool skip) {
    kernels().quantize_activations({shared->form, row.data(), n_cols, 1, 0, 1, n_cols, ready});
    const size_t n_kept = skip ? find_kept_groups(ready, n_cols, kept.data()) : 0;
    const Share rows = share_of(state, n_rows);
    const Weights& w = shared->weights;
    kernels().linear({.type = type,
                      .form = shared->form,
                      .weights = w.bytes.data() + copy % w.n_copies * w.matrix_bytes,
                      .interleaved = interleaved,
                      .n_cols = n_cols,
                      .row_begin = rows.begin,
                      .row_end = rows.end,
                      .activations = ready,
                      .n_tokens = 1,
                      .y = y.data(),
                      .y_stride = n_rows,
                      .kept_groups = skip ? kept.data() : nullptr,
                      .n_kept_groups = n_kept});
    benchmark::DoNotOptimize(y.data());
  };
  std::vector<float> masked(n_cols);
  time_in_turn(
      state, [&](size_t copy) { multiply(x, copy, false); },
      [&](size_t copy) {
        for (size_t g = 0; g < n_groups; ++g) {
          float sums[8] = {};
          for (size_t i = 0; i < 32; ++i) sums[i % 8] += x[32 * g + i] * x[32 * g + i];
          squares[g] = std::accumulate(sums, sums + 8, 0.0f);
        }
        kernels().choose_channels(
            {squares.data(), nullptr, n_groups, keep, scratch.data(), bits.data()});
        for (size_t g = 0; g < n_groups; ++g) {
          const bool stays = (bits[g / 32] >> g % 32 & 1) != 0;
          for (size_t i = 32 * g; i < 32 * g + 32; ++i) masked[i] = stays ? x[i] : 0;
        }
        // Not the copy that the dense product has just brought into the caches.
        multiply(masked, copy + shared->weights.n_copies / 2, true);
      });
}

/// What the memory can deliver: every byte of the cold weights once, summed.
void read_only(benchmark::State& state, size_t n_rows, size_t n_cols) {
  if (state.thread_index() == 0) {
    shared = std::make_unique<Shared>(DType::Q4_K, 1, n_rows, n_cols, true, false);
  }
  size_t copy = 0;
  for (auto _ : state) {
    const Share rows = share_of(state, n_rows);
    const size_t row = shared->weights.matrix_bytes / n_rows;
    const uint8_t* p = shared->weights.bytes.data() + copy * shared->weights.matrix_bytes;
    uint64_t sum[8] = {};
    for (size_t at = rows.begin * row; at + 64 <= rows.end * row; at += 64) {
      for (size_t i = 0; i < 8; ++i) {
        uint64_t word;
        std::memcpy(&word, p + at + 8 * i, sizeof word);
        sum[i] += word;
      }
    }
    for (uint64_t s : sum) benchmark::DoNotOptimize(s);
    copy = (copy + 1) % shared->weights.n_copies;
  }
  const double share = part_of_rate(state, n_rows);
  state.counters["GB/s"] =
      benchmark::Counter(share * static_cast<double>(shared->weights.matrix_bytes) * 1e-9,
                         benchmark::Counter::kIsIterationInvariantRate);
}

/// All 4 KV heads of a layer of a TinyLlama-like model: 8 query heads of 64 to each, `n_tokens`
/// queries at the end of a context of `n_positions`. `spaced`: blocks as KvArena lays them out,
/// each with all heads of 22 layers; else one contiguous stream of keys and one of values per head.
void attention(benchmark::State& state, DType type, bool spaced) {
  const auto n_tokens = static_cast<size_t>(state.range(0));
  const auto n_positions = static_cast<size_t>(state.range(1));
  constexpr size_t kKvHeads = 4, kHeads = 8, kHeadDim = 64, kStride = kKvHeads * kHeads * kHeadDim;
  std::vector<float> kv(n_positions * kHeadDim), q(n_tokens * kStride), out(q.size());
  const CounterRng rng(5, 6);
  for (size_t i = 0; i < kv.size(); ++i) kv[i] = testing::gaussian(rng, i);
  for (size_t i = 0; i < q.size(); ++i) q[i] = testing::gaussian(rng, i);
  const size_t n_blocks = n_positions / kKeyBlock + 1;
  const size_t half = kKeyBlock * kv_row_bytes(type, kHeadDim);  // keys of a head in a block
  const size_t head_stride = spaced ? 2 * half : 2 * n_blocks * half;
  const size_t block_stride = spaced ? 22 * kKvHeads * head_stride : half;
  const size_t v_offset = spaced ? half : n_blocks * half;
  std::vector<uint8_t> cache(spaced ? n_blocks * block_stride : kKvHeads * head_stride);
  for (size_t head = 0; head < kKvHeads; ++head) {
    uint8_t* k_cache = cache.data() + head * head_stride;
    kernels().append_kv({.type = type,
                         .k = kv.data(),
                         .k_stride = kHeadDim,
                         .v = kv.data(),
                         .v_stride = kHeadDim,
                         .n_tokens = n_positions,
                         .key_dim = kHeadDim,
                         .value_dim = kHeadDim,
                         .position = 0,
                         .k_cache = k_cache,
                         .v_cache = k_cache + v_offset,
                         .block_stride = block_stride});
  }
  for (auto _ : state) {
    for (size_t head = 0; head < kKvHeads; ++head) {
      const uint8_t* k_cache = cache.data() + head * head_stride;
      kernels().attention({.type = type,
                           .q = q.data() + head * kHeads * kHeadDim,
                           .q_stride = kStride,
                           .n_tokens = n_tokens,
                           .n_heads = kHeads,
                           .key_dim = kHeadDim,
                           .value_dim = kHeadDim,
                           .first_position = n_positions - n_tokens,
                           .window = 0,
                           .scale = 0.125f,
                           .k_cache = k_cache,
                           .v_cache = k_cache + v_offset,
                           .block_stride = block_stride,
                           .out = out.data() + head * kHeads * kHeadDim,
                           .out_stride = kStride});
    }
  }
  const double pairs = static_cast<double>(n_tokens) *
                       (static_cast<double>(n_positions) - static_cast<double>(n_tokens - 1) / 2);
  state.counters["Gflop/s"] =
      benchmark::Counter(4e-9 * kStride * pairs, benchmark::Counter::kIsIterationInvariantRate);
}

void register_all() {
  const int n_threads = std::min(2, static_cast<int>(std::thread::hardware_concurrency()));
  for (int threads = 1; threads <= n_threads; ++threads) {
    benchmark::RegisterBenchmark("read/cold", read_only, 2048, 2048)
        ->Threads(threads)
        ->UseRealTime();
    for (DType type : testing::kWeightTypes) {
      const std::string name(dtype_info(type).name);
      const auto add_cold = [&](const char* suffix, bool interleaved) {
        auto* bench = benchmark::RegisterBenchmark((name + suffix).c_str(), linear, type, 2048,
                                                   2048, true, interleaved);
        for (int n_tokens : {1, 2, 3, 4, 6, 8, 16}) bench->Arg(n_tokens);
        bench->Threads(threads)->UseRealTime();
      };
      add_cold("/cold", false);
      if (interleaved_rows(kernels(), type, 2048) > 1) add_cold("/interleaved", true);
      benchmark::RegisterBenchmark((name + "/hot").c_str(), linear, type, 2048, 2048, false, false)
          ->Arg(128)
          ->Arg(512)
          ->Threads(threads)
          ->UseRealTime();
    }
  }
  for (DType type : kChannelTypes) {
    for (bool cold : {true, false}) {
      for (int threads = 1; threads <= n_threads; ++threads) {
        const std::string name =
            "channels/" + std::string(dtype_info(type).name) + (cold ? "/cold" : "/hot");
        auto* bench = benchmark::RegisterBenchmark(name.c_str(), channels, type, 2048, 2048, cold);
        for (int skipped : {0, 25, 40, 50, 60}) bench->Arg(skipped);
        bench->Threads(threads)->UseRealTime();
      }
    }
  }
  for (DType type : kChannelTypes) {
    for (bool cold : {true, false}) {
      for (int threads = 1; threads <= n_threads; ++threads) {
        // Qwen2.5 1.5B's gate from memory; hot, what a core's caches hold.
        const size_t n_rows = cold ? 8960 : 512, n_cols = 1536;
        const std::string name =
            "sparse/" + std::string(dtype_info(type).name) + (cold ? "/cold" : "/hot");
        auto* bench = benchmark::RegisterBenchmark(name.c_str(), sparse_over_dense, type, n_rows,
                                                   n_cols, cold);
        for (int skipped : {25, 40, 50}) bench->Arg(skipped);
        bench->Threads(threads)->UseRealTime();
      }
    }
  }
  for (DType type : {DType::Q8_0, DType::Q4_0, DType::Q4_1}) {
    for (bool interleaved : {false, true}) {
      if (interleaved && interleaved_rows(kernels(), type, 1536) == 1) continue;
      for (bool cold : {true, false}) {
        for (int threads = 1; threads <= n_threads; ++threads) {
          const std::string name = "blocks/" + std::string(dtype_info(type).name) +
                                   (interleaved ? "/interleaved" : "/rows") +
                                   (cold ? "/cold" : "/hot");
          auto* bench = benchmark::RegisterBenchmark(name.c_str(), blocks_over_dense, type,
                                                     cold ? 8960 : 512, 1536, cold, interleaved);
          for (int skipped : {25, 40, 50}) bench->Arg(skipped);
          bench->Threads(threads)->UseRealTime();
        }
      }
    }
  }
  for (DType type : {DType::F16, DType::BF16, DType::F32, DType::Q8_0}) {
    for (bool spaced : {false, true}) {
      const std::string name =
          "attention/" + std::string(dtype_info(type).name) + (spaced ? "/blocks" : "/contiguous");
      benchmark::RegisterBenchmark(name.c_str(), attention, type, spaced)
          ->Args({1, 512})
          ->Args({1, 2048})
          ->Args({1, 8192})
          ->Args({64, 512})
          ->Args({512, 512})
          ->Unit(benchmark::kMicrosecond);
    }
  }
}

}  // namespace
}  // namespace whet::kernels

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::AddCustomContext("isa",
                              std::string(whet::kernels::isa_name(whet::kernels::kernels().isa)));
  whet::kernels::register_all();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
