// Metadata values as GGUF bytes: the mirror of gguf_metadata.h. Refuses what does not fit.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "formats/model_file.h"

namespace whet {

template <typename T>
void append_number(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

/// Length (u64) and bytes.
void append_string(std::string& out, std::string_view text);

/// Type number and value; see GgufWriter::add_meta for the choice of the width.
/// Errors: kInvalidArgument where the value and `stored_as` disagree or the value does not fit.
Status append_meta_value(std::string& out, const MetaValue& value);

}  // namespace whet
