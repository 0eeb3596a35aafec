// whet bench --kv: memory and time of keys and values, for the command line.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "cli/model_flags.h"

namespace whet {

/// One model: request mixes, forks and decoding. Errors: as loading, bench/kv_mix.h and
/// bench/kv_speed.h.
Result<nlohmann::ordered_json> bench_kv(const std::string& model, const StorageFlags& storage,
                                        DType cache_type, int threads, int repetitions);
void print_kv_markdown(const nlohmann::ordered_json& results);

}  // namespace whet
