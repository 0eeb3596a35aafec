// JSON as Python's json module writes it: with NaN and Infinity, which JSON has not.
#pragma once

#include <string>
#include <string_view>

namespace whet {

/// Each NaN, Infinity and -Infinity outside strings as transformers says it in JSON proper,
/// {"__float__": "Infinity"}; the rest as it is.
std::string spell_out_constants(std::string_view json);

}  // namespace whet
