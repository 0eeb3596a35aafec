// The rows of whet bench, in llama-bench's keys and more, and how they are printed.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/roofline.h"
#include "bench/speed.h"
#include "engine/engine.h"

namespace whet {

/// `path`: the model as it was named.
nlohmann::ordered_json speed_row(const std::string& path, const Engine& engine,
                                 const SpeedSamples& samples, const Ceilings& ceilings);

/// Sets cost_over_one of each test of m sequences: its time over that of one, where one was
/// measured.
void compare_with_one(std::vector<nlohmann::ordered_json>& rows);

/// On stdout; `form`: md, json, jsonl or csv.
void print_speed_rows(const std::vector<nlohmann::ordered_json>& rows, const std::string& form);

}  // namespace whet
