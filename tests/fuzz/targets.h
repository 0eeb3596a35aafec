// Fuzz targets: what must hold for every input, however hostile. A broken promise aborts.
#pragma once

#include <string_view>

namespace whet::fuzz {

/// A reply of a model, through every kind of grading that needs no sandbox. The first byte chooses
/// the task.
void grade_reply(std::string_view input);

/// A task file; where it is accepted, its tasks keep what docs/tasks.md promises of them.
void read_task_file(std::string_view input);

/// A grammar, pattern or schema up to the first NUL; behind it a text for it to read. What a
/// schema's grammar matches is valid.
void compile_gbnf(std::string_view input);
void compile_regex(std::string_view input);
void compile_json_schema(std::string_view input);

/// A model's files up to the weights: a GGUF file; config.json up to the first NUL, behind it
/// model.safetensors; the index of shards. What opens has a tokenizer that encodes within its
/// vocabulary and as many layers as its configuration says.
void open_gguf(std::string_view input);
void open_safetensors(std::string_view input);
void read_shard_index(std::string_view input);
/// Of a tokenizer: tokenizer.json, tokenizer.model.
void read_tokenizer_json(std::string_view input);
void read_sentencepiece(std::string_view input);
/// An importance matrix, GGUF or .dat; what is accepted gives positive weights.
void read_importance_matrix(std::string_view input);
/// A chat template, on a conversation with tools.
void render_template(std::string_view input);

}  // namespace whet::fuzz
