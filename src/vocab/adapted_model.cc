#include "vocab/adapted_model.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "formats/gguf_writer.h"
#include "formats/untrusted_text.h"
#include "kernels/kernels.h"
#include "quantize/block_encoder.h"
#include "token/gguf_tokenizer.h"
#include "token/phrase_tokenizer.h"
#include "vocab/phrase_piece.h"

namespace whet::vocab {
namespace {

constexpr std::string_view kEmbedding = "token_embd.weight";
constexpr std::string_view kHead = "output.weight";
constexpr std::string_view kPieces = "tokenizer.ggml.tokens";
constexpr std::string_view kTypes = "tokenizer.ggml.token_type";
constexpr std::string_view kScores = "tokenizer.ggml.scores";
constexpr int64_t kNormalType = 1;  // of tokenizer.ggml.token_type

Error invalid(std::string message) {
  return Error(ErrorCode::kInvalidModel, std::move(message));
}

Status check_model(const LoadedModel& model) {
  const ModelFile& file = model.file;
  if (file.container != ModelFile::Container::kGguf || file.files.size() != 1) {
    return invalid(
        fmt::format("{}: expected a model in one GGUF file; `whet quantize MODEL "
                    "OUT.gguf F16` writes one",
                    file.path));
  }
  if (phrases_of(*model.tokenizer) != nullptr) {
    return invalid(
        fmt::format("{}: has phrases already; expected the model it was made of", file.path));
  }
  WHET_TRY(const std::string kind, file.get_string("tokenizer.ggml.model"));
  if (kind != "gpt2") {
    return invalid(
        fmt::format("{}: expected a byte-level BPE vocabulary (tokenizer.ggml.model "
                    "gpt2), found {}",
                    file.path, quote_untrusted(kind)));
  }
  const TensorEntry* embedding = file.find_tensor(kEmbedding);
  if (embedding == nullptr || embedding->shape.size() != 2 ||
      embedding->shape[0] != static_cast<uint64_t>(model.tokenizer->vocab_size())) {
    return invalid(fmt::format("{}: {}: expected a row for each of the {} tokens, found {}",
                               file.path, kEmbedding, model.tokenizer->vocab_size(),
                               embedding == nullptr || embedding->shape.empty()
                                   ? "none"
                                   : fmt::format("{} rows", embedding->shape[0])));
  }
  const TensorEntry* head = file.find_tensor(kHead);
  if (head != nullptr && head->shape != embedding->shape) {
    return invalid(fmt::format("{}: {}: expected the shape of {}, found another", file.path, kHead,
                               kEmbedding));
  }
  for (const TensorEntry& tensor : file.tensors) {
    const bool has_rows_for_tokens =
        !tensor.shape.empty() && tensor.shape[0] == embedding->shape[0];
    if (!has_rows_for_tokens || &tensor == embedding || &tensor == head) continue;
    return invalid(
        fmt::format("{}: {}: expected a model whose embedding and head alone have a row "
                    "for each token, found another such tensor",
                    file.path, tensor.name));
  }
  for (const TensorEntry* tensor : {embedding, head}) {
    if (tensor != nullptr && !can_encode(tensor->type)) {
      return invalid(
          fmt::format("{}: {}: expected a type that rows can be added to, such as "
                      "Q8_0 or F16, found {}",
                      file.path, tensor->name, dtype_info(tensor->type).name));
    }
  }
  return ok_status();
}

/// Pieces of the phrases. A piece that is a token already would take that token's place.
Result<std::vector<std::string>> new_pieces(const Tokenizer& base,
                                            const PhraseVocabulary& phrases) {
  std::vector<std::string> pieces;
  for (size_t i = 0; i < phrases.phrases().size(); ++i) {
    pieces.push_back(phrase_piece(base, phrases.phrases()[i]));
    if (const auto same = base.find_piece(pieces.back())) {
      return invalid(fmt::format("phrase {}: expected a text that no token has, found {}, token {}",
                                 i, quote_untrusted(pieces.back()), *same));
    }
  }
  return pieces;
}

template <typename T>
Status extend_array(MetaValue& value, std::string_view key, const std::vector<T>& more) {
  auto* array = std::get_if<MetaArray>(&value.value);
  if (array != nullptr) {
    if (auto* same = std::get_if<std::vector<T>>(array)) {
      same->insert(same->end(), more.begin(), more.end());
      return ok_status();
    }
  }
  return invalid(fmt::format("{}: expected an array of another type of element", key));
}

/// Types may be stored with or without a sign.
Status extend_types(MetaValue& value, size_t n) {
  auto* array = std::get_if<MetaArray>(&value.value);
  if (array != nullptr && std::holds_alternative<std::vector<uint64_t>>(*array)) {
    return extend_array(value, kTypes, std::vector<uint64_t>(n, kNormalType));
  }
  return extend_array(value, kTypes, std::vector<int64_t>(n, kNormalType));
}

Status write_metadata(GgufWriter& writer, const ModelFile& file, const PhraseVocabulary& phrases,
                      const std::vector<std::string>& pieces) {
  for (const auto& [key, found] : file.metadata) {
    MetaValue value = found;
    if (key == kPieces) WHET_TRY_STATUS(extend_array(value, key, pieces));
    if (key == kTypes) WHET_TRY_STATUS(extend_types(value, pieces.size()));
    if (key == kScores) {
      WHET_TRY_STATUS(extend_array(value, key, std::vector<double>(pieces.size(), 0)));
    }
    // Alone a count of the vocabulary says the same twice; it must not contradict the rows.
    if (key.ends_with(".vocab_size")) {
      value = {static_cast<uint64_t>(phrases.size()), found.stored_as};
    }
    WHET_TRY_STATUS(writer.add_meta(key, value));
  }
  std::vector<int64_t> ids, lengths;
  for (const std::vector<TokenId>& phrase : phrases.phrases()) {
    ids.insert(ids.end(), phrase.begin(), phrase.end());
    lengths.push_back(static_cast<int64_t>(phrase.size()));
  }
  WHET_TRY_STATUS(writer.add_array(kPhraseTokensKey, std::move(ids)));
  return writer.add_array(kPhraseLengthsKey, std::move(lengths));
}

/// Weights of the n tokens of a phrase, which add up to 1. `growth`: from one token to the next.
std::vector<float> token_weights(size_t n, double growth) {
  std::vector<double> raw(n);
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += raw[i] = std::exp(growth * static_cast<double>(i));
  std::vector<float> weights;
  for (const double w : raw) weights.push_back(static_cast<float>(w / sum));
  return weights;
}

/// The base rows of a table as they are, and behind them a row for each phrase.
Status write_rows(GgufWriter& writer, const TensorEntry& base, const PhraseVocabulary& phrases,
                  double growth) {
  WHET_TRY_STATUS(writer.write_tensor_data(base.bytes));
  const auto width = static_cast<size_t>(base.shape[1]);
  const uint64_t n_bytes = row_bytes(dtype_info(base.type), width);
  std::vector<float> row(width), sum(width);
  std::vector<std::byte> encoded(n_bytes);
  for (const std::vector<TokenId>& phrase : phrases.phrases()) {
    const std::vector<float> weights = token_weights(phrase.size(), growth);
    sum.assign(width, 0);
    for (size_t t = 0; t < phrase.size(); ++t) {
      kernels::dequantize_row(base.type,
                              base.bytes.data() + static_cast<uint64_t>(phrase[t]) * n_bytes,
                              row.data(), width);
      for (size_t c = 0; c < width; ++c) sum[c] += weights[t] * row[c];
    }
    encode_row(base.type, sum.data(), width, encoded.data());
    WHET_TRY_STATUS(writer.write_tensor_data(encoded));
  }
  return ok_status();
}

}  // namespace

Result<AdaptedModel> write_adapted_model(const LoadedModel& model, const PhraseVocabulary& phrases,
                                         PhraseRows rows, const std::string& path) {
  WHET_TRY_STATUS(check_model(model));
  const ModelFile& file = model.file;
  WHET_TRY(const auto pieces, new_pieces(*model.tokenizer, phrases));
  const TensorEntry& embedding = *file.find_tensor(kEmbedding);
  const TensorEntry* head = file.find_tensor(kHead);
  AdaptedModel made;
  made.n_tokens = phrases.size();
  made.untied = head == nullptr && rows == PhraseRows::kExponential;
  const bool has_head = head != nullptr || made.untied;

  WHET_TRY(GgufWriter writer, GgufWriter::create(path));
  WHET_TRY_STATUS(write_metadata(writer, file, phrases, pieces));
  const auto n_rows = static_cast<uint64_t>(made.n_tokens);
  for (const TensorEntry& tensor : file.tensors) {
    std::vector<uint64_t> shape = tensor.shape;
    if (&tensor == &embedding || &tensor == head) shape[0] = n_rows;
    WHET_TRY_STATUS(writer.add_tensor_info(tensor.name, tensor.type, shape));
  }
  if (made.untied) {
    const std::vector<uint64_t> shape = {n_rows, embedding.shape[1]};
    WHET_TRY_STATUS(writer.add_tensor_info(kHead, embedding.type, shape));
  }
  WHET_TRY_STATUS(writer.write_header());
  const double growth = rows == PhraseRows::kExponential ? 2 : 0;
  for (const TensorEntry& tensor : file.tensors) {
    if (&tensor == &embedding || &tensor == head) {
      WHET_TRY_STATUS(write_rows(writer, tensor, phrases, &tensor == head ? -growth : growth));
    } else {
      WHET_TRY_STATUS(writer.write_tensor_data(tensor.bytes));
    }
  }
  if (made.untied) WHET_TRY_STATUS(write_rows(writer, embedding, phrases, -growth));
  WHET_TRY_STATUS(writer.finish());

  const uint64_t added = phrases.phrases().size();
  const auto row = row_bytes(dtype_info(embedding.type), embedding.shape[1]);
  made.added_bytes = added * row;
  if (has_head) {
    const DType type = head != nullptr ? head->type : embedding.type;
    made.added_bytes += added * row_bytes(dtype_info(type), embedding.shape[1]);
  }
  if (made.untied) made.added_bytes += embedding.bytes.size();
  return made;
}

}  // namespace whet::vocab
