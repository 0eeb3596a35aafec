#include "jinja/arguments.h"

#include <fmt/format.h>

#include <algorithm>

namespace whet::jinja {

Error template_error(std::string message) {
  return Error(ErrorCode::kInvalidModel, std::move(message));
}

Result<std::vector<const Value*>> bind(const Arguments& arguments,
                                       std::initializer_list<std::string_view> parameters,
                                       size_t n_required) {
  std::vector<const Value*> bound(parameters.size(), nullptr);
  if (arguments.positional.size() > parameters.size()) {
    return template_error(fmt::format("expected at most {} arguments, got {}", parameters.size(),
                                      arguments.positional.size()));
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) bound[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.keyword) {
    const auto* found = std::find(parameters.begin(), parameters.end(), name);
    if (found == parameters.end()) {
      return template_error(fmt::format("unexpected keyword argument '{}'", name));
    }
    auto& slot = bound[static_cast<size_t>(found - parameters.begin())];
    if (slot) return template_error(fmt::format("argument '{}' was given twice", name));
    slot = &value;
  }
  for (size_t i = 0; i < n_required; ++i) {
    if (!bound[i]) {
      return template_error(fmt::format("missing argument '{}'", parameters.begin()[i]));
    }
  }
  return bound;
}

Result<int64_t> integer_argument(const Value* argument, std::string_view parameter,
                                 int64_t otherwise) {
  if (!argument) return otherwise;
  int64_t number = 0;
  if (argument->as_integer(number)) return number;
  return template_error(
      fmt::format("argument '{}': expected an int, got {}", parameter, type_name(*argument)));
}

Result<std::string_view> text_argument(const Value* argument, std::string_view parameter,
                                       std::string_view otherwise) {
  if (!argument) return otherwise;
  if (const auto* text = argument->text()) return std::string_view(text->bytes);
  return template_error(
      fmt::format("argument '{}': expected a str, got {}", parameter, type_name(*argument)));
}

bool flag_argument(const Value* argument, bool otherwise) {
  return argument ? truthy(*argument) : otherwise;
}

}  // namespace whet::jinja
