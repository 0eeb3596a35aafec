// What one rendering may use: a budget of work and memory, and the clock. Every value that a
// template makes is made here, so that no template can exhaust the machine.
#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "jinja/arguments.h"
#include "jinja/mapping.h"
#include "jinja/position.h"
#include "jinja/value.h"

namespace whet::jinja {

struct Limits {
  /// One unit is one evaluated node, one list item or kBytesPerUnit bytes of text. The Llama-3.1
  /// template spends some 60 units per message.
  int64_t max_work = 10'000'000;
  size_t max_text_bytes = 16u << 20;  // of the output and of any string
  int max_value_depth = 100;          // lists in lists
  int max_call_depth = 1000;          // nested evaluations: expressions, blocks, macros
};

class Namespace;

class Runtime {
 public:
  static constexpr int64_t kBytesPerUnit = 32;

  Runtime(const Limits& limits, const std::tm& local_time)
      : limits_(limits), work_left_(limits.max_work), local_time_(local_time) {}
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  const Limits& limits() const { return limits_; }
  const std::tm& local_time() const { return local_time_; }

  Status charge(int64_t work) {
    work_left_ -= work;
    return work_left_ < 0 ? exhausted() : ok_status();
  }
  Status charge_bytes(size_t n_bytes) {
    return charge(static_cast<int64_t>(n_bytes) / kBytesPerUnit);
  }

  /// For work that looks at each character.
  Status charge_characters(size_t n_bytes) { return charge(static_cast<int64_t>(n_bytes) / 4); }

  Result<Value> text(std::string bytes, bool markup = false);
  Result<Value> list(std::vector<Value> items) {
    return sequence(SequenceKind::kList, std::move(items));
  }
  Result<Value> sequence(SequenceKind kind, std::vector<Value> items, Range range = {});
  Result<Value> mapping(Mapping mapping);
  Result<std::shared_ptr<Namespace>> make_namespace();
  /// Has `object` cleared at the end of the rendering; once for each object that stores values.
  void clear_at_end(ObjectRef object) { to_clear_.push_back(std::move(object)); }

  /// Makes `error` point at `at`, unless it already points somewhere deeper.
  Error locate(Position at, const Error& error);

  int call_depth = 0;

 private:
  Status exhausted() const;

  Limits limits_;
  int64_t work_left_;
  std::tm local_time_;
  bool error_located_ = false;
  std::vector<ObjectRef> to_clear_;
};

/// Appends text up to the limit of a string.
class TextBuilder {
 public:
  explicit TextBuilder(Runtime& runtime) : runtime_(runtime) {}

  Status append(std::string_view bytes);
  std::string take() { return std::move(bytes_); }
  Result<Value> finish(bool markup = false) { return runtime_.text(std::move(bytes_), markup); }

 private:
  Runtime& runtime_;
  std::string bytes_;
};

/// A built-in function, method or filter; `subject` is the filtered value or the method's object.
using Builtin = Result<Value> (*)(Runtime& runtime, const Value& subject,
                                  const Arguments& arguments);

}  // namespace whet::jinja
