#include "quantize/importance_matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "formats/byte_cursor.h"
#include "formats/gguf_part.h"
#include "formats/gguf_writer.h"
#include "formats/untrusted_text.h"
#include "sys/file_bytes.h"

namespace whet {
namespace {

constexpr std::string_view kSums = ".in_sum2", kCounts = ".counts";
constexpr std::string_view kType = "general.type", kImatrix = "imatrix";
constexpr std::string_view kDatasets = "imatrix.datasets", kChunkCount = "imatrix.chunk_count",
                           kChunkSize = "imatrix.chunk_size";

// Of the mean importance of a row's channels.
constexpr double kLeastImportance = 1e-3;

Error invalid(const std::string& path, const std::string& message) {
  return Error(ErrorCode::kInvalidModel, path + ": " + message);
}

Status check_values(std::span<const double> values, const std::string& path,
                    std::string_view tensor) {
  for (const double value : values) {
    if (std::isfinite(value) && value >= 0) continue;
    return invalid(path, fmt::format("{}: expected sums of squares and counts, found {}",
                                     quote_untrusted(tensor), value));
  }
  return ok_status();
}

Result<std::vector<double>> read_floats(std::span<const std::byte> bytes,
                                        const GgufTensorInfo& tensor, const std::string& path) {
  if (tensor.type != DType::F32) {
    return invalid(path, fmt::format("{}: expected F32, found {}", quote_untrusted(tensor.name),
                                     dtype_info(tensor.type).name));
  }
  std::vector<float> stored(tensor.n_bytes / sizeof(float));
  std::memcpy(stored.data(), bytes.data() + tensor.file_offset, tensor.n_bytes);
  std::vector<double> values(stored.begin(), stored.end());
  WHET_TRY_STATUS(check_values(values, path, tensor.name));
  return values;
}

uint64_t count_at(const GgufPart& part, std::string_view key) {
  const auto found = part.metadata.find(key);
  if (found == part.metadata.end()) return 0;
  const auto* count = std::get_if<uint64_t>(&found->second.value);
  return count != nullptr ? *count : 0;
}

Result<ImportanceMatrix> parse_gguf_matrix(std::span<const std::byte> bytes,
                                           const std::string& path) {
  auto part = parse_gguf(bytes);
  if (!part.ok()) return part.error().with_context(path);
  const auto type = part->metadata.find(kType);
  if (type != part->metadata.end() &&
      type->second.value != decltype(type->second.value)(std::string(kImatrix))) {
    return invalid(path, "expected general.type \"imatrix\", found a GGUF file of another kind");
  }
  ImportanceMatrix matrix;
  for (const GgufTensorInfo& tensor : part->tensors) {
    const bool sums = tensor.name.ends_with(kSums);
    if (!sums && !tensor.name.ends_with(kCounts)) continue;  // means, which no type here needs
    const std::string name =
        tensor.name.substr(0, tensor.name.size() - (sums ? kSums : kCounts).size());
    ChannelImportance& channels = matrix.tensors[name];
    WHET_TRY((sums ? channels.sums : channels.counts), read_floats(bytes, tensor, path));
  }
  if (matrix.tensors.empty()) {
    return invalid(path, fmt::format("expected tensors NAME{} and NAME{} of an importance matrix, "
                                     "found none among {} tensors",
                                     kSums, kCounts, part->tensors.size()));
  }
  for (const auto& [name, channels] : matrix.tensors) {
    const size_t n = channels.sums.size(), n_counts = channels.counts.size();
    if (n > 0 && n_counts > 0 && n % n_counts == 0) continue;
    return invalid(path,
                   fmt::format("{}: expected {} and {} of as many matrices, found {} and {} values",
                               quote_untrusted(name), kSums, kCounts, n, n_counts));
  }
  matrix.n_chunks = count_at(*part, kChunkCount);
  matrix.chunk_size = count_at(*part, kChunkSize);
  if (const auto datasets = part->metadata.find(kDatasets); datasets != part->metadata.end()) {
    const auto* array = std::get_if<MetaArray>(&datasets->second.value);
    const auto* names = array ? std::get_if<std::vector<std::string>>(array) : nullptr;
    if (names != nullptr) matrix.datasets = *names;
  }
  return matrix;
}

Result<size_t> read_length(ByteCursor& in, std::string_view what, size_t size_of_one) {
  WHET_TRY(const int32_t length, in.read<int32_t>(what));
  if (length > 0 && static_cast<uint64_t>(length) <= in.remaining() / size_of_one) {
    return static_cast<size_t>(length);
  }
  return Error(ErrorCode::kInvalidModel,
               fmt::format("expected {} that fits the {} bytes left at byte {}, found {}", what,
                           in.remaining(), in.position(), length));
}

Status read_legacy_entry(ByteCursor& in, const std::string& path, ImportanceMatrix& matrix) {
  WHET_TRY(const size_t name_length, read_length(in, "the length of a name", 1));
  WHET_TRY(const std::string_view name, in.read_text("a name", name_length));
  WHET_TRY(const int32_t n_calls, in.read<int32_t>("a number of calls"));
  WHET_TRY(const size_t n, read_length(in, "a number of values", sizeof(float)));
  ChannelImportance channels;
  channels.sums.reserve(n);
  for (size_t i = 0; i < n; ++i) {
    WHET_TRY(const float value, in.read<float>("a value"));
    channels.sums.push_back(value);
  }
  channels.counts = {static_cast<double>(std::max(n_calls, 1))};
  WHET_TRY_STATUS(check_values(channels.sums, path, name));
  if (!matrix.tensors.emplace(name, std::move(channels)).second) {
    return Error(ErrorCode::kInvalidModel, fmt::format("{} is there twice", quote_untrusted(name)));
  }
  return ok_status();
}

/// Entries, then perhaps the number of chunks and the name of the text.
Result<ImportanceMatrix> parse_legacy(std::span<const std::byte> bytes, const std::string& path) {
  ByteCursor in(bytes);
  ImportanceMatrix matrix;
  const auto read_all = [&]() -> Status {
    WHET_TRY(const size_t n_entries, read_length(in, "a number of tensors", 1));
    for (size_t i = 0; i < n_entries; ++i) {
      WHET_TRY_STATUS(read_legacy_entry(in, path, matrix));
    }
    if (in.remaining() == 0) return ok_status();
    WHET_TRY(const int32_t n_chunks, in.read<int32_t>("the number of chunks"));
    matrix.n_chunks = static_cast<uint64_t>(std::max(n_chunks, 0));
    if (in.remaining() == 0) return ok_status();
    WHET_TRY(const size_t length, read_length(in, "the length of the text's name", 1));
    WHET_TRY(const std::string_view dataset, in.read_text("the text's name", length));
    matrix.datasets.emplace_back(dataset);
    return ok_status();
  };
  if (const Status read = read_all(); !read.ok()) {
    return invalid(path, fmt::format("expected an importance matrix, GGUF or llama.cpp's older "
                                     ".dat; as the latter: {}",
                                     read.error().message()));
  }
  return matrix;
}

}  // namespace

Result<ImportanceMatrix> parse_importance_matrix(std::span<const std::byte> bytes,
                                                 const std::string& path) {
  const bool is_gguf = bytes.size() >= kGgufMagic.size() &&
                       std::memcmp(bytes.data(), kGgufMagic.data(), kGgufMagic.size()) == 0;
  return is_gguf ? parse_gguf_matrix(bytes, path) : parse_legacy(bytes, path);
}

Result<ImportanceMatrix> read_importance_matrix(const std::string& path) {
  WHET_TRY(const auto file, FileBytes::map(path));
  return parse_importance_matrix(file->bytes(), path);
}

Status write_importance_matrix(const ImportanceMatrix& matrix, const std::string& path) {
  WHET_TRY(GgufWriter writer, GgufWriter::create(path));
  WHET_TRY_STATUS(writer.add_string(kType, std::string(kImatrix)));
  WHET_TRY_STATUS(writer.add_array(kDatasets, matrix.datasets));
  WHET_TRY_STATUS(writer.add_uint(kChunkCount, matrix.n_chunks));
  WHET_TRY_STATUS(writer.add_uint(kChunkSize, matrix.chunk_size));
  for (const auto& [name, channels] : matrix.tensors) {
    const uint64_t n = channels.counts.size();
    const uint64_t sums[] = {n, channels.sums.size() / n}, counts[] = {n, 1};
    WHET_TRY_STATUS(writer.add_tensor_info(name + std::string(kSums), DType::F32, sums));
    WHET_TRY_STATUS(writer.add_tensor_info(name + std::string(kCounts), DType::F32, counts));
  }
  WHET_TRY_STATUS(writer.write_header());
  for (const auto& [name, channels] : matrix.tensors) {
    for (const std::vector<double>* values : {&channels.sums, &channels.counts}) {
      const std::vector<float> stored(values->begin(), values->end());
      WHET_TRY_STATUS(writer.write_tensor_data(std::as_bytes(std::span(stored))));
    }
  }
  return writer.finish();
}

Result<std::vector<float>> importance_of(const ChannelImportance& channels,
                                         const std::string& tensor, size_t n_matrices,
                                         size_t n_columns) {
  const size_t n_counts = channels.counts.size();
  if (channels.sums.size() != n_matrices * n_columns || (n_counts != 1 && n_counts != n_matrices)) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("tensor {}: expected the importance of {} x {} channels, found {} "
                             "values and {} counts; the importance matrix is of another model",
                             tensor, n_matrices, n_columns, channels.sums.size(), n_counts));
  }
  std::vector<float> importance(channels.sums.size(), 1.0f);
  for (size_t m = 0; m < n_matrices; ++m) {
    const auto sums = std::span(channels.sums).subspan(m * n_columns, n_columns);
    double total = 0;
    for (const double sum : sums) total += sum;
    if (!(channels.counts[n_counts == 1 ? 0 : m] > 0) || !(total > 0)) continue;
    const double mean = total / static_cast<double>(n_columns);
    for (size_t i = 0; i < n_columns; ++i) {
      importance[m * n_columns + i] =
          static_cast<float>(std::max(sums[i] / mean, kLeastImportance));
    }
  }
  return importance;
}

}  // namespace whet
