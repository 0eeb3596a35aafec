// whet adapt vocab apply: a copy of a model with the phrases of a table as tokens.
#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "cli/model_flags.h"
#include "cli/model_source.h"
#include "cli/prompt_input.h"
#include "cli/quantize_output.h"
#include "cli/terminal.h"
#include "vocab/adapted_model.h"
#include "vocab/phrase_table.h"

namespace whet {
namespace {

constexpr uint64_t kMaxTableBytes = uint64_t{1} << 28;

struct AdaptVocabApplyFlags {
  std::string model, table, out;
  std::string init = "mean";
};

Result<vocab::AdaptedModel> apply_phrases(const AdaptVocabApplyFlags& options,
                                          const LoadedModel& model) {
  WHET_TRY_STATUS(refuse_input_as_output(options.out, model.file));
  WHET_TRY(const std::string text, read_stream(options.table, kMaxTableBytes));
  WHET_TRY(const vocab::PhraseTable table,
           vocab::parse_phrase_table(text, *model.tokenizer).with_context(options.table));
  std::vector<vocab::Ids> runs;
  for (const vocab::Phrase& phrase : table.phrases) runs.push_back(phrase.ids);
  WHET_TRY(const PhraseVocabulary phrases,
           PhraseVocabulary::create(table.n_base, std::move(runs)).with_context(options.table));
  const auto rows =
      options.init == "mean" ? vocab::PhraseRows::kMean : vocab::PhraseRows::kExponential;
  return vocab::write_adapted_model(model, phrases, rows, options.out);
}

int run_adapt_vocab_apply(const AdaptVocabApplyFlags& options) {
  const auto model = load_named_model(options.model);
  if (!model.ok()) return fail(model.error());
  const auto made = apply_phrases(options, *model);
  if (!made.ok()) return fail(made.error());
  const int32_t n_base = model->tokenizer->vocab_size();
  fmt::print("{}: {} tokens, {} of them phrases; {:.1f} MB of weights more{}\n", options.out,
             made->n_tokens, made->n_tokens - n_base, static_cast<double>(made->added_bytes) * 1e-6,
             made->untied ? ", a head of its own among them" : "");
  print_note(
      "the new rows are untrained: the model writes worse than before until they are tuned "
      "(docs/vocabulary.md)");
  return 0;
}

}  // namespace

Command make_adapt_vocab_apply_command() {
  auto options = std::make_shared<AdaptVocabApplyFlags>();
  Command command("adapt vocab apply", "Write a copy of a model with phrases as tokens of its own");
  command.add("MODEL,-m,--model", &options->model, kModelHelp).required();
  command.add("--table", &options->table, "the phrases, from whet adapt vocab mine")
      .required()
      .value_name("FILE");
  command.add("-o,--out", &options->out, "GGUF file to write (replaced if it exists)")
      .required()
      .value_name("FILE");
  command
      .add("--init", &options->init,
           "rows of a phrase, from those of its tokens: their mean, or exp: weights that lean to "
           "the "
           "last token in the embedding and to the first in the head, which a tied model then gets")
      .one_of({"mean", "exp"});
  command.footer(
      "llama.cpp runs the copy too: it reads text as tokens of the base and writes phrases out as\n"
      "their text.\n");
  command.action([options] { return run_adapt_vocab_apply(*options); });
  return command;
}

}  // namespace whet
