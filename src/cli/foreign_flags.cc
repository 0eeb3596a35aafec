#include "cli/foreign_flags.h"

#include <algorithm>

namespace whet {
namespace {

constexpr std::string_view kNoGpu = "whet computes on the CPU only; leave it out";
constexpr std::string_view kLayersNote = "no GPU here, all layers run on the CPU";
constexpr std::string_view kDownload =
    "whet pull hf:USER/REPO[:QUANT] downloads a model; then give -m hf:USER/REPO[:QUANT]";
constexpr std::string_view kChat = "whet run without a prompt chats; leave it out";
constexpr std::string_view kDraft =
    "commands that generate propose tokens ahead by themselves; see --spec-type";
constexpr std::string_view kSamplers =
    "whet samples with --temp, --top-k, --top-p, --min-p and penalties, in llama.cpp's order";
constexpr std::string_view kEscapes =
    "whet takes a prompt as it is written; for escapes use -p \"$(printf 'a\\nb')\"";
constexpr std::string_view kFused = "attention never stores its matrix here, whatever this says";
constexpr std::string_view kMap = "weights are mapped unless --no-mmap is given";

constexpr ForeignFlag kForeignFlags[] = {
    {"-ngl", kLayersNote, true, true},
    {"--gpu-layers", kLayersNote, true, true},
    {"--n-gpu-layers", kLayersNote, true, true},
    {"-fa", kFused, true, true},
    {"--flash-attn", kFused, true, true},
    {"--jinja", "chat templates are always Jinja here", true},
    {"--no-display-prompt", "the prompt is never printed here", true},
    {"--no-perf", "timings are printed with --verbose only", true},
    {"--no-escape", "a prompt is taken as it is written here", true},
    {"-dev", kNoGpu},
    {"--device", kNoGpu},
    {"-sm", kNoGpu},
    {"--split-mode", kNoGpu},
    {"-ts", kNoGpu},
    {"--tensor-split", kNoGpu},
    {"-mg", kNoGpu},
    {"--main-gpu", kNoGpu},
    {"-nkvo", kNoGpu},
    {"--no-kv-offload", kNoGpu},
    {"-ot", kNoGpu},
    {"-hf", kDownload},
    {"-hfr", kDownload},
    {"--hf-repo", kDownload},
    {"-hff", kDownload},
    {"--hf-file", kDownload},
    {"-mu", kDownload},
    {"--model-url", kDownload},
    {"-cnv", kChat},
    {"--conversation", kChat},
    {"-i", kChat},
    {"--interactive", kChat},
    {"-if", kChat},
    {"--interactive-first", kChat},
    {"-st", "whet run with a prompt answers it and ends; leave it out"},
    {"--single-turn", "whet run with a prompt answers it and ends; leave it out"},
    {"-md", kDraft},
    {"--model-draft", kDraft},
    {"--draft", kDraft},
    {"--draft-max", kDraft},
    {"--draft-min", kDraft},
    {"-mmp", kMap},
    {"--mmap", kMap},
    {"--mlock", "whet does not lock memory; --no-mmap copies the weights to it"},
    {"-tb", "one number of threads serves prompt and decoding: -t"},
    {"--threads-batch", "one number of threads serves prompt and decoding: -t"},
    {"-ub", "-b is the number of tokens in one forward pass"},
    {"--ubatch-size", "-b is the number of tokens in one forward pass"},
    {"-C", "whet uses the CPUs of its affinity mask; set that with taskset"},
    {"--cpu-mask", "whet uses the CPUs of its affinity mask; set that with taskset"},
    {"--numa", "whet has no placement by memory node; use numactl"},
    {"-e", kEscapes},
    {"--escape", kEscapes},
    {"--samplers", kSamplers},
    {"--typical", kSamplers},
    {"--mirostat", kSamplers},
    {"--xtc-probability", kSamplers},
    {"--dry-multiplier", kSamplers},
    {"--dynatemp-range", kSamplers},
    {"--top-nsigma", kSamplers},
    {"--lora", "whet applies no adapters; merge it into the model first"},
};

}  // namespace

const ForeignFlag* find_foreign_flag(std::string_view argument) {
  const auto* found = std::find_if(std::begin(kForeignFlags), std::end(kForeignFlags),
                                   [&](const ForeignFlag& f) { return f.name == argument; });
  return found != std::end(kForeignFlags) ? found : nullptr;
}

}  // namespace whet
