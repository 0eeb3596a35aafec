// What the commands that write a model look at before and after.
#pragma once

#include <filesystem>
#include <string>

#include "formats/model_file.h"

namespace whet {

/// The file of the model that writing to `output` would replace, by whatever name or link it is
/// reached; "" if none. All of a SafeTensors directory belongs to the model but the GGUF files that
/// were written into it.
std::string input_behind(const std::filesystem::path& output, const ModelFile& model);

/// Tells the user what the GGUF file says in words of whet's own, so that nobody is surprised
/// elsewhere.
void note_whet_keys(const std::string& path);

}  // namespace whet
