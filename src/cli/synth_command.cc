#include <fmt/format.h>

#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "report/progress.h"
#include "synth/synthetic_model.h"

namespace whet {
namespace {

struct SynthFlags {
  std::string like, type = "q4_k_m", output, architecture;
  uint64_t seed = 1;
  std::optional<uint64_t> layers, width, heads, kv_heads, head_width, rope_dim, ffn, vocabulary,
      context;
  std::optional<double> rope_theta;
  bool tied_head = false;
};

Result<ModelShape> shape_of(const SynthFlags& o) {
  ModelShape shape{"model", 2, 256, 4, 4, 0, 704, 1024, 2048};
  if (!o.like.empty()) {
    WHET_TRY(shape, known_shape(o.like));
  }
  if (!o.architecture.empty() && o.architecture != shape.architecture) {
    // What the shape says of its own architecture's form does not carry over.
    shape.architecture = o.architecture;
    shape.rope_dim = 0;
    shape.tied_head = false;
  }
  if (o.layers) shape.n_layers = *o.layers;
  if (o.vocabulary) shape.vocab_size = *o.vocabulary;
  if (o.context) shape.context_length = *o.context;
  if (o.ffn) shape.ffn_dim = *o.ffn;
  if (o.rope_theta) shape.rope_theta = *o.rope_theta;
  shape.tied_head |= o.tied_head;
  if (o.width || o.heads) shape.head_dim = 0;
  if (o.width) shape.d_model = *o.width;
  if (o.heads) shape.n_heads = *o.heads;
  if (o.kv_heads) shape.n_kv_heads = *o.kv_heads;
  if (o.head_width) shape.head_dim = *o.head_width;
  if (o.rope_dim) shape.rope_dim = *o.rope_dim;
  if (shape.head_dim == 0) {
    if (shape.n_heads == 0 || shape.d_model % shape.n_heads != 0) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("width {} is not a multiple of {} heads; give --head-width",
                               shape.d_model, shape.n_heads));
    }
    shape.head_dim = shape.d_model / shape.n_heads;
  }
  WHET_TRY_STATUS(validate(shape));
  return shape;
}

int run_synth(const SynthFlags& options) {
  auto shape = shape_of(options);
  if (!shape.ok()) return fail(shape.error());
  auto mixture = type_mixture(options.type);
  if (!mixture.ok()) return fail(mixture.error());
  std::optional<report::Progress> shown;
  uint64_t total_bytes = 0;
  const auto on_bytes = [&](uint64_t done, uint64_t total) {
    total_bytes = total;
    if (!shown) shown.emplace("synth, MiB", static_cast<int64_t>(total >> 20));
    shown->update(static_cast<int64_t>(done >> 20));
  };
  Status written = write_synthetic_model(options.output, *shape, *mixture, options.seed, on_bytes,
                                         &interrupt_flag());
  if (shown) shown->finish();
  if (!written.ok()) return fail(written.error());
  fmt::print("{}: {:.1f} MB of random {} weights\n", options.output,
             static_cast<double>(total_bytes) * 1e-6, options.type);
  return 0;
}

}  // namespace

Command make_synth_command() {
  auto options = std::make_shared<SynthFlags>();
  Command command("synth",
                  "Write a model file of a known shape with random weights, for benchmarks");
  command.add("-o,--output", &options->output, "GGUF file to write (replaced if it exists)")
      .required()
      .value_name("FILE");
  command.add("--like", &options->like, "a known shape").one_of(known_shape_names());
  command.add("--type", &options->type, "mixture of types, by llama.cpp's name")
      .any_case()
      .one_of(type_mixture_names());
  command.add("-s,--seed", &options->seed, "seed of the weights");
  command
      .add("--architecture", &options->architecture,
           "llama, qwen2 (biases on queries, keys and values) or phi2 (LayerNorm, attention beside "
           "an FFN without gate, biases everywhere); default: the shape's own")
      .one_of({"llama", "qwen2", "phi2"});
  command.begin_group("Instead of the shape's own");
  command.add("--layers", &options->layers, "layers");
  command.add("--width", &options->width, "of the residual stream");
  command.add("--heads", &options->heads, "query heads");
  command.add("--kv-heads", &options->kv_heads, "key and value heads");
  command.add("--head-width", &options->head_width, "default: width / heads");
  command.add("--rope-dim", &options->rope_dim,
              "rotated elements of a head; default: all but where --like says otherwise");
  command.add("--ffn", &options->ffn, "width of the feed-forward layer");
  command.add("--vocabulary", &options->vocabulary, "tokens");
  command.add("-c,--context", &options->context, "longest context, in tokens");
  command.add("--rope-theta", &options->rope_theta, "base of the rotary frequencies");
  command.add("--tied-head", &options->tied_head, "the embedding is the head");
  command.action([options] { return run_synth(*options); });
  return command;
}

}  // namespace whet
