#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/model_source.h"
#include "cli/quantize_output.h"
#include "cli/terminal.h"
#include "quantize/model_quantizer.h"
#include "sys/json_text.h"
#include "sys/machine.h"

namespace whet {
namespace {

struct QuantizeFlags {
  std::string input, output, type;
  int threads = 0;
  QuantizeOptions quantize;
  std::string importance_file;
  bool verbose = false;
  bool json = false;
};

std::string shape_text(const QuantizedTensor& tensor) {
  return fmt::format("{}", fmt::join(tensor.shape, " x "));
}

void print_tensors(const std::vector<QuantizedTensor>& tensors) {
  fmt::print("{:<32} {:>16} {:>6} {:>6} {:>12}\n", "tensor", "shape", "from", "to", "rel. error");
  for (const QuantizedTensor& t : tensors) {
    fmt::print("{:<32} {:>16} {:>6} {:>6} {:>12.6f}\n", t.name, shape_text(t),
               dtype_info(t.from).name, dtype_info(t.to).name, t.relative_error);
  }
}

nlohmann::ordered_json to_json(const QuantizeFlags& options,
                               const std::vector<QuantizedTensor>& tensors, uint64_t n_weights,
                               uint64_t n_bytes) {
  auto list = nlohmann::ordered_json::array();
  for (const QuantizedTensor& t : tensors) {
    list.push_back({{"name", t.name},
                    {"shape", t.shape},
                    {"from", dtype_info(t.from).name},
                    {"to", dtype_info(t.to).name},
                    {"bytes", t.n_bytes},
                    {"relative_error", t.relative_error},
                    {"imatrix", t.weighed}});
  }
  return {{"input", options.input}, {"output", options.output}, {"type", options.type},
          {"weights", n_weights},   {"bytes", n_bytes},         {"tensors", std::move(list)}};
}

/// What the matrix did not know, for the user to judge.
void note_unweighed(const std::vector<QuantizedTensor>& tensors) {
  const std::vector<std::string> names = tensors_without_importance(tensors);
  if (names.empty()) return;
  print_note(
      fmt::format("the importance matrix has nothing of {} tensor{}, whose weights count "
                  "alike: {}",
                  names.size(), names.size() == 1 ? "" : "s", fmt::join(names, ", ")));
}

int run_quantize(QuantizeFlags options) {
  auto mixture = type_mixture(options.type);
  if (!mixture.ok()) return fail(mixture.error());
  ImportanceMatrix importance;
  if (!options.importance_file.empty()) {
    auto read = read_importance_matrix(options.importance_file);
    if (!read.ok()) return fail(read.error());
    importance = std::move(*read);
    options.quantize.importance = &importance;
    options.quantize.importance_file = options.importance_file;
  }
  const auto model = load_named_model(options.input);
  if (!model.ok()) return fail(model.error());
  if (const Status free = refuse_input_as_output(options.output, model->file); !free.ok()) {
    return fail(free.error());
  }
  ThreadPool pool(options.threads > 0 ? options.threads : cpu_limits().usable_threads());
  WeightProgress progress("quantize");
  const auto on_weights = [&](uint64_t done, uint64_t total) { progress.update(done, total); };
  auto tensors = quantize_model(*model, *mixture, options.output, options.quantize, pool,
                                on_weights, &interrupt_flag());
  progress.finish();
  if (!tensors.ok()) return fail(tensors.error());
  note_whet_keys(options.output);
  if (options.quantize.importance != nullptr) note_unweighed(*tensors);
  uint64_t n_weights = 0, n_bytes = 0;
  for (const QuantizedTensor& t : *tensors) {
    uint64_t n = 1;
    for (uint64_t d : t.shape) n *= d;
    n_weights += n;
    n_bytes += t.n_bytes;
  }
  if (options.json) {
    fmt::print("{}\n", json_text(to_json(options, *tensors, n_weights, n_bytes), 2));
    return 0;
  }
  if (options.verbose) print_tensors(*tensors);
  fmt::print("{}: {:.1f} MB of {} weights, {:.2f} bits per weight\n", options.output,
             static_cast<double>(n_bytes) * 1e-6, options.type,
             8.0 * static_cast<double>(n_bytes) / static_cast<double>(n_weights));
  return 0;
}

}  // namespace

Command make_quantize_command() {
  auto options = std::make_shared<QuantizeFlags>();
  Command command("quantize", "Write a quantised GGUF copy of an F32, F16 or BF16 model");
  command.add("INPUT", &options->input, kModelHelp).required();
  command.add("OUTPUT", &options->output, "GGUF file to write (replaced if it exists)").required();
  command.add("TYPE", &options->type, "llama.cpp's name, in any case")
      .required()
      .any_case()
      .one_of(type_mixture_names());
  command.add("-t,--threads", &options->threads, "threads (0 = as many as this process may use)")
      .between(0, kMaxThreads);
  command.add("--allow-requantize", &options->quantize.allow_requantize,
              "accept an input that is quantised already");
  command
      .add("--imatrix", &options->importance_file,
           "importance matrix of whet imatrix or llama-imatrix: weights count as they matter")
      .value_name("FILE");
  command.add("-v,--verbose", &options->verbose, "print each tensor and its relative error");
  command.add("--json", &options->json, "print one JSON object instead");
  command.action([options] { return run_quantize(*options); });
  return command;
}

}  // namespace whet
