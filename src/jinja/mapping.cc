#include "jinja/mapping.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace whet::jinja {
namespace {

constexpr size_t kMissing = static_cast<size_t>(-1);

/// Whether the float is an integer of 64 bits, so that it may equal an int key.
bool integral(double number, int64_t& out) {
  if (!(number >= -0x1p63 && number < 0x1p63) || number != std::floor(number)) return false;
  out = static_cast<int64_t>(number);
  return true;
}

size_t hash_key(const Value& key) {
  if (const auto* text = key.text()) return std::hash<std::string_view>{}(text->bytes);
  int64_t integer = 0;
  if (key.as_integer(integer)) return std::hash<int64_t>{}(integer);
  if (const auto* number = key.real()) {
    return integral(*number, integer) ? std::hash<int64_t>{}(integer)
                                      : std::hash<double>{}(*number);
  }
  return 0;
}

bool same_key(const Value& a, const Value& b) {
  if (a.text() || b.text()) return a.text() && b.text() && a.text()->bytes == b.text()->bytes;
  if (a.is_none() || b.is_none()) return a.is_none() && b.is_none();
  int64_t left = 0;
  int64_t right = 0;
  const bool left_integral = a.as_integer(left) || (a.real() && integral(*a.real(), left));
  const bool right_integral = b.as_integer(right) || (b.real() && integral(*b.real(), right));
  if (left_integral || right_integral) return left_integral && right_integral && left == right;
  return a.real() && b.real() && *a.real() == *b.real();
}

}  // namespace

bool Mapping::is_key(const Value& value) {
  return !value.is_undefined() && !value.sequence() && !value.mapping() && !value.object();
}

size_t Mapping::index_of(const Value& key) const {
  if (!is_key(key)) return kMissing;
  if (index_.empty()) {
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (same_key(entries_[i].first, key)) return i;
    }
    return kMissing;
  }
  auto [first, last] = index_.equal_range(hash_key(key));
  for (; first != last; ++first) {
    if (same_key(entries_[first->second].first, key)) return first->second;
  }
  return kMissing;
}

size_t Mapping::index_of(std::string_view key) const {
  auto matches = [&](size_t i) {
    const auto* text = entries_[i].first.text();
    return text && text->bytes == key;
  };
  if (index_.empty()) {
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (matches(i)) return i;
    }
    return kMissing;
  }
  auto [first, last] = index_.equal_range(std::hash<std::string_view>{}(key));
  for (; first != last; ++first) {
    if (matches(first->second)) return first->second;
  }
  return kMissing;
}

void Mapping::index_entry(size_t entry) {
  index_.emplace(hash_key(entries_[entry].first), entry);
}

void Mapping::set(Value key, Value value) {
  depth_ = std::max(depth_, depth_of(value) + 1);
  const size_t found = index_of(key);
  if (found != kMissing) {
    entries_[found].second = std::move(value);
    return;
  }
  entries_.emplace_back(std::move(key), std::move(value));
  if (!index_.empty()) {
    index_entry(entries_.size() - 1);
  } else if (entries_.size() > kMaxScan) {
    for (size_t i = 0; i < entries_.size(); ++i) index_entry(i);
  }
}

const Value* Mapping::find(const Value& key) const {
  const size_t found = index_of(key);
  return found == kMissing ? nullptr : &entries_[found].second;
}

const Value* Mapping::find(std::string_view key) const {
  const size_t found = index_of(key);
  return found == kMissing ? nullptr : &entries_[found].second;
}

}  // namespace whet::jinja
