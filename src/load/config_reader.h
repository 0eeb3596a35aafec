// One reader over both dialects of configuration: the keys of a GGUF file and Hugging Face's
// config.json. It remembers what was read, so that a word that nobody read is an error instead of
// different arithmetic, and writes down in GGUF's terms what it read.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/model_file.h"

namespace whet {

/// GGUF keys and their values.
using Metadata = std::map<std::string, MetaValue, std::less<>>;

/// What the two dialects call one thing; "" where a dialect has no word for it. GGUF's lack the
/// architecture's prefix.
struct Word {
  std::string_view gguf, hugging_face;
};

/// A word of config.json and what else it may be called there: transformers' "attribute_map".
struct OtherName {
  std::string_view word, other;
};

// Upper bounds of one dimension; far above any real model, far below overflow of their products.
inline constexpr uint64_t kMaxLayers = 1024;
inline constexpr uint64_t kMaxWidth = 1 << 20;
inline constexpr uint64_t kMaxHeads = 4096;
inline constexpr uint64_t kMaxExperts = 4096;
inline constexpr uint64_t kMaxVocabulary = 1 << 24;
inline constexpr uint64_t kMaxContext = 1 << 28;

class ConfigReader {
 public:
  /// Errors: no config.json, or one that is no object.
  static Result<ConfigReader> open(const ModelFile& file);

  bool is_gguf() const { return file_->container == ModelFile::Container::kGguf; }
  const ModelFile& file() const { return *file_; }
  /// The container's name of the architecture: "general.architecture" or "model_type".
  const std::string& architecture() const { return architecture_; }
  /// Reads the words of `key`, an object inside config.json, from here on ("text_config").
  Status descend(const char* key);
  /// Reads words of config.json under their own names from here on where they have other ones.
  /// Errors: a word is there under both and says two things.
  Status take_other_names(const std::vector<OtherName>& names);
  /// GGUF's name of the architecture, the prefix of its keys and of what describe() tells.
  void set_prefix(std::string_view architecture) { prefix_ = std::string(architecture) + "."; }

  bool has(const Word& word) const;
  /// config.json has the word and says null.
  bool says_null(const Word& word) const {
    return object_ != nullptr && object_->contains(std::string(word.hugging_face)) && !has(word);
  }
  /// A missing word, and a null in config.json, is an error or gives the fallback.
  Result<int64_t> count(const Word& word, uint64_t high,
                        std::optional<int64_t> fallback = std::nullopt);
  /// One value for every layer, or an array with one for each, in which `low` may be 0.
  Result<std::vector<int64_t>> counts(const Word& word, int64_t n_layers, uint64_t high,
                                      std::optional<int64_t> fallback = std::nullopt,
                                      uint64_t low = 1);
  /// One flag for each layer: an array of GGUF; nothing where the key is absent or no such array.
  Result<std::vector<bool>> flags(std::string_view gguf_key, int64_t n_layers);
  Result<double> number(const Word& word, std::optional<double> fallback = std::nullopt);
  /// A null in config.json is false, as Python has it.
  Result<bool> flag(const Word& word, std::optional<bool> fallback = std::nullopt);
  Result<std::string> text(const Word& word, std::optional<std::string> fallback = std::nullopt);
  /// An object or array of config.json; a null value where it is absent or null.
  const nlohmann::json& json(const char* key);

  /// A word of config.json that every architecture may leave unread.
  static bool changes_nothing(std::string_view word, const nlohmann::json& value);

  /// The word may only have this value (or be absent).
  Status expect_text(const Word& word, std::string_view expected);
  Status expect_flag(const Word& word, bool expected);

  /// Says in GGUF's terms what a word of config.json means.
  void say(std::string_view gguf_key, MetaValue value);
  /// GGUF has no word for `what`: description() is not the whole.
  void cannot_say(std::string what) { unsaid_ = std::move(what); }
  /// Marks words as read that change nothing here.
  void skip(std::initializer_list<std::string_view> words);
  /// "key" or "config.json: "key"", for messages.
  std::string name(const Word& word) const;

  /// Errors: names a word that nobody read and that is not known to be harmless.
  Status check_all_read() const;
  /// What was read, as GGUF keys with the architecture's prefix.
  const Metadata& description() const { return said_; }
  /// What GGUF has no word for; empty: nothing.
  const std::string& unsaid() const { return unsaid_; }

 private:
  explicit ConfigReader(const ModelFile& file) : file_(&file) {}
  const nlohmann::json* find(std::string_view key);
  std::string full(std::string_view key) const { return prefix_ + std::string(key); }
  Result<int64_t> count_of(const nlohmann::json& value, const Word& word, uint64_t high) const;

  const ModelFile* file_;
  std::shared_ptr<const nlohmann::json> root_;
  const nlohmann::json* object_ = nullptr;  // in root_
  std::string architecture_, prefix_;
  std::set<std::string, std::less<>> read_;
  Metadata said_;
  std::string unsaid_;
};

}  // namespace whet
