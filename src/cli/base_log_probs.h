// What a model gave every token at some positions of a text, in a file, so that other models can be
// compared with it: the format of llama-perplexity --kl-divergence-base, read and written.
//
//   "_logits_"  i32 context  i32 vocabulary  i32 windows  i32 tokens[windows][context]
//   of each window the rows from context/2 to context-2, each (all little-endian)
//   f32 scale  f32 least  u16 code[vocabulary, made even]: log-probability = scale * code + least
//
// llama.cpp cuts a row 16 nats below its likeliest token; whet spans it as a whole.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "sys/file_bytes.h"
#include "sys/pending_file.h"

namespace whet {

/// Windows of `context` tokens, of which the later half is scored, from an empty context each.
struct ScoredWindows {
  int64_t context = 0;
  int64_t n_vocab = 0;
  std::vector<int32_t> tokens;  // [windows][context]

  int64_t n_windows() const { return static_cast<int64_t>(tokens.size()) / context; }
  /// Positions whose distributions count: first_row() .. context - 2 predict the next token.
  int64_t first_row() const { return context / 2; }
  int64_t n_rows() const { return context - 1 - first_row(); }
  std::span<const int32_t> window(int64_t i) const {
    return std::span(tokens).subspan(static_cast<size_t>(i * context),
                                     static_cast<size_t>(context));
  }
};

class BaseLogProbsWriter {
 public:
  static Result<BaseLogProbsWriter> create(const std::string& path, const ScoredWindows& windows);
  /// The next row. Errors: a logit that is not finite.
  Status write(std::span<const float> logits);
  /// Errors: the operating system refused; rows are missing.
  Status finish();

 private:
  BaseLogProbsWriter(PendingFile file, int64_t n_rows)
      : file_(std::move(file)), n_rows_left_(n_rows) {}
  PendingFile file_;
  int64_t n_rows_left_;
  std::vector<std::byte> row_;
};

struct BaseRow {
  std::vector<float> log_probs;  // [vocabulary]
  /// llama.cpp gives all that it cut off the least value. Up to here values may stand for smaller
  /// ones, so that together they would weigh too much; minus infinity if none does.
  float cut_at = 0;
};

class BaseLogProbs {
 public:
  /// Errors (kInvalidModel): no such file, sizes that do not fit it, a token out of range.
  static Result<BaseLogProbs> open(const std::string& path);
  const ScoredWindows& windows() const { return windows_; }
  /// Row `index` of all windows' rows. Errors: a scale that is not finite.
  Status read(int64_t index, BaseRow& row) const;

 private:
  BaseLogProbs(std::string path, std::shared_ptr<const FileBytes> file, ScoredWindows windows,
               size_t rows_begin)
      : path_(std::move(path)),
        file_(std::move(file)),
        windows_(std::move(windows)),
        rows_begin_(rows_begin) {}
  std::string path_;
  std::shared_ptr<const FileBytes> file_;
  ScoredWindows windows_;
  size_t rows_begin_;
};

}  // namespace whet
