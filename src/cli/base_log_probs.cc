#include "cli/base_log_probs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "formats/byte_cursor.h"

namespace whet {
namespace {

constexpr std::string_view kMagic = "_logits_";
constexpr float kMostCode = 65535;
constexpr float kCutNats = 16;

/// Scale, least value, codes made even.
size_t row_bytes_of(int64_t n_vocab) {
  return 2 * sizeof(float) + sizeof(uint16_t) * static_cast<size_t>(n_vocab + n_vocab % 2);
}

Error invalid(const std::string& path, const std::string& message) {
  return Error(ErrorCode::kInvalidModel, path + ": " + message);
}

Result<int64_t> read_size(ByteCursor& in, std::string_view what, int64_t least) {
  WHET_TRY(const int32_t size, in.read<int32_t>(what));
  if (size >= least) return int64_t{size};
  return Error(ErrorCode::kInvalidModel,
               fmt::format("{}: expected {} or more, found {}", what, least, size));
}

/// Everything in front of the rows.
Result<ScoredWindows> read_windows(ByteCursor& in) {
  WHET_TRY(const auto magic, in.read_text("the magic number", kMagic.size()));
  if (magic != kMagic) {
    return Error(ErrorCode::kInvalidModel,
                 "expected base log-probabilities, written by --kl-divergence-base without "
                 "--kl-divergence");
  }
  ScoredWindows windows;
  WHET_TRY(windows.context, read_size(in, "context", 4));
  WHET_TRY(windows.n_vocab, read_size(in, "vocabulary", 1));
  WHET_TRY(const int64_t n_windows, read_size(in, "number of windows", 1));
  const uint64_t n_tokens =
      static_cast<uint64_t>(n_windows) * static_cast<uint64_t>(windows.context);
  WHET_TRY(const auto tokens, in.read_text("the tokens", n_tokens * sizeof(int32_t)));
  windows.tokens.resize(n_tokens);
  std::memcpy(windows.tokens.data(), tokens.data(), tokens.size());
  for (const int32_t token : windows.tokens) {
    if (token >= 0 && token < windows.n_vocab) continue;
    return Error(ErrorCode::kInvalidModel,
                 fmt::format("expected tokens below {}, found {}", windows.n_vocab, token));
  }
  const uint64_t rows = static_cast<uint64_t>(n_windows * windows.n_rows());
  const uint64_t size = row_bytes_of(windows.n_vocab);
  if (in.remaining() % size != 0 || in.remaining() / size != rows) {
    return Error(
        ErrorCode::kInvalidModel,
        fmt::format("expected {} rows of {} bytes behind byte {}, found {} bytes; the file "
                    "is cut short or was written differently",
                    rows, size, in.position(), in.remaining()));
  }
  return windows;
}

}  // namespace

Result<BaseLogProbsWriter> BaseLogProbsWriter::create(const std::string& path,
                                                      const ScoredWindows& windows) {
  WHET_TRY(PendingFile file, PendingFile::create(path));
  const int32_t sizes[] = {static_cast<int32_t>(windows.context),
                           static_cast<int32_t>(windows.n_vocab),
                           static_cast<int32_t>(windows.n_windows())};
  WHET_TRY_STATUS(file.write(std::as_bytes(std::span(kMagic))));
  WHET_TRY_STATUS(file.write(std::as_bytes(std::span(sizes))));
  WHET_TRY_STATUS(file.write(std::as_bytes(std::span(windows.tokens))));
  return BaseLogProbsWriter(std::move(file), windows.n_windows() * windows.n_rows());
}

Status BaseLogProbsWriter::write(std::span<const float> logits) {
  WHET_CHECK(n_rows_left_ > 0);
  --n_rows_left_;
  const auto [least, most] = std::minmax_element(logits.begin(), logits.end());
  double total = 0;
  for (const float logit : logits) total += std::exp(double{logit} - *most);
  if (!std::isfinite(*least) || !std::isfinite(total)) {
    return Error(ErrorCode::kInvalidModel,
                 "expected finite logits, found a NaN or an infinity: the model does not compute");
  }
  const float scale = (*most - *least) / kMostCode;
  const auto least_log_prob = static_cast<float>(*least - (*most + std::log(total)));
  row_.assign(row_bytes_of(static_cast<int64_t>(logits.size())), std::byte{0});
  std::memcpy(row_.data(), &scale, sizeof(scale));
  std::memcpy(row_.data() + sizeof(scale), &least_log_prob, sizeof(least_log_prob));
  std::byte* code_bytes = row_.data() + 2 * sizeof(float);
  for (const float logit : logits) {
    const float steps = scale > 0 ? std::nearbyint((logit - *least) / scale) : 0;
    const auto code = static_cast<uint16_t>(std::clamp(steps, 0.0f, kMostCode));
    std::memcpy(code_bytes, &code, sizeof(code));
    code_bytes += sizeof(code);
  }
  return file_.write(row_);
}

Status BaseLogProbsWriter::finish() {
  WHET_CHECK(n_rows_left_ == 0);
  return file_.commit();
}

Result<BaseLogProbs> BaseLogProbs::open(const std::string& path) {
  WHET_TRY(auto file, FileBytes::map(path));
  ByteCursor in(file->bytes());
  auto windows = read_windows(in);
  if (!windows.ok()) return invalid(path, windows.error().message());
  return BaseLogProbs(path, std::move(file), std::move(*windows), in.position());
}

Status BaseLogProbs::read(int64_t index, BaseRow& row) const {
  const size_t size = row_bytes_of(windows_.n_vocab);
  const std::byte* bytes =
      file_->bytes().subspan(rows_begin_ + static_cast<size_t>(index) * size, size).data();
  float scale = 0, least = 0;
  std::memcpy(&scale, bytes, sizeof(scale));
  std::memcpy(&least, bytes + sizeof(scale), sizeof(least));
  if (!std::isfinite(scale) || !std::isfinite(least) || !std::isfinite(scale * kMostCode)) {
    return invalid(path_, fmt::format("row {}: expected a finite scale and least value, found {} "
                                      "and {}",
                                      index, scale, least));
  }
  row.cut_at = scale > 0 && least <= -kCutNats ? least : -std::numeric_limits<float>::infinity();
  row.log_probs.resize(static_cast<size_t>(windows_.n_vocab));
  for (size_t i = 0; i < row.log_probs.size(); ++i) {
    uint16_t code = 0;
    std::memcpy(&code, bytes + 2 * sizeof(float) + i * sizeof(code), sizeof(code));
    row.log_probs[i] = scale * static_cast<float>(code) + least;
  }
  return ok_status();
}

}  // namespace whet
