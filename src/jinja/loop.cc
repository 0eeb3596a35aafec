#include "jinja/loop.h"

#include "jinja/operation.h"

namespace whet::jinja {

Value Loop::attribute(std::string_view name) {
  const auto index = static_cast<int64_t>(index_);
  const auto n = static_cast<int64_t>(items_.size());
  if (name == "index") return index + 1;
  if (name == "index0") return index;
  if (name == "revindex") return n - index;
  if (name == "revindex0") return n - index - 1;
  if (name == "first") return Value::boolean(index == 0);
  if (name == "last") return Value::boolean(index + 1 == n);
  if (name == "length") return n;
  if (name == "depth") return int64_t{1};
  if (name == "depth0") return int64_t{0};
  if (name == "previtem") {
    return index > 0 ? items_[index_ - 1] : Value::undefined("there is no previous item");
  }
  if (name == "nextitem") {
    return index + 1 < n ? items_[index_ + 1] : Value::undefined("there is no next item");
  }
  const Builtin method = name == "cycle" ? cycle : name == "changed" ? changed : nullptr;
  if (!method) return Object::attribute(name);
  return Value(ObjectRef(
      std::make_shared<Function>(std::string(name), method, Value(ObjectRef(shared_from_this())))));
}

Result<Value> Loop::cycle(Runtime&, const Value& subject, const Arguments& arguments) {
  if (arguments.positional.empty()) return template_error("no items for cycling given");
  const auto& loop = static_cast<Loop&>(*subject.object());
  return arguments.positional[loop.index_ % arguments.positional.size()];
}

Result<Value> Loop::changed(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  auto& loop = static_cast<Loop&>(*subject.object());
  WHET_TRY(const auto now, runtime.sequence(SequenceKind::kTuple, arguments.positional));
  WHET_TRY(const bool same, equal(runtime, loop.last_seen_, now));
  if (loop.last_seen_.is_undefined()) runtime.clear_at_end(loop.shared_from_this());
  loop.last_seen_ = now;
  return Value::boolean(!same);
}

}  // namespace whet::jinja
