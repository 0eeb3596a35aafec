// The variants of whet compare: the base model with another file, speculation or cache.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/model_flags.h"
#include "engine/engine.h"

namespace whet {

struct OpenedVariant {
  std::string name;         // as given, "spec=ngram"
  std::string description;  // what differs from the base, files with their size
  std::unique_ptr<Engine> engine;
};

/// What --with takes: "vocab=FILE" and "model=FILE" run another model file;
/// "spec=TYPES" proposes tokens (--spec-type), also as "spec=phrase:FILE" and "spec=draft:MODEL";
/// "kv=TYPE" caches keys and values so; "all" is all others in one.
/// Errors: another form; two files for "all"; nothing for it; those of loading.
Result<std::vector<OpenedVariant>> open_variants(const ModelFlags& base,
                                                 const std::vector<std::string>& with);

inline constexpr const char* kVariantsHelp =
    "vocab=FILE, model=FILE, spec=TYPES, spec=phrase:FILE, spec=draft:MODEL, kv=TYPE, "
    "or all: these together; may be repeated";

}  // namespace whet
