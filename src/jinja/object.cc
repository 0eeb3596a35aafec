#include "jinja/object.h"

#include <fmt/format.h>

namespace whet::jinja {

Value Object::attribute(std::string_view name) {
  return Value::undefined(fmt::format("'{}' has no attribute '{}'", type_name(), name));
}

Result<Value> Object::call(Runtime&, const Arguments&) {
  return template_error(fmt::format("'{}' is not callable", type_name()));
}

Value Namespace::attribute(std::string_view name) {
  for (const auto& [key, value] : attributes_) {
    if (key == name && !name.starts_with('_')) return value;
  }
  return Object::attribute(name);
}

void Namespace::set(std::string_view name, Value value) {
  for (auto& [key, old] : attributes_) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  attributes_.emplace_back(name, std::move(value));
}

Result<Value> Function::call(Runtime& runtime, const Arguments& arguments) {
  if (const auto* text = subject_.text()) WHET_TRY_STATUS(runtime.charge_bytes(text->bytes.size()));
  auto result = builtin_(runtime, subject_, arguments);
  if (result.ok()) return result;
  return result.error().with_context(name_ + "()");
}

Value Cycler::attribute(std::string_view name) {
  if (name == "current") return items_[position_];
  const Builtin method = name == "next" ? next : name == "reset" ? reset : nullptr;
  if (!method) return Object::attribute(name);
  return Value(ObjectRef(
      std::make_shared<Function>(std::string(name), method, Value(ObjectRef(shared_from_this())))));
}

Result<Value> Cycler::next(Runtime&, const Value& subject, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  auto& cycler = static_cast<Cycler&>(*subject.object());
  const size_t current = cycler.position_;
  cycler.position_ = (current + 1) % cycler.items_.size();
  return cycler.items_[current];
}

Result<Value> Cycler::reset(Runtime&, const Value& subject, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  static_cast<Cycler&>(*subject.object()).position_ = 0;
  return Value(None{});
}

Result<Value> Joiner::call(Runtime&, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  if (used_) return separator_;
  used_ = true;
  return Value::constant_text("");
}

}  // namespace whet::jinja
