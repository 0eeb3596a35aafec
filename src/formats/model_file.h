// ModelFile: what a model on disk says, the same for every container. Metadata by key, a catalogue
// of tensors, and the bytes behind them. Knows no architecture.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "tensor/dtype.h"

namespace whet {

/// How a value is stored in a GGUF file; the numbers are the format's. A reader keeps it so that a
/// copy of the file keeps the widths that other programs expect.
enum class MetaType : uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

using MetaArray = std::variant<std::vector<uint64_t>, std::vector<int64_t>, std::vector<double>,
                               std::vector<bool>, std::vector<std::string>>;

/// A metadata value; integers keep their sign class, arrays are homogeneous as in GGUF.
struct MetaValue {
  std::variant<uint64_t, int64_t, double, bool, std::string, MetaArray> value;
  /// The stored type (of the elements, for an array); absent where no GGUF file set it.
  std::optional<MetaType> stored_as = std::nullopt;

  friend bool operator==(const MetaValue&, const MetaValue&) = default;
};

struct TensorEntry {
  std::string name;
  DType type;
  /// Outermost dimension first (row-major): a weight matrix is [rows, columns].
  std::vector<uint64_t> shape;
  /// The tensor's bytes inside `files`; never empty, bounds already checked.
  std::span<const std::byte> bytes;
  /// File of the model that holds it (index into ModelFile::files), and its place there.
  size_t file_index;
  uint64_t file_offset;
};

class FileBytes;  // sys/file_bytes.h

struct ModelFile {
  enum class Container { kGguf, kSafeTensors };

  Container container;
  std::string path;                                     // as the user gave it
  std::vector<std::shared_ptr<const FileBytes>> files;  // keeps `bytes` alive
  std::vector<std::string> file_paths;
  /// GGUF: the file's own keys. SafeTensors: the strings of "__metadata__"; config.json etc. stay
  /// text, see `side_files`.
  std::map<std::string, MetaValue, std::less<>> metadata;
  /// SafeTensors directories: config.json, tokenizer.json, tokenizer_config.json,
  /// generation_config.json, special_tokens_map.json, added_tokens.json, tokenizer.model,
  /// chat_template.jinja, chat_template.json, 1_Pooling/config.json - as raw bytes, by file name;
  /// absent files have no entry.
  std::map<std::string, std::string, std::less<>> side_files;
  std::vector<TensorEntry> tensors;
  /// SafeTensors in shards: tensors that the index lists and no shard holds. An architecture may do
  /// without one (a tied head, a derived table); whoever binds the weights decides.
  std::vector<std::string> missing_tensors;
  uint32_t gguf_version = 0;    // 0 for other containers
  uint64_t gguf_alignment = 0;  // 0 for other containers

  const TensorEntry* find_tensor(std::string_view name) const;

  /// Typed metadata access. The error names the key, the expected and the found type; a missing key
  /// is an error of `get_*` and the fallback of `get_*_or`. Any integer type converts where the
  /// value fits, also to a float where it is exact; nothing else converts.
  Result<uint64_t> get_uint(std::string_view key) const;
  Result<double> get_float(std::string_view key) const;
  Result<std::string> get_string(std::string_view key) const;
  Result<uint64_t> get_uint_or(std::string_view key, uint64_t fallback) const;
  Result<double> get_float_or(std::string_view key, double fallback) const;
  Result<bool> get_bool_or(std::string_view key, bool fallback) const;
  Result<std::string> get_string_or(std::string_view key, std::string fallback) const;
  /// Arrays; the strings live as long as this ModelFile.
  Result<std::span<const std::string>> get_strings(std::string_view key) const;
  Result<std::vector<int64_t>> get_ints(std::string_view key) const;
  Result<std::vector<double>> get_floats(std::string_view key) const;
  bool has(std::string_view key) const { return metadata.find(key) != metadata.end(); }
};

/// Opens a .gguf file (or any part of a split one), a .safetensors file or a directory that holds
/// SafeTensors with their config.json. A file is recognised by its content, not by its name. All
/// bounds are checked; no tensor data is read. Pickle files are refused, never parsed.
Result<ModelFile> open_model_file(const std::string& path);
/// Replaces the mappings of an opened model by copies in memory of this process. Returns them
/// in the order of `files`, for the caller to change and seal.
Result<std::vector<std::shared_ptr<FileBytes>>> copy_to_memory(ModelFile& model);

}  // namespace whet
