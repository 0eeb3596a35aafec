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
constexpr size_t kCacheLine = 64;
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

using Job = ProjectionScratch::Job;

/// The job before, among those of the same x, that needs it in the same form.
const Job* find_prepared(std::span<const Job> jobs, const Job& job) {
  for (size_t i = jobs.size(); i > 0 && jobs[i - 1].x == job.x; --i) {
    const Job& earlier = jobs[i - 1];
    if (earlier.form == job.form && earlier.n_tokens == job.n_tokens &&
        earlier.weights->columns == job.weights->columns) {
      return &earlier;
    }
  }
  return nullptr;
}

/// Of each job of one row in blocks of 32, the groups of 32 columns that are not all zero, in
/// scratch.kept; none where too few are zero to skip them. Jobs of the same x share them.
void find_kept_groups(ProjectionScratch& scratch) {
  const std::span<Job> jobs = scratch.jobs;
  size_t n_all = 0;
  for (const Job& job : jobs) n_all += static_cast<size_t>(job.weights->columns) / 32;
  scratch.kept.resize(n_all);
  uint32_t* next = scratch.kept.data();
  for (size_t i = 0; i < jobs.size(); ++i) {
    Job& job = jobs[i];
    if (job.n_tokens != 1 || job.form != ActivationForm::kBlock32) continue;
    const auto n_cols = static_cast<size_t>(job.weights->columns);
    const size_t n_groups = n_cols / 32;
    if (const Job* same = find_prepared(jobs.first(i), job)) {
      job.kept_groups = same->kept_groups;
    } else {
      const std::byte* x = scratch.prepared[static_cast<size_t>(job.form)].data() + job.prepared_at;
      const size_t n = kernels::find_kept_groups(x, n_cols, next);
      if (n + ceil_div(n_groups, kFewestZeros) <= n_groups) job.kept_groups = {next, n};
      next += n_groups;
    }
    if (job.kept_groups.data() == nullptr) continue;
    const uint64_t all = job.weights->row_size() * static_cast<uint64_t>(job.weights->rows);
    scratch.traffic.read += all / n_groups * job.kept_groups.size();
    scratch.traffic.skipped += all / n_groups * (n_groups - job.kept_groups.size());
  }
}

/// The rows of one task of a job.
void run_task(const Job& job, int64_t task_of_job, const std::byte* activations, bool exact) {
  const Matrix& w = *job.weights;
  const int64_t begin = task_of_job * job.rows_per_task;
  const int64_t end = std::min(begin + job.rows_per_task, w.rows);
  const kernels::LinearArgs args{.type = w.type,
                                 .form = job.form,
                                 .weights = w.data,
                                 .interleaved = w.interleave > 1,
                                 .n_cols = static_cast<size_t>(w.columns),
                                 .row_begin = static_cast<size_t>(begin),
                                 .row_end = static_cast<size_t>(end),
                                 .activations = activations,
                                 .n_tokens = static_cast<size_t>(job.n_tokens),
                                 .y = job.y,
                                 .y_stride = static_cast<size_t>(w.rows),
                                 .kept_groups = job.kept_groups.data(),
                                 .n_kept_groups = job.kept_groups.size()};
  if (type_multiplied(w.type, exact) == w.type) {
    kernels::kernels().linear(args);
  } else {
    multiply_as_floats(w, begin, end, args);
  }
}

