#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/model_source.h"
#include "cli/model_type.h"
#include "cli/quantize_output.h"
#include "cli/terminal.h"
#include "quantize/model_converter.h"
#include "quantize/model_quantizer.h"
#include "sys/json_text.h"
#include "sys/machine.h"

namespace whet {
namespace {

constexpr const char *kGguf = "gguf", *kSafeTensors = "safetensors", *kMlx = "mlx";

struct ConvertFlags {
  std::string input, output, to, type;
  int bits = 0, group = 64, threads = 0;
  bool verbose = false, json = false;
};

Error bad(std::string message) {
  return Error(ErrorCode::kInvalidArgument, std::move(message));
}

/// By --to, or by the output's name where it ends in .gguf.
Result<std::string> target_of(const ConvertFlags& options) {
  const bool named = std::filesystem::path(options.output).extension() == ".gguf";
  if (options.to.empty() && named) return std::string(kGguf);
  if (options.to.empty()) {
    return bad(
        fmt::format("--to: expected {}, {} or {} for an output that does not end in .gguf, "
                    "found none",
                    kGguf, kSafeTensors, kMlx));
  }
  return options.to;
}

Result<ConvertOptions> convert_options(const ConvertFlags& options, const std::string& target) {
  ConvertOptions convert;
  convert.mlx = target == kMlx;
  if (!options.type.empty()) {
    convert.floats = options.type == "f16"    ? DType::F16
                     : options.type == "bf16" ? DType::BF16
                                              : DType::F32;
  }
  if (options.bits == 0) return convert;
  convert.quantise = AffineForm{options.bits, options.group};
  if (!convert.mlx) return bad("--bits: only with --to mlx");
  if (convert.floats) return bad("--bits: not with --type, which makes floats");
  if (is_affine_form(*convert.quantise)) return convert;
  return bad(
      fmt::format("--bits and --group-size: expected 2, 3, 4, 5, 6 or 8 bits and groups of "
                  "32, 64 or 128, found {} and {}",
                  options.bits, options.group));
}

/// The report of either writer.
std::vector<ConvertedTensor> as_converted(const std::vector<QuantizedTensor>& tensors) {
  std::vector<ConvertedTensor> all;
  for (const QuantizedTensor& t : tensors) {
    all.push_back({t.name, std::string(dtype_info(t.from).name), std::string(dtype_info(t.to).name),
                   t.shape, t.n_bytes, t.relative_error});
  }
  return all;
}

void print_conversion(const ConvertFlags& options, const std::string& target,
                      const std::vector<ConvertedTensor>& tensors) {
  uint64_t n_bytes = 0;
  size_t n_changed = 0;
  for (const ConvertedTensor& t : tensors) {
    n_bytes += t.n_bytes;
    if (t.relative_error > 0) ++n_changed;
  }
  if (options.json) {
    auto list = nlohmann::ordered_json::array();
    for (const ConvertedTensor& t : tensors) {
      list.push_back({{"name", t.name},
                      {"shape", t.shape},
                      {"from", t.from},
                      {"to", t.to},
                      {"bytes", t.n_bytes},
                      {"relative_error", t.relative_error}});
    }
    const nlohmann::ordered_json document{{"input", options.input}, {"output", options.output},
                                          {"container", target},    {"bytes", n_bytes},
                                          {"changed", n_changed},   {"tensors", std::move(list)}};
    fmt::print("{}\n", json_text(document, 2));
    return;
  }
  for (const ConvertedTensor& t : tensors) {
    if (!options.verbose) break;
    fmt::print("{:<44} {:>6} -> {:<24} {:.6f}\n", t.name, t.from, t.to, t.relative_error);
  }
  const std::string loss =
      n_changed == 0 ? "every weight as it was" : fmt::format("{} tensors rounded", n_changed);
  fmt::print("{}: {}, {} tensors, {:.1f} MB, {}\n", options.output, target, tensors.size(),
             static_cast<double>(n_bytes) * 1e-6, loss);
}

/// Matrices that --bits left as they were: rows that are no whole groups have no codes.
void note_unquantised(const ConvertFlags& options, const std::vector<ConvertedTensor>& tensors) {
  if (options.bits == 0) return;
  size_t n_kept = 0, n_all = 0;
  std::string first;
  for (const ConvertedTensor& t : tensors) {
    if (t.shape.size() < 2) continue;
    ++n_all;
    if (!t.to.starts_with("F") && !t.to.starts_with("BF")) continue;
    if (n_kept++ == 0) first = fmt::format("{} has rows of {}", t.name, t.shape.back());
  }
  if (n_kept == 0) return;
  print_note(fmt::format("{} of {} matrices stay floats: their rows are no whole groups of {} ({})",
                         n_kept, n_all, options.group, first));
}

int run_convert(const ConvertFlags& options) {
  const auto target = target_of(options);
  if (!target.ok()) return fail(target.error());
  const auto convert = convert_options(options, *target);
  if (!convert.ok()) return fail(convert.error());
  const auto model = load_named_model(options.input);
  if (!model.ok()) return fail(model.error());
  if (const Status free = refuse_input_as_output(options.output, model->file); !free.ok()) {
    return fail(free.error());
  }
  ThreadPool pool(options.threads > 0 ? options.threads : cpu_limits().usable_threads());
  WeightProgress progress("convert");
  const auto on_weights = [&](uint64_t done, uint64_t total) { progress.update(done, total); };
  std::vector<ConvertedTensor> tensors;
  std::optional<Error> error;
  if (*target == kGguf) {
    std::optional<TypeMixture> mixture;
    if (!options.type.empty()) {
      const auto chosen = type_mixture(options.type);
      if (!chosen.ok()) return fail(chosen.error());
      mixture = *chosen;
    }
    const auto written = quantize_model(*model, mixture, options.output, {.allow_requantize = true},
                                        pool, on_weights, &interrupt_flag());
    if (written.ok()) {
      tensors = as_converted(*written);
    } else {
      error = written.error();
    }
  } else {
    auto written =
        convert_model(*model, options.output, *convert, pool, on_weights, &interrupt_flag());
    if (written.ok()) {
      tensors = std::move(*written);
    } else {
      error = written.error();
    }
  }
  progress.finish();
  if (error) return fail(*error);
  if (*target == kGguf) note_whet_keys(options.output);
  note_unquantised(options, tensors);
  print_conversion(options, *target, tensors);
  return 0;
}

}  // namespace

Command make_convert_command() {
  auto options = std::make_shared<ConvertFlags>();
  Command command("convert", "Write a model in another container, without loss where types allow");
  command.add("INPUT", &options->input, kModelHelp).required();
  command.add("OUTPUT", &options->output, "GGUF file, or directory of SafeTensors or MLX")
      .required();
  command.add("--to", &options->to, "container of the output (a name that ends in .gguf says it)")
      .one_of({kGguf, kSafeTensors, kMlx})
      .value_name("CONTAINER");
  command
      .add("--type", &options->type,
           "make every weight a float of this type, also those that are codes now")
      .one_of({"f32", "f16", "bf16"})
      .any_case();
  command.add("--bits", &options->bits, "with --to mlx: quantise floats to so many bits (0 = keep)")
      .between(0, 8);
  command.add("--group-size", &options->group, "weights that share a scale with --bits")
      .between(32, 128);
  command.add("-t,--threads", &options->threads, "threads (0 = as many as this process may use)")
      .between(0, kMaxThreads);
  command.add("-v,--verbose", &options->verbose, "print each tensor and its relative error");
  command.add("--json", &options->json, "print one JSON object instead");
  command.action([options] { return run_convert(*options); });
  return command;
}

}  // namespace whet
