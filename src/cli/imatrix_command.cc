#include <fmt/format.h>

#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/model_source.h"
#include "cli/prompt_input.h"
#include "cli/quantize_output.h"
#include "cli/terminal.h"
#include "quantize/importance_collector.h"
#include "report/progress.h"
#include "sys/machine.h"

namespace whet {
namespace {

constexpr uint64_t kMaxCalibrationBytes = uint64_t{1} << 32;
constexpr int64_t kMostChunk = int64_t{1} << 20;  // tokens

struct ImatrixFlags {
  std::string model, file, output = "imatrix.gguf";
  ImportanceOptions importance;
  int threads = 0;
  bool parse_special = false;
};

Result<ImportanceMatrix> collect(const ImatrixFlags& options, const LoadedModel& model,
                                 const std::vector<int32_t>& tokens) {
  ThreadPool pool(options.threads > 0 ? options.threads : cpu_limits().usable_threads());
  std::optional<report::Progress> shown;
  const auto on_chunk = [&](int64_t done, int64_t total) {
    if (!shown) shown.emplace("chunks", total);
    shown->update(done);
  };
  WHET_TRY(ImportanceMatrix matrix, collect_importance(model, tokens, options.importance, pool,
                                                       on_chunk, &interrupt_flag()));
  if (shown) shown->finish();
  matrix.datasets = {options.file};
  return matrix;
}

/// Experts that the text never reached: nothing is known of their channels.
void note_unreached(const ImportanceMatrix& matrix) {
  int64_t n = 0, n_all = 0;
  std::string first;
  for (const auto& [name, channels] : matrix.tensors) {
    for (const double count : channels.counts) {
      ++n_all;
      if (count > 0) continue;
      if (n++ == 0) first = name;
    }
  }
  if (n == 0) return;
  print_warning(
      fmt::format("the text never reached {} of {} matrices ({} first): their channels will count "
                  "alike; a longer or more varied text helps",
                  n, n_all, first));
}

int run_imatrix(const ImatrixFlags& options) {
  auto text = read_stream(options.file, kMaxCalibrationBytes);
  if (!text.ok()) return fail(text.error());
  auto model = load_named_model(options.model);
  if (!model.ok()) return fail(model.error());
  if (const Status free = refuse_input_as_output(options.output, model->file); !free.ok()) {
    return fail(free.error());
  }
  auto tokens = model->tokenizer->encode(
      *text, {.add_special = true, .parse_special = options.parse_special});
  if (!tokens.ok()) return fail(tokens.error());
  const auto matrix = collect(options, *model, *tokens);
  if (!matrix.ok()) return fail(matrix.error());
  note_unreached(*matrix);
  const Status written = write_importance_matrix(*matrix, options.output);
  if (!written.ok()) return fail(written.error());
  const uint64_t n_read = matrix->n_chunks * matrix->chunk_size;
  fmt::print("{}: {} tensors over {} chunks of {} tokens ({} of {} tokens left out)\n",
             options.output, matrix->tensors.size(), matrix->n_chunks, matrix->chunk_size,
             tokens->size() - n_read, tokens->size());
  return 0;
}

}  // namespace

Command make_imatrix_command() {
  auto options = std::make_shared<ImatrixFlags>();
  Command command("imatrix", "Measure on a text which weights matter, for whet quantize --imatrix");
  command.add("MODEL,-m,--model", &options->model, kModelHelp).required();
  command.add("-f,--file", &options->file, "the text").required().value_name("FILE");
  command.add("-o,--output", &options->output, "GGUF file to write (replaced if it exists)")
      .value_name("FILE");
  command
      .add("-c,--ctx-size", &options->importance.chunk_size,
           "tokens of a chunk; each is read from an empty context")
      .between(1, static_cast<double>(kMostChunk));
  command.add("--chunks", &options->importance.n_chunks, "most chunks to read (-1 = all)")
      .at_least(-1);
  command.add("--process-output", &options->importance.head,
              "also of the matrix that makes the logits");
  command.add("--parse-special", &options->parse_special,
              "control tokens that the text spells are control tokens, as in a chat");
  command.add("-t,--threads", &options->threads, "threads (0 = as many as this process may use)")
      .between(0, kMaxThreads);
  command.action([options] { return run_imatrix(*options); });
  return command;
}

}  // namespace whet
