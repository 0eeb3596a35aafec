// How long an answer took, in words and in JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "generator/events.h"

namespace whet {

/// Of all samples together.
int64_t completion_tokens(const GenerateResult& result);
/// llama-server's keys; null where nothing was timed.
nlohmann::ordered_json timings_json(const GenerateResult& result, int64_t load_ns);
/// What was proposed ahead and what of it was drawn, by source and by position in a draft.
nlohmann::ordered_json speculation_json(const SpeculationCounts& counts);
/// One line: prompt, first token, answer, their rates, the whole. `load_ns` 0: left out.
std::string timings_text(const GenerateResult& result, int64_t load_ns);

}  // namespace whet
