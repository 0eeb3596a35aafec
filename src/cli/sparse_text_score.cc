#include "cli/sparse_text_score.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "cli/interrupt.h"
#include "report/progress.h"

namespace whet {
namespace {

constexpr int64_t kMostScoredRows = 64;  // of a pass: all tokens of the vocabulary for each

struct SparseWindow {
  std::vector<int32_t> tokens;  // behind BOS where the model wants one
  int64_t n_of_text;
};

Result<std::vector<SparseWindow>> windows_of(const Engine& engine,
                                             const std::vector<int32_t>& text) {
  const Tokenizer& tokenizer = engine.tokenizer();
  const bool bos = tokenizer.adds_bos() && tokenizer.bos().has_value();
  WHET_TRY(const size_t room, text_window_room(engine));
  std::vector<SparseWindow> windows;
  for (size_t first = 0; first < text.size(); first += room) {
    const size_t n = std::min(room, text.size() - first);
    SparseWindow& window = windows.emplace_back();
    if (bos) window.tokens.push_back(*tokenizer.bos());
    window.tokens.insert(window.tokens.end(), text.begin() + static_cast<ptrdiff_t>(first),
                         text.begin() + static_cast<ptrdiff_t>(first + n));
    window.n_of_text = static_cast<int64_t>(n);
  }
  return windows;
}

/// Reads windows, one after the other, with rows that are dense or sparse.
class WindowReader {
 public:
  static Result<WindowReader> create(Engine& engine) {
    WHET_TRY(KvSequence kv, KvSequence::create(engine.kv_shape()));
    return WindowReader(engine, std::move(kv));
  }

  /// Rows from `sparse_from` on are sparse. Appends what each row from `score_from` on lost on the
  /// token behind it, in nats.
  Status read(const SparseWindow& window, int64_t sparse_from, int64_t score_from,
              std::vector<double>& lost) {
    kv_.rewind(0);
    const auto vocab = static_cast<size_t>(engine_.loaded().model.config.vocab_size);
    const std::span<const int32_t> tokens(window.tokens);
    const auto n = static_cast<int64_t>(tokens.size()) - 1;  // the last is only predicted
    for (int64_t begin = 0; begin < n;) {
      if (interrupt_flag().cancelled()) return Error(ErrorCode::kCancelled, "cancelled");
      const bool scored = begin >= score_from, sparse = begin >= sparse_from;
      const int64_t most = scored ? std::min(engine_.batch(), kMostScoredRows) : engine_.batch();
      int64_t end = std::min(begin + most, n);
      for (const int64_t border : {sparse_from, score_from}) {
        if (begin < border) end = std::min(end, border);
      }
      StepSegment segment{
          &kv_, tokens.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)),
          scored ? StepSegment::Logits::kAll : StepSegment::Logits::kNone};
      segment.sparse = sparse;
      const std::span<const float> logits = engine_.step({&segment, 1});
      for (int64_t row = begin; scored && row < end; ++row) {
        TextScore of_one;
        of_one.add(logits.subspan(static_cast<size_t>(row - begin) * vocab, vocab),
                   tokens[static_cast<size_t>(row + 1)]);
        lost.push_back(of_one.nats);
      }
      begin = end;
    }
    return ok_status();
  }

 private:
  WindowReader(Engine& engine, KvSequence kv) : engine_(engine), kv_(std::move(kv)) {}

  Engine& engine_;
  KvSequence kv_;
};

TextScore sum_of(const std::vector<double>& lost, size_t n_windows) {
  TextScore score;
  for (const double nats : lost) {
    score.nats += nats;
    score.nats_squared += nats * nats;
  }
  score.n_tokens = static_cast<int64_t>(lost.size());
  score.n_windows = static_cast<int64_t>(n_windows);
  return score;
}

}  // namespace

Result<TextScore> score_sparse_text(Engine& engine, const std::vector<int32_t>& text) {
  WHET_TRY(const auto windows, windows_of(engine, text));
  WHET_TRY(WindowReader reader, WindowReader::create(engine));
  report::Progress progress("sparse", static_cast<int64_t>(text.size()));
  std::vector<double> lost;
  int64_t n_done = 0;
  for (const SparseWindow& window : windows) {
    WHET_TRY_STATUS(reader.read(window, 0, 0, lost));
    progress.update(n_done += window.n_of_text);
  }
  progress.finish();
  const TextScore score = sum_of(lost, windows.size());
  if (score.n_tokens == 0) return too_short_text(text.size());
  return score;
}

Result<SparseTextScore> compare_sparse_text(Engine& engine, const std::vector<int32_t>& text,
                                            int64_t sparse_from) {
  WHET_TRY(const auto windows, windows_of(engine, text));
  WHET_TRY(WindowReader reader, WindowReader::create(engine));
  report::Progress progress("dense, sparse", static_cast<int64_t>(text.size()));
  std::vector<double> sparse, dense, differences;
  int64_t n_done = 0;
  for (const SparseWindow& window : windows) {
    const auto n_rows = static_cast<int64_t>(window.tokens.size()) - 1;
    WHET_TRY_STATUS(reader.read(window, n_rows, sparse_from, dense));
    WHET_TRY_STATUS(reader.read(window, sparse_from, sparse_from, sparse));
    progress.update(n_done += window.n_of_text);
  }
  progress.finish();
  if (sparse.empty()) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("--sparse-from: expected fewer than the tokens of a window, {} of "
                             "context and {} of text, found {}",
                             engine.context(), text.size(), sparse_from));
  }
  SparseTextScore score{sum_of(sparse, windows.size()), sum_of(dense, windows.size())};
  for (size_t i = 0; i < sparse.size(); ++i) differences.push_back(sparse[i] - dense[i]);
  const TextScore difference = sum_of(differences, windows.size());
  score.difference = difference.mean();
  score.difference_error = difference.standard_error();
  return score;
}

}  // namespace whet
