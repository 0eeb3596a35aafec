// The arguments of a call, and their binding to a built-in's parameters.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "jinja/value.h"

namespace whet::jinja {

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> keyword;
};

/// The argument of each parameter in order; null where none was given.
/// Errors: too many arguments, an unknown or doubly given one, fewer than `n_required`.
Result<std::vector<const Value*>> bind(const Arguments& arguments,
                                       std::initializer_list<std::string_view> parameters,
                                       size_t n_required = 0);

/// Errors: the argument is not an int (bool counts), naming it.
Result<int64_t> integer_argument(const Value* argument, std::string_view parameter,
                                 int64_t otherwise);
/// Errors: the argument is not a string, naming it.
Result<std::string_view> text_argument(const Value* argument, std::string_view parameter,
                                       std::string_view otherwise = {});
bool flag_argument(const Value* argument, bool otherwise);

/// Error of kInvalidModel without a position; the evaluator adds it.
Error template_error(std::string message);

}  // namespace whet::jinja
