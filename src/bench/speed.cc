#include "bench/speed.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "base/rng.h"
#include "model/slot.h"

namespace whet {
namespace {

std::vector<int32_t> random_tokens(int64_t n, int64_t vocab_size, uint64_t stream) {
  CounterRng rng(1, stream);
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < n; ++i) {
    tokens.push_back(static_cast<int32_t>(rng.bits(static_cast<uint64_t>(i)) %
                                          static_cast<uint64_t>(vocab_size)));
  }
  return tokens;
}

bool cancelled(const CancelFlag* cancel) {
  return cancel != nullptr && cancel->cancelled();
}

Status prefill(Engine& engine, KvSequence& kv, std::span<const int32_t> tokens,
               const CancelFlag* cancel) {
  for (size_t first = 0; first < tokens.size(); first += static_cast<size_t>(engine.batch())) {
    if (cancelled(cancel)) return Error(ErrorCode::kCancelled, "cancelled");
    size_t n = std::min(static_cast<size_t>(engine.batch()), tokens.size() - first);
    auto wanted =
        first + n == tokens.size() ? StepSegment::Logits::kLast : StepSegment::Logits::kNone;
    StepSegment segment{&kv, tokens.subspan(first, n), wanted};
    engine.step({&segment, 1});
  }
  return ok_status();
}

}  // namespace

std::string SpeedCase::name() const {
  std::string name = n_prompt > 0 && n_gen > 0 ? fmt::format("pp{}+tg{}", n_prompt, n_gen)
                     : n_prompt > 0            ? fmt::format("pp{}", n_prompt)
                                               : fmt::format("tg{}", n_gen);
  if (n_parallel > 1) name += fmt::format(" x{}", n_parallel);
  if (n_depth > 0) name += fmt::format(" @ d{}", n_depth);
  return name;
}

std::vector<double> SpeedSamples::tokens_per_second() const {
  std::vector<double> rates;
  for (int64_t t : ns)
    rates.push_back(static_cast<double>(tokens()) / (static_cast<double>(t) * 1e-9));
  return rates;
}

Result<int64_t> time_once(Engine& engine, const SpeedCase& test, const CancelFlag* cancel) {
  int64_t needed = test.n_depth + test.n_prompt + test.n_gen;
  if (needed > engine.context()) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{} needs a context of {} tokens, found {}; raise --ctx-size",
                             test.name(), needed, engine.context()));
  }
  const int64_t vocab = engine.loaded().model.config.vocab_size;
  std::vector<KvSequence> sequences;
  for (int64_t i = 0; i < test.n_parallel; ++i) {
    WHET_TRY(KvSequence kv, KvSequence::create(engine.kv_shape()));
    WHET_TRY_STATUS(
        prefill(engine, kv, random_tokens(test.n_depth, vocab, static_cast<uint64_t>(i)), cancel));
    sequences.push_back(std::move(kv));
  }
  std::vector<int32_t> prompt = random_tokens(test.n_prompt, vocab, 1000);
  std::vector<std::vector<int32_t>> generated;
  for (int64_t i = 0; i < test.n_parallel; ++i) {
    generated.push_back(random_tokens(test.n_gen, vocab, static_cast<uint64_t>(2000 + i)));
  }

  int64_t start = monotonic_ns();
  WHET_TRY_STATUS(prefill(engine, sequences[0], prompt, cancel));
  std::vector<StepSegment> segments(sequences.size());
  for (int64_t step = 0; step < test.n_gen; ++step) {
    if (cancelled(cancel)) return Error(ErrorCode::kCancelled, "cancelled");
    for (size_t i = 0; i < sequences.size(); ++i) {
      segments[i] = {
          &sequences[i], {&generated[i][static_cast<size_t>(step)], 1}, StepSegment::Logits::kLast};
      segments[i].sparse = engine.sparse_rows() != SparseRows::kNone;
    }
    engine.step(segments);
  }
  return monotonic_ns() - start;
}

uint64_t matrix_bytes(const Matrix& matrix) {
  return static_cast<uint64_t>(matrix.rows) *
         row_bytes(dtype_info(matrix.type), static_cast<uint64_t>(matrix.columns));
}

uint64_t bytes_per_step(const Engine& engine) {
  const Weights& w = engine.loaded().model.weights;
  uint64_t total = matrix_bytes(w.head.matrix);
  const auto& forms = engine.loaded().model.config.layers;
  for (size_t i = 0; i < forms.size(); ++i) {
    for_each_matrix(
        w.layers[i], [&](const Matrix& m) { total += matrix_bytes(m); }, forms[i].experts.n_used);
  }
  return total;
}

}  // namespace whet
