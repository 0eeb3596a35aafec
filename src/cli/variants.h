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
  std::string label;        // a file by its own name, "model=small-q8_0"; "" = the name
  std::string description;  // what differs from the base, files with their size
  std::unique_ptr<Engine> engine;
  /// A prompt that begins as an earlier one of this variant takes its keys and values.
  bool shares_prompts = false;
};

/// What --with takes: "vocab=FILE" and "model=FILE" run another model file; "larosa=FILE" too,
/// decoding sparse by the plan in it, or by another: "larosa=FILE:0.4", "larosa=FILE:wina:0.4";
/// "spec=TYPES" proposes tokens (--spec-type), also as "spec=phrase:FILE" and "spec=draft:MODEL";
/// "kv=TYPE" caches keys and values so; "kv=alias" maps those of a prompt that an earlier one began
/// with instead of computing them; "all" is all others in one, "all=FILE" with this model file in
/// place of the others'.
/// Errors: another form; two files for "all"; nothing for it; those of loading.
Result<std::vector<OpenedVariant>> open_variants(const ModelFlags& base,
                                                 const std::vector<std::string>& with);

inline constexpr const char* kVariantsHelp =
    "larosa=FILE[:PLAN], vocab=FILE, model=FILE, spec=TYPES, spec=phrase:FILE, spec=draft:MODEL, "
    "kv=TYPE, kv=alias, or all: these together (all=FILE where they are of several files); may be "
    "repeated";

}  // namespace whet
