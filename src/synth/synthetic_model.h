// A valid GGUF file of a given shape with seeded random weights: for benchmarks without a download.
// Its text is noise and its tokenizer made up; speed and memory are those of the real model.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "generator/generator.h"
#include "quantize/type_mixture.h"
#include "synth/model_shape.h"

namespace whet {

/// Writes `path`; memory does not grow with the model. The same arguments give the same bytes.
/// `on_bytes(done, total)` is told of the tensor data written. Errors: a bad shape, cancelled, what
/// the operating system refused; then there is no file at `path`.
Status write_synthetic_model(const std::string& path, const ModelShape& shape,
                             const TypeMixture& mixture, uint64_t seed,
                             const std::function<void(uint64_t done, uint64_t total)>& on_bytes,
                             const CancelFlag* cancel);

}  // namespace whet
