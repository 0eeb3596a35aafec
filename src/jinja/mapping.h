// A dict: entries in insertion order. Keys are scalars or text, equal as in Python (1 == 1.0 ==
// True).
#pragma once

#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "jinja/value.h"

namespace whet::jinja {

class Mapping {
 public:
  using Entry = std::pair<Value, Value>;

  static bool is_key(const Value& value);

  /// Replaces the value of an equal key, which keeps its place. Requires: is_key(key).
  void set(Value key, Value value);

  /// Null if there is no such key, or if `key` cannot be one.
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;

  const std::vector<Entry>& entries() const { return entries_; }
  int depth() const { return depth_; }

 private:
  static constexpr size_t kMaxScan = 8;  // from here on an index finds the entry

  size_t index_of(const Value& key) const;
  size_t index_of(std::string_view key) const;
  void index_entry(size_t entry);

  std::vector<Entry> entries_;
  std::unordered_multimap<size_t, size_t> index_;  // hash of a key -> entry; empty while small
  int depth_ = 1;
};

}  // namespace whet::jinja
