#include "formats/model_file.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "formats/gguf_metadata.h"
#include "formats/untrusted_text.h"

namespace whet {
namespace {

// "u32", "array of string", ... as the user would find it in a dump of the file.
std::string found_type(const MetaValue& value) {
  std::string_view element = value.stored_as ? meta_type_name(*value.stored_as) : "value";
  if (std::holds_alternative<MetaArray>(value.value)) return fmt::format("array of {}", element);
  if (value.stored_as) return std::string(element);
  constexpr std::string_view kKinds[] = {"unsigned integer", "integer", "float", "bool", "string"};
  return std::string(kKinds[value.value.index()]);
}

Error missing(std::string_view key) {
  return Error(ErrorCode::kInvalidModel, fmt::format("key {}: missing", quote_untrusted(key)));
}

Error wrong_type(std::string_view key, std::string_view expected, const MetaValue& value) {
  return Error(ErrorCode::kInvalidModel,
               fmt::format("key {}: expected {}, found {}", quote_untrusted(key), expected,
                           found_type(value)));
}

// Each converter yields nothing where the stored value does not fit the wanted type.
std::optional<uint64_t> as_uint(const MetaValue& value) {
  if (auto* u = std::get_if<uint64_t>(&value.value)) return *u;
  if (auto* i = std::get_if<int64_t>(&value.value); i != nullptr && *i >= 0) {
    return static_cast<uint64_t>(*i);
  }
  return std::nullopt;
}

std::optional<double> as_float(const MetaValue& value) {
  constexpr int64_t kExact = int64_t{1} << 53;  // every integer up to here is a double
  if (auto* d = std::get_if<double>(&value.value)) return *d;
  if (auto* u = std::get_if<uint64_t>(&value.value); u != nullptr && *u <= kExact) {
    return static_cast<double>(*u);
  }
  if (auto* i = std::get_if<int64_t>(&value.value); i != nullptr && *i >= -kExact && *i <= kExact) {
    return static_cast<double>(*i);
  }
  return std::nullopt;
}

std::optional<bool> as_bool(const MetaValue& value) {
  if (auto* b = std::get_if<bool>(&value.value)) return *b;
  return std::nullopt;
}

std::optional<std::string> as_string(const MetaValue& value) {
  if (auto* s = std::get_if<std::string>(&value.value)) return *s;
  return std::nullopt;
}

constexpr std::string_view kUint = "an unsigned integer";
constexpr std::string_view kFloat = "a number";
constexpr std::string_view kBool = "a bool";
constexpr std::string_view kString = "a string";

template <typename T>
Result<T> convert(const ModelFile& model, std::string_view key, std::string_view expected,
                  std::optional<T> (*converter)(const MetaValue&), const T* fallback) {
  auto found = model.metadata.find(key);
  if (found == model.metadata.end()) {
    if (fallback == nullptr) return missing(key);
    return *fallback;
  }
  std::optional<T> value = converter(found->second);
  if (!value) return wrong_type(key, expected, found->second);
  return std::move(*value);
}

struct FoundArray {
  const MetaArray& array;
  const MetaValue& value;
};

Result<FoundArray> find_array(const ModelFile& model, std::string_view key) {
  auto found = model.metadata.find(key);
  if (found == model.metadata.end()) return missing(key);
  auto* array = std::get_if<MetaArray>(&found->second.value);
  if (array == nullptr) return wrong_type(key, "an array", found->second);
  return FoundArray{*array, found->second};
}

}  // namespace

const TensorEntry* ModelFile::find_tensor(std::string_view name) const {
  for (const TensorEntry& tensor : tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

Result<uint64_t> ModelFile::get_uint(std::string_view key) const {
  return convert<uint64_t>(*this, key, kUint, as_uint, nullptr);
}

Result<double> ModelFile::get_float(std::string_view key) const {
  return convert<double>(*this, key, kFloat, as_float, nullptr);
}

Result<std::string> ModelFile::get_string(std::string_view key) const {
  return convert<std::string>(*this, key, kString, as_string, nullptr);
}

Result<uint64_t> ModelFile::get_uint_or(std::string_view key, uint64_t fallback) const {
  return convert<uint64_t>(*this, key, kUint, as_uint, &fallback);
}

Result<double> ModelFile::get_float_or(std::string_view key, double fallback) const {
  return convert<double>(*this, key, kFloat, as_float, &fallback);
}

Result<bool> ModelFile::get_bool_or(std::string_view key, bool fallback) const {
  return convert<bool>(*this, key, kBool, as_bool, &fallback);
}

Result<std::string> ModelFile::get_string_or(std::string_view key, std::string fallback) const {
  return convert<std::string>(*this, key, kString, as_string, &fallback);
}

Result<std::span<const std::string>> ModelFile::get_strings(std::string_view key) const {
  WHET_TRY(FoundArray found, find_array(*this, key));
  auto* strings = std::get_if<std::vector<std::string>>(&found.array);
  if (strings == nullptr) return wrong_type(key, "an array of strings", found.value);
  return std::span<const std::string>(*strings);
}

Result<std::vector<int64_t>> ModelFile::get_ints(std::string_view key) const {
  WHET_TRY(FoundArray found, find_array(*this, key));
  if (auto* ints = std::get_if<std::vector<int64_t>>(&found.array)) return *ints;
  auto* uints = std::get_if<std::vector<uint64_t>>(&found.array);
  if (uints == nullptr) return wrong_type(key, "an array of integers", found.value);
  std::vector<int64_t> values;
  values.reserve(uints->size());
  for (uint64_t value : *uints) {
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return Error(ErrorCode::kInvalidModel, fmt::format("key {}: element {} does not fit 63 bits",
                                                         quote_untrusted(key), value));
    }
    values.push_back(static_cast<int64_t>(value));
  }
  return values;
}

Result<std::vector<double>> ModelFile::get_floats(std::string_view key) const {
  WHET_TRY(FoundArray found, find_array(*this, key));
  if (auto* floats = std::get_if<std::vector<double>>(&found.array)) return *floats;
  return wrong_type(key, "an array of floats", found.value);
}

}  // namespace whet
