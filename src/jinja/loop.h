// `loop` inside a for loop.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "jinja/object.h"

namespace whet::jinja {

class Loop : public Object, public std::enable_shared_from_this<Loop> {
 public:
  explicit Loop(std::vector<Value> items) : items_(std::move(items)) {}

  std::string_view type_name() const override { return "loop"; }
  Value attribute(std::string_view name) override;

  void clear() override { last_seen_ = {}; }

  const std::vector<Value>& items() const { return items_; }
  void set_index(size_t index) { index_ = index; }

 private:
  static Result<Value> cycle(Runtime& runtime, const Value& subject, const Arguments& arguments);
  static Result<Value> changed(Runtime& runtime, const Value& subject, const Arguments& arguments);

  std::vector<Value> items_;
  size_t index_ = 0;
  Value last_seen_;  // of changed(); a tuple once it was called
};

}  // namespace whet::jinja
