// Targets for what a downloaded model holds: containers, tokenizers, templates.
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "formats/gguf_reader.h"
#include "formats/safetensors_reader.h"
#include "formats/shard_index.h"
#include "jinja/chat_template.h"
#include "sys/file_bytes.h"
#include "targets.h"
#include "token/sentencepiece_model.h"
#include "token/tokenizer_factory.h"
#include "token/tokenizer_json.h"

namespace whet::fuzz {
namespace {

constexpr std::string_view kText = "Ana's 3 apples,\n\tZ\u00fcrich \xff\xfe <s> 12345";

/// What any tokenizer promises.
void use(const Tokenizer& tokenizer) {
  const auto ids = tokenizer.encode(kText, {.add_special = true, .parse_special = true});
  if (!ids.ok()) return;
  for (const TokenId id : *ids) WHET_CHECK(id >= 0 && id < tokenizer.vocab_size());
  tokenizer.decode(*ids, true, true);
}

void use(const ModelFile& file) {
  for (const TensorEntry& tensor : file.tensors) {
    WHET_CHECK(!tensor.bytes.empty() && tensor.file_index < file.files.size());
    const auto bytes = file.files[tensor.file_index]->bytes();
    WHET_CHECK(tensor.bytes.data() >= bytes.data() &&
               tensor.bytes.data() + tensor.bytes.size() <= bytes.data() + bytes.size());
  }
  const auto tokenizer = make_tokenizer(file);
  if (tokenizer.ok()) use(**tokenizer);
}

std::shared_ptr<const FileBytes> bytes_of(std::string_view input) {
  auto memory = FileBytes::allocate(input.size(), "fuzz");
  WHET_CHECK(memory.ok());
  std::memcpy((*memory)->writable_bytes().data(), input.data(), input.size());
  return *memory;
}

}  // namespace

void read_gguf_file(std::string_view input) {
  if (input.empty()) return;
  const auto file = read_gguf("fuzz.gguf", bytes_of(input));
  if (file.ok()) use(*file);
}

void read_safetensors(std::string_view input) {
  if (input.empty()) return;
  const auto file = read_safetensors_file("fuzz.safetensors", bytes_of(input));
  if (file.ok()) use(*file);
}

void read_shard_index(std::string_view input) {
  (void)parse_shard_index(input);
}

void read_tokenizer_json(std::string_view input) {
  const auto tokenizer = make_json_tokenizer(input, {});
  if (tokenizer.ok()) use(**tokenizer);
}

void read_sentencepiece(std::string_view input) {
  const auto tokenizer = make_sentencepiece_tokenizer(input, {});
  if (tokenizer.ok()) use(**tokenizer);
}

void render_template(std::string_view input) {
  const auto compiled = jinja::ChatTemplate::compile(std::string(input));
  if (!compiled.ok()) return;
  jinja::ChatTemplate::Options options;
  options.local_time = std::tm{};
  (void)compiled->render({{.role = "system", .content = "Be brief."},
                          {.role = "user", .content = "Hi {{ x }} <s>"},
                          {.role = "assistant", .content = "Yes."},
                          {.role = "user", .content = "Why?"}},
                         options);
}

}  // namespace whet::fuzz