/// Fills scratch.jobs; the multiply-adds of all.
int64_t plan(std::span<const Product> products, ProjectionScratch& scratch, int threads) {
  int64_t total_rows = 0, macs = 0, n_tasks = 0;
  for (const Product& p : products) {
    total_rows += p.weights->rows;
    macs += p.weights->rows * p.weights->columns * p.n_tokens;
  }
  size_t sizes[kernels::kActivationForms] = {};
  scratch.jobs.clear();
  for (const Product& p : products) {
    const Matrix& w = *p.weights;
    const auto columns = static_cast<size_t>(w.columns);
    WHET_CHECK(w.interleave == 1 || w.interleave == static_cast<int64_t>(kernels::interleaved_rows(
                                                        kernels::kernels(), w.type, columns)));
    Job job{.weights = &w, .x = p.x, .y = p.y, .n_tokens = p.n_tokens};
    job.form = scratch.exact ? ActivationForm::kFloat
                             : kernels::activation_form(kernels::kernels(), w.type, columns);
    job.rows_per_task = rows_per_task(w, p.n_tokens, total_rows, threads);
    n_tasks += ceil_div(w.rows, job.rows_per_task);
    job.end_task = n_tasks;
    const Job* same = find_prepared(scratch.jobs, job);
    size_t& size = sizes[static_cast<size_t>(job.form)];
    job.prepared_at = same != nullptr ? same->prepared_at : size;
    if (same == nullptr) {
      size +=
          ceil_div(kernels::activation_bytes(job.form, static_cast<size_t>(p.n_tokens), columns),
                   kCacheLine) *
          kCacheLine;
    }
    scratch.jobs.push_back(job);
  }
  for (size_t form = 0; form < kernels::kActivationForms; ++form) {
    if (sizes[form] > 0) scratch.prepared[form].reserve(sizes[form]);
  }
  return macs;
}

void run(std::span<const Product> products, ProjectionScratch& scratch, ThreadPool& pool) {
  if (products.empty()) return;
  const int64_t macs = plan(products, scratch, pool.size());
  const std::span<const Job> jobs = scratch.jobs;
  const auto activations = [&scratch](const Job& job) {
    return scratch.prepared[static_cast<size_t>(job.form)].data() + job.prepared_at;
  };
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (find_prepared(jobs.first(i), jobs[i]) != nullptr) continue;
    prepare(jobs[i].form, jobs[i].x, jobs[i].n_tokens, jobs[i].weights->columns,
            activations(jobs[i]), pool);
  }
  find_kept_groups(scratch);
  pool.for_each(
      jobs.back().end_task,
      [&](int64_t task) {
        const auto job = std::upper_bound(jobs.begin(), jobs.end(), task,
                                          [](int64_t t, const Job& j) { return t < j.end_task; });
        const int64_t first = job == jobs.begin() ? 0 : std::prev(job)->end_task;
        run_task(*job, task - first, activations(*job), scratch.exact);
      },
      macs >= kMacsWorthATeam);
}

}  // namespace

void project(const float* x, int64_t n_tokens, std::span<const Projection> projections,
             ProjectionScratch& scratch, ThreadPool& pool) {
  if (n_tokens == 0) return;
  if (scratch.observer != nullptr) {
    for (const Projection& p : projections) scratch.observer->observe(*p.weights, x, n_tokens);
  }
  if (n_tokens == 1 && !scratch.exact &&
      std::ranges::all_of(projections, [](const Projection& p) { return p.weights->channels; })) {
    const auto n_cols = static_cast<size_t>(projections[0].weights->columns);
    const size_t n_kept = find_kept(x, n_cols, scratch);
    if (n_kept <= n_cols - n_cols / kFewestZeros) {
      return project_kept(x, n_kept, projections, scratch, pool);
    }
  }
  WHET_CHECK(projections.size() <= kMaxProjections);
  Product products[kMaxProjections];
  for (size_t i = 0; i < projections.size(); ++i) {
    products[i] = {projections[i].weights, x, n_tokens, projections[i].y};
  }
  run(std::span(products).first(projections.size()), scratch, pool);
}

void multiply(std::span<const Product> products, ProjectionScratch& scratch, ThreadPool& pool) {
  if (scratch.observer != nullptr) {
    for (const Product& p : products) scratch.observer->observe(*p.weights, p.x, p.n_tokens);
  }
  run(products, scratch, pool);
}

}  // namespace whet
