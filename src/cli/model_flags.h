// Flags that every command which runs a model shares.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "base/result.h"
#include "engine/engine.h"

namespace whet {

/// Where the weights lie.
struct StorageFlags {
  bool no_mmap = false, repack = false;

  void add_to(CLI::App& command);
  /// Says on stderr where --repack found nothing to interleave.
  Result<LoadedModel> load(const std::string& path, int threads) const;
};

struct ModelFlags {
  std::string model;
  std::string chat_template_file;
  EngineOptions engine;
  StorageFlags storage;
  std::string cache_type_k = "f16", cache_type_v = "f16";

  void add_to(CLI::App& command);
  Result<std::unique_ptr<Engine>> load() const;
};

/// "f16", "q8_0": the spelling of --cache-type-k.
std::string cache_type_name(DType type);

struct SamplingFlags {
  SamplingParams params;
  int64_t seed = -1;
  std::vector<std::string> logit_bias;  // "ID+BIAS" or "ID-BIAS"
  std::vector<std::string> stop;

  void add_to(CLI::App& command);
  /// The parameters with a drawn seed where none was given. Errors: a malformed --logit-bias.
  Result<SamplingParams> resolve() const;
};

}  // namespace whet
