#include "jinja/runtime.h"

#include <fmt/format.h>

#include <algorithm>

#include "jinja/object.h"
#include "jinja/position.h"

namespace whet::jinja {
namespace {

constexpr int64_t kContainerWork = 4;  // its memory beyond that of the items

}  // namespace

Runtime::~Runtime() {
  for (auto& object : to_clear_) object->clear();
}

Status Runtime::exhausted() const {
  return Error(ErrorCode::kInvalidModel,
               fmt::format("the template needs more than {} steps", limits_.max_work));
}

Result<Value> Runtime::text(std::string bytes, bool markup) {
  if (bytes.size() > limits_.max_text_bytes) {
    return template_error(fmt::format("text longer than {} bytes", limits_.max_text_bytes));
  }
  WHET_TRY_STATUS(charge(1));
  WHET_TRY_STATUS(charge_bytes(bytes.size()));
  return Value(std::make_shared<const Text>(Text{std::move(bytes), markup}));
}

Result<Value> Runtime::sequence(SequenceKind kind, std::vector<Value> items, Range range) {
  WHET_TRY_STATUS(charge(static_cast<int64_t>(items.size()) + kContainerWork));
  int depth = 0;
  for (const auto& item : items) depth = std::max(depth, depth_of(item));
  if (depth >= limits_.max_value_depth) {
    return template_error(fmt::format("lists nested deeper than {}", limits_.max_value_depth));
  }
  return Value(
      std::make_shared<const Sequence>(Sequence{kind, std::move(items), depth + 1, range}));
}

Result<Value> Runtime::mapping(Mapping mapping) {
  WHET_TRY_STATUS(charge(2 * static_cast<int64_t>(mapping.entries().size()) + kContainerWork));
  if (mapping.depth() > limits_.max_value_depth) {
    return template_error(fmt::format("dicts nested deeper than {}", limits_.max_value_depth));
  }
  return Value(std::make_shared<const Mapping>(std::move(mapping)));
}

Result<std::shared_ptr<Namespace>> Runtime::make_namespace() {
  WHET_TRY_STATUS(charge(4 * kContainerWork));
  auto space = std::make_shared<Namespace>();
  clear_at_end(space);
  return space;
}

Error Runtime::locate(Position at, const Error& error) {
  if (error_located_) return error;
  error_located_ = true;
  return jinja::locate(at, error);
}

Status TextBuilder::append(std::string_view bytes) {
  if (bytes.size() > runtime_.limits().max_text_bytes - bytes_.size()) {
    return template_error(
        fmt::format("text longer than {} bytes", runtime_.limits().max_text_bytes));
  }
  bytes_ += bytes;
  return ok_status();
}

}  // namespace whet::jinja
