#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "base/check.h"
#include "formats/model_file.h"
#include "formats/shard_index.h"
#include "jinja/chat_template.h"
#include "load/model_config_reader.h"
#include "load/quantised_weights.h"
#include "load/weight_binder.h"
#include "targets.h"
#include "token/tokenizer_factory.h"

namespace whet::fuzz {
namespace {

namespace fs = std::filesystem;

/// A file of memory alone, by the path under which this process sees it.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content) : fd_(memfd_create("fuzz", MFD_CLOEXEC)) {
    WHET_CHECK(fd_ >= 0);
    WHET_CHECK(write(fd_, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
  }
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

/// A directory that this process fills anew for each input.
const fs::path& directory() {
  static const fs::path path = [] {
    std::string name = (fs::temp_directory_path() / "whet-fuzz-XXXXXX").string();
    WHET_CHECK(mkdtemp(name.data()) != nullptr);
    static const std::string made = name;
    std::atexit([] { fs::remove_all(made); });
    return fs::path(made);
  }();
  return path;
}

void write_file(const char* name, std::string_view content) {
  std::ofstream(directory() / name, std::ios::binary) << content;
}

void use(const Tokenizer& tokenizer) {
  for (const std::string_view text :
       {"", " Hello, W\xc3\xb6rld!  12345\n\n", "<s>\xff\xe6\xb0\xb4"}) {
    const auto ids = tokenizer.encode(std::string(text), {});
    if (!ids.ok()) continue;
    for (const TokenId id : *ids) WHET_CHECK(id >= 0 && id < tokenizer.vocab_size());
    tokenizer.decode(*ids, true, true);
  }
}

/// All that opening does before a weight is read.
void use(Result<ModelFile> file) {
  if (!file.ok()) {
    WHET_CHECK(!file.error().message().empty());
    return;
  }
  const auto tokenizer = make_tokenizer(*file);
  if (tokenizer.ok()) use(**tokenizer);
  ThreadPool pool(1);
  std::vector<std::string> notes;
  if (!repack_quantised_weights(*file, pool, notes).ok()) return;
  const auto config = read_model_config(*file);
  if (!config.ok()) return;
  const auto weights = bind_weights(*file, *config);
  WHET_CHECK(!weights.ok() || weights->layers.size() == config->layers.size());
}

void use_tokenizer_file(const char* name, std::string_view content) {
  ModelFile file;
  file.container = ModelFile::Container::kSafeTensors;
  file.side_files[name] = std::string(content);
  const auto tokenizer = make_tokenizer(file);
  if (tokenizer.ok()) use(**tokenizer);
}

}  // namespace

void open_gguf(std::string_view input) {
  if (input.empty()) return;
  const MemoryFile file(input);
  use(open_model_file(file.path()));
}

void open_safetensors(std::string_view input) {
  const size_t first = input.find('\0');
  if (first == input.npos) return;
  write_file("config.json", input.substr(0, first));
  write_file("model.safetensors", input.substr(first + 1));
  use(open_model_file(directory().string()));
}

void read_shard_index(std::string_view input) {
  const auto index = parse_shard_index(input);
  if (!index.ok()) return;
  for (const auto& [tensor, shard] : *index) {
    WHET_CHECK(!shard.empty() && shard.find('/') == shard.npos);
  }
}

void read_tokenizer_json(std::string_view input) {
  use_tokenizer_file("tokenizer.json", input);
}

void read_sentencepiece(std::string_view input) {
  use_tokenizer_file("tokenizer.model", input);
}

void render_template(std::string_view input) {
  const auto compiled = jinja::ChatTemplate::compile(std::string(input));
  if (!compiled.ok()) return;
  Conversation conversation;
  conversation.messages = {{"system", "Be brief."}, {"user", "Hi <think>x</think>"}};
  conversation.messages.push_back({.role = "assistant",
                                   .content = "",
                                   .reasoning = "why",
                                   .tool_calls = {{"call00001", "f", R"({"a": [1, 2.5]})"}}});
  conversation.messages.push_back(
      {.role = "tool", .content = "7", .tool_call_id = "call00001", .name = "f"});
  conversation.tools =
      R"([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}])";
  jinja::ChatTemplate::Options options;
  options.bos_token = "<s>";
  options.limits.max_work = 200'000;
  const auto parts = compiled->render(conversation, options, [](std::string_view) {
    return std::vector<std::pair<size_t, size_t>>();
  });
  WHET_CHECK(parts.ok() || !parts.error().message().empty());
}

}  // namespace whet::fuzz
