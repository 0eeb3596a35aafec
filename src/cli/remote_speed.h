// Speed of a model behind another engine's address, in the rows of whet bench: as this client sees
// it, so the network and the server's own work count.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/speed.h"

namespace whet {

/// A row for each case. Errors: those of the endpoint; kInvalidArgument: a case that only our own
/// engine can run (context before the measurement).
Result<std::vector<nlohmann::ordered_json>> remote_speed(const std::string& address,
                                                         const std::vector<SpeedCase>& cases,
                                                         int repetitions, bool warmup);

}  // namespace whet
