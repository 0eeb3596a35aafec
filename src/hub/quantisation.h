// The quantisation that a GGUF file's name speaks of, and the parts of a split one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace whet::hub {

/// What a name without a quantisation means, where a repository has it.
inline constexpr std::string_view kDefaultQuantisation = "Q4_K_M";

/// "Q4_K_M" of "model-q4_k_m.gguf" or "model.Q4_K_M-00001-of-00002.gguf", in upper case; empty
/// where the name has none.
std::string quantisation_of(std::string_view file);

/// Of "name-00002-of-00003.gguf".
struct SplitPart {
  std::string stem;  // "name"
  int number = 0, n_parts = 0;
};
std::optional<SplitPart> split_part_of(std::string_view file);

/// Whether a GGUF file holds a language model, and no projector of pictures or importance matrix.
bool is_model_file(std::string_view file);

}  // namespace whet::hub
