#include "ops/projection.h"

#include <algorithm>

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

}  // namespace

void project(const float* x, int64_t n_tokens, std::span<const Projection> projections,
             ProjectionScratch& scratch, ThreadPool& pool) {
  if (n_tokens == 0) return;
  if (scratch.observer != nullptr) {
    for (const Projection& p : projections) scratch.observer->observe(*p.weights, x, n_tokens);
  }
  struct Job {
    const Projection* projection;
    ActivationForm form;
    const std::byte* activations;
    int64_t rows_per_task;
    int64_t first_task;
  };
  constexpr size_t kMaxProjections = 4;
  WHET_CHECK(projections.size() <= kMaxProjections);

  int64_t total_rows = 0, macs = 0;
  for (const Projection& p : projections) {
    total_rows += p.weights->rows;
    macs += p.weights->rows * p.weights->columns * n_tokens;
  }
  Job jobs[kMaxProjections];
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
        const kernels::LinearArgs args{.type = w.type,
                                       .form = job.form,
                                       .weights = w.data,
                                       .interleaved = w.interleave > 1,
                                       .n_cols = static_cast<size_t>(w.columns),
                                       .row_begin = static_cast<size_t>(begin),
                                       .row_end = static_cast<size_t>(end),
                                       .activations = job.activations,
                                       .n_tokens = static_cast<size_t>(n_tokens),
                                       .y = job.projection->y,
                                       .y_stride = static_cast<size_t>(w.rows)};
        if (type_multiplied(w.type, scratch.exact) == w.type) {
          kernels::kernels().linear(args);
        } else {
          multiply_as_floats(w, begin, end, args);
        }
      },
      macs >= kMacsWorthATeam);
}

}  // namespace whet
