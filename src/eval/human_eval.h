// HumanEval lines as whet questions: the instruction around the header, and public examples taken
// from the docstring.
#pragma once

#include <string>
#include <string_view>

namespace whet::eval {

/// The instruction that asks a chat model to complete `header`.
std::string human_eval_prompt(std::string_view header);

/// Assertions from the docstring of `header`, one per line; "" if it shows none. Reads doctests
/// (">>> f(1)" and the line below) and lines such as "f(1) == 2", "f(1) => 2", "f(1) returns 2".
/// Arguments and values must be literals, so that every assertion is Python and means one thing.
std::string docstring_examples(std::string_view header, std::string_view entry_point);

}  // namespace whet::eval
