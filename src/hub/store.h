// The models that are on this machine already: Hugging Face's cache and Ollama's store, read in
// place, and our own directory for what comes from plain addresses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hub/reference.h"
#include "hub/settings.h"

namespace whet::hub {

struct StoredModel {
  std::string name;  // as -m takes it
  std::string path;  // of the file, or the directory of SafeTensors
  uint64_t n_bytes = 0;
};

/// Sorted by name. What cannot be read is left out: these directories belong to other programs.
std::vector<StoredModel> stored_models(const Settings& settings);

/// The path of a model by name. Errors: kNotFound: says how to get it; kInvalidArgument: several
/// files suit it (lists them).
Result<std::string> find_stored(const Reference& reference, const Settings& settings);

/// Removes a model, and what no other model of its store uses. Returns the bytes that were freed.
/// Errors: as find_stored(); kIo.
Result<uint64_t> remove_stored(const Reference& reference, const Settings& settings);

// Where things lie.
std::string hf_repository_path(const Reference& reference, const Settings& settings);
std::string ollama_manifest_path(const Reference& reference, const Settings& settings);
/// `digest`: "sha256:..." with 64 hex digits, checked.
Result<std::string> ollama_blob_path(const std::string& digest, const Settings& settings);
/// Where the file of a plain address goes.
Result<std::string> own_path(const Reference& reference, const Settings& settings);

}  // namespace whet::hub
