// Flags that every command which runs a model shares.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/command.h"
#include "cli/remote_flags.h"
#include "cli/speculation_flags.h"
#include "engine/engine.h"

namespace whet {

/// What a model argument may be.
inline constexpr const char* kModelHelp =
    "GGUF file, SafeTensors file or directory, or a name that whet ls prints";
/// The same where another engine's model may answer too.
inline constexpr const char* kModelOrAddressHelp =
    "GGUF file, SafeTensors file or directory, or a name that whet ls prints; or "
    "http://HOST:PORT/v1#MODEL, ollama://HOST/MODEL";
/// Most threads that a flag asks for; 0 means as many as this process may use.
inline constexpr int kMaxThreads = 1024;

/// What a command does with a model, as far as that decides where weights should lie.
struct ModelUse {
  /// Long enough that a copy of the weights is soon forgotten: --repack is auto unless given.
  bool lives_long = false;
  /// Tokens of one step of decoding, at least: one of each sequence.
  int rows_per_step = 1;
};

/// Where the weights lie.
struct StorageFlags {
  bool no_mmap = false;
  std::string repack;  // empty: not given

  /// `repack_default`: what the help says that --repack is unless given.
  void add_to(Command& command, const char* repack_default);
  /// Says on stderr what auto chose, and where --repack found nothing to interleave.
  Result<LoadedModel> load(const std::string& model, int threads, const ModelUse& use) const;
};

/// How keys and values are cached.
struct CacheFlags {
  DType k = DType::F16, v = DType::F16;

  void add_to(Command& command);
  /// One type serves both: a kernel per pair of types would be four times the code.
  Result<DType> type() const;
};

/// What answers: our own engine or another one.
struct OpenedModel {
  std::unique_ptr<Generator> generator;
  Engine* engine = nullptr;  // null where another engine answers
};

struct ModelFlags {
  std::string model;
  std::string chat_template_file;
  EngineOptions engine;
  StorageFlags storage;
  ModelUse use;  // not a flag: what the command is about to do
  CacheFlags cache;
  SpeculationFlags speculation;
  std::string sparsity = "off";
  // Not flags: what sparsity is of, and whether tokens are proposed although rows that are verified
  // together round otherwise than a sparse row alone, so that the text may be another.
  SparseRows sparse_rows = SparseRows::kNone;
  bool drafts_beside_sparsity = false;

  void add_to(Command& command, const char* repack_default = "off");
  /// The flags of speculative decoding, of commands that generate.
  void add_speculation_to(Command& command);
  /// --sparsity, of rows as EngineOptions::sparse_rows says where it is given.
  void add_sparsity_to(Command& command, SparseRows rows);
  /// Those of how it runs, for a command that names its models itself.
  void add_engine_flags(Command& command, const char* repack_default = "off");
  /// Flags of other engines, for commands that open().
  void add_remote_to(Command& command);
  Result<std::unique_ptr<Engine>> load() const;
  /// A file, or another engine's model. Errors: a flag that only one of the two knows.
  Result<OpenedModel> open() const;

 private:
  RemoteFlags remote_;
  std::vector<const Flag*> local_flags_, remote_flags_;
};

/// --sparsity, of a local model.
const Flag& add_sparsity_flag(Command& command, std::string* plan);
/// What --sparsity says, to the model and to how it is run: `rows` are sparse. Where these are
/// those decoded, the weights that they meet are copied channel by channel.
Status apply_sparsity(const std::string& plan, SparseRows rows, LoadedModel& loaded,
                      EngineOptions& options);

/// "f16", "q8_0": the spelling of --cache-type-k.
std::string cache_type_name(DType type);

/// Says on stderr if requests may be longer than what the model was trained for.
void warn_of_untrained_context(const Engine& engine);

struct SamplingFlags {
  SamplingParams params;
  std::optional<uint64_t> seed;  // none: drawn
  std::vector<std::string> stop;

  /// What changes the distribution.
  void add_to(Command& command);
  /// Seed and stop strings.
  void add_run_flags(Command& command);
  /// The parameters, with a drawn seed where none was given.
  /// Errors: a parameter out of range, named.
  Result<SamplingParams> resolve() const;
};

}  // namespace whet
