// Pickle checkpoints run code when they are loaded, so they are recognised only to be refused.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace whet {

/// A name that PyTorch gives to its checkpoints: .bin, .pt, .pth, .ckpt, .pkl.
bool has_pickle_extension(std::string_view path);
/// A file that begins like a pickle or like PyTorch's zip archive of pickles.
bool looks_like_pickle(std::string_view head);
/// Names the file and asks for the SafeTensors version.
Error pickle_refusal(std::string_view path);

}  // namespace whet
