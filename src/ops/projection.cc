#include "ops/projection.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "base/check.h"
#include "base/checked_math.h"
#include "kernels/interleave.h"

namespace whet {
namespace {

using kernels::ActivationForm;

// Fewer tokens are converted by the caller: a parallel region costs about as much.
constexpr int64_t kTokensPerConversionTask = 16;
// Rows of a task when many tokens share the panel; the kernel reuses activations over them.
constexpr int64_t kPrefillRows = 64;
// Weights of a task when few tokens do: long enough to stream, short enough to balance two cores.
constexpr uint64_t kDecodeTaskBytes = 64 * 1024;
constexpr int64_t kFewTokens = 16;
// Multiply-adds below which waking the team costs more than it saves: about 3 microseconds of work.
constexpr int64_t kMacsWorthATeam = 128 * 1024;
constexpr size_t kMaxProjections = 4;
// A row of which less than one in so many columns is zero is multiplied by the rows of the weights.
constexpr size_t kFewestZeros = 10;

void prepare(ActivationForm form, const float* x, int64_t n_tokens, int64_t n_cols, std::byte* out,
             ThreadPool& pool) {
  const auto tokens = static_cast<size_t>(n_tokens), cols = static_cast<size_t>(n_cols);
  pool.for_each(ceil_div(n_tokens, kTokensPerConversionTask), [&](int64_t task) {
    size_t begin = static_cast<size_t>(task * kTokensPerConversionTask);
    kernels::kernels().quantize_activations(
        {.form = form,
         .x = x,
         .x_stride = cols,
         .n_tokens = tokens,
         .token_begin = begin,
         .token_end = std::min(begin + kTokensPerConversionTask, tokens),
         .n_cols = cols,
         .dst = out});
  });
}

int64_t rows_per_task(const Matrix& w, int64_t n_tokens, int64_t total_rows, int threads) {
  const auto panel = static_cast<int64_t>(kernels::kernels().panel_rows);
  int64_t wanted = kPrefillRows;
  if (n_tokens <= kFewTokens) {
    wanted = static_cast<int64_t>(kDecodeTaskBytes / std::max<uint64_t>(w.row_size(), 1));
    if (threads == 1) wanted = total_rows;
  }
  // At least two tasks a thread, or one core waits for the other's last.
  wanted = std::min(wanted, ceil_div(total_rows, int64_t{2} * threads));
  return std::max(ceil_div(wanted, panel) * panel, panel);
}

/// The type that the kernel sees.
DType type_multiplied(DType type, bool exact) {
  return (exact && !is_float(type)) || !kernels::has_linear(type) ? DType::F32 : type;
}

/// linear() over rows [begin, end) of w, dequantised.
void multiply_as_floats(const Matrix& w, int64_t begin, int64_t end, kernels::LinearArgs args) {
  thread_local AlignedBuffer<float> rows;
  const auto columns = static_cast<size_t>(w.columns);
  float* row = rows.reserve(static_cast<size_t>(end - begin) * columns);
  args.weights = row;
  args.interleaved = false;
  for (int64_t i = begin; i < end; ++i, row += columns) {
    kernels::dequantize_row(w, i, row);
  }
  args.type = DType::F32;
  args.row_begin = 0;
  args.row_end = static_cast<size_t>(end - begin);
  args.y += begin;
  kernels::kernels().linear(args);
}

/// Tasks that a sparse product of one row is cut into, and bytes below which a tile stays whole.
/// The cuts decide the order of additions, so they depend on shapes and choice only.
constexpr uint64_t kChannelTasks = 16;
constexpr uint64_t kChannelTaskBytes = 48 * 1024;

/// Some blocks of channels of one tile of one product.
struct ChannelTask {
  const Projection* projection;
  size_t tile;
  size_t block_begin, block_end;
  float* y;  // of the tile's rows
};

/// The blocks of channels in n parts that have about as many kept channels each: where part i
/// begins.
size_t part_begin(const kernels::ChannelActivations* x, size_t n_blocks, size_t i, size_t n) {
  size_t all = 0, so_far = 0, block = 0;
  for (size_t b = 0; b < n_blocks; ++b) all += static_cast<size_t>(x[b].n_quads);
  if (i == n) return n_blocks;
  while (block < n_blocks && so_far * n < all * i)
    so_far += static_cast<size_t>(x[block++].n_quads);
  return block;
}

/// The part sums of a tile's rows, added in order, to the rows of y that exist.
void add_parts(const float* parts, size_t n_parts, const kernels::ChannelTile& tile, size_t n_rows,
               float* y) {
  const size_t n = std::min(tile.n_rows, n_rows - tile.first);
  std::copy_n(parts, n, y + tile.first);
  for (size_t p = 1; p < n_parts; ++p) {
    kernels::kernels().add(y + tile.first, parts + p * tile.n_rows, n, y + tile.first);
  }
}

/// Columns of x that are not zero, as bits in scratch.kept; how many there are.
size_t find_kept(const float* x, size_t n_cols, ProjectionScratch& scratch) {
  scratch.kept.assign(ceil_div(n_cols, size_t{32}), 0);
  size_t n_kept = 0;
  for (size_t i = 0; i < n_cols; i += 32) {
    uint32_t bits = 0;
    for (size_t j = 0; j < std::min<size_t>(32, n_cols - i); ++j) {
      bits |= uint32_t{x[i + j] != 0} << j;
    }
    scratch.kept[i / 32] = bits;
    n_kept += static_cast<size_t>(std::popcount(bits));
  }
  return n_kept;
}

/// Groups of 32 columns of one prepared row that are not all zero, in scratch.kept; without data
/// where too few are zero to skip them.
std::span<const uint32_t> find_kept_groups(const std::byte* prepared, size_t n_cols,
                                           ProjectionScratch& scratch) {
  const size_t n_groups = n_cols / 32;
  scratch.kept.resize(n_groups);
  const size_t n = kernels::find_kept_groups(prepared, n_cols, scratch.kept.data());
  if (n + (n_groups + kFewestZeros - 1) / kFewestZeros > n_groups) return {};
  return {scratch.kept.data(), n};
}

/// One row by weights that lie channel by channel, of which n_kept channels meet something.
void project_kept(const float* x, size_t n_kept, std::span<const Projection> projections,
                  ProjectionScratch& scratch, ThreadPool& pool) {
  const auto n_cols = static_cast<size_t>(projections[0].weights->columns);
  const size_t n_blocks = n_cols / kernels::kChannelBlock;
  kernels::ChannelActivations* activations = scratch.channels.reserve(n_blocks);
  kernels::kernels().quantize_channels({x, scratch.kept.data(), n_cols, activations});

  uint64_t all_bytes = 0;
  int64_t macs = 0;
  for (const Projection& p : projections) {
    const auto n_rows = static_cast<size_t>(p.weights->rows);
    all_bytes += kernels::channel_bytes(p.weights->type, n_rows, n_cols);
    macs += p.weights->rows * static_cast<int64_t>(n_kept);
  }
  const uint64_t kept_bytes = all_bytes * n_kept / n_cols;
  scratch.traffic.read += kept_bytes;
  scratch.traffic.skipped += all_bytes - kept_bytes;
  const uint64_t task_bytes = std::max(kept_bytes / kChannelTasks, kChannelTaskBytes);

  struct Sums {  // of a tile that is cut into parts, or sticks out of y
    const Projection* projection;
    kernels::ChannelTile tile;
    size_t n_parts, at;
  };
  thread_local std::vector<ChannelTask> tasks;
  thread_local std::vector<Sums> sums;
  tasks.clear();
  sums.clear();
  size_t n_sums = 0;
  for (const Projection& p : projections) {
    const auto n_rows = static_cast<size_t>(p.weights->rows);
    for (size_t t = 0; t < kernels::channel_tiles(n_rows); ++t) {
      const kernels::ChannelTile tile = kernels::channel_tile(n_rows, t);
      const uint64_t bytes =
          kernels::channel_bytes(p.weights->type, tile.n_rows, n_cols) * n_kept / n_cols;
      const size_t n_parts =
          std::clamp<size_t>(bytes / task_bytes, 1, std::max<size_t>(n_blocks, 1));
      const bool direct = n_parts == 1 && tile.first + tile.n_rows <= n_rows;
      if (!direct) {
        sums.push_back({&p, tile, n_parts, n_sums});
        n_sums += n_parts * tile.n_rows;
      }
      for (size_t i = 0; i < n_parts; ++i) {
        tasks.push_back({&p, t, part_begin(activations, n_blocks, i, n_parts),
                         part_begin(activations, n_blocks, i + 1, n_parts),
                         direct ? p.y + tile.first : nullptr});
      }
    }
  }
  float* next = scratch.part_sums.reserve(std::max<size_t>(n_sums, 1));
  for (ChannelTask& task : tasks) {
    if (task.y != nullptr) continue;
    task.y = next;
    const auto n_rows = static_cast<size_t>(task.projection->weights->rows);
    next += kernels::channel_tile(n_rows, task.tile).n_rows;
  }
  pool.for_each(
      static_cast<int64_t>(tasks.size()),
      [list = tasks.data(), activations, n_cols](int64_t i) {
        const ChannelTask& task = list[i];
        const Matrix& w = *task.projection->weights;
        const auto n_rows = static_cast<size_t>(w.rows);
        kernels::kernels().linear_channels(
            {.type = w.type,
             .tile = w.channels + kernels::channel_tile_offset(w.type, n_rows, n_cols, task.tile),
             .n_rows = kernels::channel_tile(n_rows, task.tile).n_rows,
             .x = activations,
             .block_begin = task.block_begin,
             .block_end = task.block_end,
             .y = task.y});
      },
      macs >= kMacsWorthATeam);
  for (const Sums& s : sums) {
    add_parts(scratch.part_sums.data() + s.at, s.n_parts, s.tile,
              static_cast<size_t>(s.projection->weights->rows), s.projection->y);
  }
}

}  // namespace

void project(const float* x, int64_t n_tokens, std::span<const Projection> projections,
             ProjectionScratch& scratch, ThreadPool& pool) {
  if (n_tokens == 0) return;
  if (scratch.observer != nullptr) {
    for (const Projection& p : projections) scratch.observer->observe(*p.weights, x, n_tokens);
  }
  WHET_CHECK(projections.size() <= kMaxProjections);
  if (n_tokens == 1 && !scratch.exact &&
      std::ranges::all_of(projections, [](const Projection& p) { return p.weights->channels; })) {
    const auto n_cols = static_cast<size_t>(projections[0].weights->columns);
    const size_t n_kept = find_kept(x, n_cols, scratch);
    if (n_kept <= n_cols - n_cols / kFewestZeros) {
      return project_kept(x, n_kept, projections, scratch, pool);
    }
  }
  struct Job {
    const Projection* projection;
    ActivationForm form;
    const std::byte* activations;
    int64_t rows_per_task;
    int64_t first_task;
  };
  int64_t total_rows = 0, macs = 0;
  for (const Projection& p : projections) {
    total_rows += p.weights->rows;
    macs += p.weights->rows * p.weights->columns * n_tokens;
  }
  Job jobs[kMaxProjections];
  std::span<const uint32_t> kept_groups;
  const std::byte* prepared[kernels::kActivationForms] = {};
  int64_t n_tasks = 0;
  for (size_t i = 0; i < projections.size(); ++i) {
    const Matrix& w = *projections[i].weights;
    WHET_CHECK(w.interleave == 1 ||
               w.interleave == static_cast<int64_t>(kernels::interleaved_rows(
                                   kernels::kernels(), w.type, static_cast<size_t>(w.columns))));
    const ActivationForm form =
        scratch.exact
            ? ActivationForm::kFloat
            : kernels::activation_form(kernels::kernels(), w.type, static_cast<size_t>(w.columns));
    auto slot = static_cast<size_t>(form);
    if (prepared[slot] == nullptr) {
      size_t bytes = kernels::activation_bytes(form, static_cast<size_t>(n_tokens),
                                               static_cast<size_t>(w.columns));
      std::byte* buffer = scratch.prepared[slot].reserve(bytes);
      prepare(form, x, n_tokens, w.columns, buffer, pool);
      prepared[slot] = buffer;
      if (n_tokens == 1 && form == ActivationForm::kBlock32) {
        kept_groups = find_kept_groups(buffer, static_cast<size_t>(w.columns), scratch);
      }
    }
    if (form == ActivationForm::kBlock32 && kept_groups.data() != nullptr) {
      const uint64_t all = w.row_size() * static_cast<uint64_t>(w.rows);
      const uint64_t n_groups = static_cast<uint64_t>(w.columns) / 32;
      scratch.traffic.read += all / n_groups * kept_groups.size();
      scratch.traffic.skipped += all / n_groups * (n_groups - kept_groups.size());
    }
    int64_t rows = rows_per_task(w, n_tokens, total_rows, pool.size());
    jobs[i] = {&projections[i], form, prepared[slot], rows, n_tasks};
    n_tasks += ceil_div(w.rows, rows);
  }

  pool.for_each(
      n_tasks,
      [&](int64_t task) {
        size_t i = projections.size() - 1;
        while (jobs[i].first_task > task) --i;
        const Job& job = jobs[i];
        const Matrix& w = *job.projection->weights;
        int64_t begin = (task - job.first_task) * job.rows_per_task;
        const int64_t end = std::min(begin + job.rows_per_task, w.rows);
        const kernels::LinearArgs args{
            .type = w.type,
            .form = job.form,
            .weights = w.data,
            .interleaved = w.interleave > 1,
            .n_cols = static_cast<size_t>(w.columns),
            .row_begin = static_cast<size_t>(begin),
            .row_end = static_cast<size_t>(end),
            .activations = job.activations,
            .n_tokens = static_cast<size_t>(n_tokens),
            .y = job.projection->y,
            .y_stride = static_cast<size_t>(w.rows),
            .kept_groups = job.form == ActivationForm::kBlock32 ? kept_groups.data() : nullptr,
            .n_kept_groups = kept_groups.size()};
        if (type_multiplied(w.type, scratch.exact) == w.type) {
          kernels::kernels().linear(args);
        } else {
          multiply_as_floats(w, begin, end, args);
        }
      },
      macs >= kMacsWorthATeam);
}

}  // namespace whet
