// whet adapt vocab mine: the phrases of a domain, and how many tokens they would save.
#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "cli/model_flags.h"
#include "cli/model_source.h"
#include "cli/prompt_input.h"
#include "cli/terminal.h"
#include "sys/pending_file.h"
#include "token/phrase_vocabulary.h"
#include "vocab/corpus.h"
#include "vocab/phrase_piece.h"
#include "vocab/phrase_table.h"

namespace whet {
namespace {

// Of so many texts one is kept apart, to measure on.
constexpr size_t kHeldOut = 10;

struct AdaptVocabFlags {
  std::string model, out, phrases;
  std::vector<std::string> files;
  vocab::MiningOptions mining;
  uint64_t size = 1000, most_tokens = 4;
};

/// Texts that the phrases are mined in, and those that they have not seen.
struct Texts {
  vocab::Corpus seen, unseen;
};

/// One file: its parts between empty lines in turn; several: whole files in turn.
Result<Texts> read_texts(const AdaptVocabFlags& options, const Tokenizer& tokenizer) {
  std::vector<std::string> texts;
  for (const std::string& file : options.files) {
    WHET_TRY(std::string text, read_stream(file, kMaxTextBytes));
    texts.push_back(std::move(text));
  }
  if (texts.size() < kHeldOut) {
    std::vector<std::string> parts;
    for (const std::string& text : texts) {
      for (size_t begin = 0; begin < text.size();) {
        const size_t gap = text.find("\n\n", begin);
        const size_t end = gap == text.npos ? text.size() : gap + 2;
        parts.push_back(text.substr(begin, end - begin));
        begin = end;
      }
    }
    texts = std::move(parts);
  }
  Texts read;
  for (size_t i = 0; i < texts.size(); ++i) {
    vocab::Corpus& corpus = i % kHeldOut == kHeldOut - 1 ? read.unseen : read.seen;
    WHET_TRY_STATUS(vocab::add_text(corpus, texts[i], tokenizer));
  }
  if (read.unseen.lines.empty()) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("-f: expected {} or more texts, files or parts between empty lines, "
                             "to keep one in {} apart; found {}",
                             kHeldOut, kHeldOut, texts.size()));
  }
  return read;
}

void print_saving(const char* name, const vocab::Corpus& corpus,
                  const PhraseVocabulary& vocabulary) {
  int64_t n_saved = 0;
  for (const vocab::Ids& line : corpus.lines) {
    n_saved += static_cast<int64_t>(line.size() - vocabulary.segment(line).size());
  }
  const auto before = static_cast<double>(corpus.n_tokens);
  const auto after = static_cast<double>(corpus.n_tokens - n_saved);
  fmt::print(
      "{:<8} {:>12} bytes  {:>10} tokens -> {:>10}: {:.1f} % saved, {:.2f} -> {:.2f} bytes "
      "per token\n",
      name, corpus.n_bytes, corpus.n_tokens, corpus.n_tokens - n_saved,
      100 * static_cast<double>(n_saved) / before, static_cast<double>(corpus.n_bytes) / before,
      static_cast<double>(corpus.n_bytes) / after);
}

int run_adapt_vocab(const AdaptVocabFlags& given) {
  AdaptVocabFlags options = given;
  options.mining.n_phrases = options.size;
  options.mining.most_tokens = options.most_tokens;
  const auto tokenizer = load_named_tokenizer(options.model);
  if (!tokenizer.ok()) return fail(tokenizer.error());
  auto texts = read_texts(options, **tokenizer);
  if (!texts.ok()) return fail(texts.error());
  options.mining.admits = vocab::admit_new_pieces(**tokenizer);
  auto fingerprint = vocab::vocabulary_fingerprint(**tokenizer);
  if (!fingerprint.ok()) return fail(fingerprint.error());
  vocab::PhraseTable table{(*tokenizer)->vocab_size(), *fingerprint,
                           vocab::mine_phrases(texts->seen.lines, options.mining)};
  std::vector<vocab::Ids> phrases;
  for (const vocab::Phrase& phrase : table.phrases) phrases.push_back(phrase.ids);
  const auto vocabulary = PhraseVocabulary::create(table.n_base, std::move(phrases));
  if (!vocabulary.ok()) return fail(vocabulary.error());
  fmt::print("{} phrases of 2 to {} tokens\n", table.phrases.size(), options.mining.most_tokens);
  print_saving("mined in", texts->seen, *vocabulary);
  print_saving("unseen", texts->unseen, *vocabulary);
  if (!options.out.empty()) {
    const Status written =
        write_file_atomically(options.out, vocab::phrase_table_json(table, **tokenizer));
    if (!written.ok()) return fail(written.error());
  }
  if (!options.phrases.empty()) {
    std::string lines;
    for (const vocab::Phrase& phrase : table.phrases) {
      const std::string text = (*tokenizer)->decode(phrase.ids, true, false);
      const std::string line = text.substr(0, text.find('\n'));
      if (!line.empty()) lines += line + "\n";
    }
    const Status written = write_file_atomically(options.phrases, lines);
    if (!written.ok()) return fail(written.error());
  }
  return 0;
}

}  // namespace

Command make_adapt_vocab_mine_command() {
  auto options = std::make_shared<AdaptVocabFlags>();
  Command command("adapt vocab mine", "Find phrases of a domain that would be tokens of their own");
  command.add("MODEL,-m,--model", &options->model, kModelHelp).required();
  command.add("-f,--file", &options->files, "text of the domain; may be repeated (- = stdin)")
      .required()
      .value_name("FILE");
  command.add("--size", &options->size, "most phrases").between(1, 1e6);
  command.add("--most-tokens", &options->most_tokens, "of a phrase").between(2, 16);
  command
      .add("--least-count", &options->mining.least_count,
           "places in which a phrase must stand at least")
      .between(2, 1e9);
  command.add("-o,--out", &options->out, "the table: ids, texts and counts, as JSON")
      .value_name("FILE");
  command
      .add("--phrases", &options->phrases,
           "the phrases as lines of text, for --spec-phrase-file of run, serve and bench")
      .value_name("FILE");
  command.footer(
      "One in ten texts is kept apart, to measure on. What phrases save is of tokens that a model\n"
      "would have to be trained on; as --spec-phrase-file they save steps without any training.\n");
  command.action([options] { return run_adapt_vocab(*options); });
  return command;
}

}  // namespace whet
