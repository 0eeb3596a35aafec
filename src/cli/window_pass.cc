#include "cli/window_pass.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "cli/interrupt.h"
#include "report/progress.h"

namespace whet {
namespace {

constexpr int64_t kLeastContext = 4;
constexpr int64_t kMostRowsWithLogits = 64;  // of a pass: all tokens of the vocabulary for each

}  // namespace

Result<ScoredWindows> cut_windows(const Engine& engine, std::span<const int32_t> text) {
  const auto context = static_cast<size_t>(engine.context());
  if (engine.context() < kLeastContext) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("-c: expected {} tokens or more, of which the later half is scored, "
                             "found {}",
                             kLeastContext, context));
  }
  if (text.size() < context) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("expected a text of at least one window of {} tokens, found {}; give "
                             "more text or a smaller -c",
                             context, text.size()));
  }
  const auto whole = text.first(text.size() / context * context);
  return ScoredWindows{engine.context(), engine.loaded().model.config.vocab_size,
                       std::vector<int32_t>(whole.begin(), whole.end())};
}

Status run_windows(Engine& engine, const ScoredWindows& windows, const OnRow& on_row) {
  const Tokenizer& tokenizer = engine.tokenizer();
  const auto vocab = static_cast<size_t>(windows.n_vocab);
  WHET_TRY(KvSequence kv, KvSequence::create(engine.kv_shape()));
  report::Progress progress("windows", windows.n_windows());
  int64_t index = 0;
  for (int64_t w = 0; w < windows.n_windows(); ++w) {
    const auto tokens = windows.window(w);
    std::vector<int32_t> input(tokens.begin(), tokens.end() - 1);  // the last is only predicted
    if (tokenizer.adds_bos() && tokenizer.bos()) input.front() = *tokenizer.bos();
    kv.rewind(0);
    const auto n = static_cast<int64_t>(input.size());
    for (int64_t begin = 0; begin < n;) {
      if (interrupt_flag().cancelled()) return Error(ErrorCode::kCancelled, "cancelled");
      const bool scored = begin >= windows.first_row();
      const int64_t end = scored
                              ? std::min(begin + std::min(engine.batch(), kMostRowsWithLogits), n)
                              : std::min(begin + engine.batch(), windows.first_row());
      const auto rows =
          std::span(input).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
      StepSegment segment{&kv, rows,
                          scored ? StepSegment::Logits::kAll : StepSegment::Logits::kNone};
      segment.sparse = engine.sparse_rows() == SparseRows::kAll;
      const std::span<const float> logits = engine.step({&segment, 1});
      for (int64_t row = begin; scored && row < end; ++row) {
        WHET_TRY_STATUS(on_row(index++,
                               logits.subspan(static_cast<size_t>(row - begin) * vocab, vocab),
                               tokens[static_cast<size_t>(row + 1)]));
      }
      begin = end;
    }
    progress.update(w + 1);
  }
  progress.finish();
  return ok_status();
}

}  // namespace whet
