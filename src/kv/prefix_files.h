// PrefixFiles: blocks of keys and values in a directory, so that a prefix outlives the process.
// A block's file is named by a hash over the model, the cache's form, the scope and all tokens up
// to its end; it holds that name, its tokens and a checksum, and whoever loads it compares all
// three. Files appear complete or not at all, so that several processes may share the directory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kv/kv_layout.h"

namespace whet {

struct PrefixFileLimits {
  uint64_t max_bytes = uint64_t{8} << 30;       // of all files in the directory
  int64_t max_age_seconds = 30 * 24 * 60 * 60;  // since a file was last written or touched
};

class PrefixFiles {
 public:
  /// Makes the directory, for this user alone, if it is missing. `fingerprint`: whatever the values
  /// depend on besides tokens and the cache's form: the model's hash, the kind of arithmetic.
  /// Errors: kIo and kNotFound with the path.
  static Result<PrefixFiles> open(const std::string& directory, std::string_view fingerprint,
                                  const KvShape& shape, const PrefixFileLimits& limits);

  /// The name of the empty prefix in a scope, and of one that is a block longer.
  Result<std::string> root_key(std::string_view scope) const;
  static Result<std::string> key_of(std::string_view parent_key, std::span<const int32_t> ids);

  bool contains(const std::string& key) const;
  /// Fills a block. Errors: kNotFound; kIo for what cannot be read or is not what the name says.
  Status load(const std::string& key, std::span<const int32_t> ids, std::byte* block) const;
  /// Errors: kIo, kResourceExhausted for a full disk.
  Status store(const std::string& key, std::span<const int32_t> ids, const std::byte* block) const;
  /// Makes a file's age count from now on.
  void touch(const std::string& key) const;
  void remove(const std::string& key) const;
  /// Removes files that are too old, and then the oldest until all fit. Files that are not ours
  /// stay.
  Status prune() const;

 private:
  PrefixFiles(std::string directory, std::string root, KvLayout layout, PrefixFileLimits limits);
  std::string path(const std::string& key) const;

  std::string directory_;
  std::string root_;  // fingerprint and form
  KvLayout layout_;
  PrefixFileLimits limits_;
};

}  // namespace whet
