// The words of Hugging Face's files that describe a model: the inverse of model_description.h.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "load/loaded_model.h"

namespace whet {

/// Files beside the weights, by name.
using SideFiles = std::map<std::string, std::string, std::less<>>;

/// Of a SafeTensors model its own files, as they are. Of a GGUF model config.json, tokenizer.json
/// or tokenizer.model, tokenizer_config.json, generation_config.json and the chat template, of
/// which whet makes the same model again: the configuration says all that the GGUF file's keys say,
/// and the tokenizer gives the same ids on texts where tokenizers differ. Errors: an architecture
/// other than llama, qwen2, qwen3, gemma2 and gemma3, or a key that config.json has no word for; a
/// tokenizer other than BPE of bytes or SentencePiece's, or one that gives other ids.
Result<SideFiles> describe_as_hugging_face(const LoadedModel& model);

}  // namespace whet
