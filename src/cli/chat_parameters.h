// The sampling parameters that /set parameter knows.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "generator/request.h"

namespace whet {

/// "temperature, top_k, ..."
std::string chat_parameter_names();
/// Sets one by its name for all that follows. Errors: no such name; not a number or out of range;
/// the request is as before then.
Status set_chat_parameter(GenerateRequest& request, std::string_view name, const std::string& value,
                          int32_t vocab_size);
/// Each name with its value, a line each.
std::string chat_parameters_text(const GenerateRequest& request);

}  // namespace whet
