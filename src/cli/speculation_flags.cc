#include "cli/speculation_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

namespace whet {
namespace {

constexpr DraftSource kSources[] = {DraftSource::kNgram, DraftSource::kSession,
                                    DraftSource::kPhrase, DraftSource::kModel};

/// Also by the names of llama.cpp for what comes to the same.
std::optional<DraftSource> find_source(std::string_view name) {
  for (const DraftSource source : kSources) {
    if (name == draft_source_name(source)) return source;
  }
  if (name == "draft-simple") return DraftSource::kModel;
  for (const std::string_view ngram : {"ngram-simple", "ngram-map-k", "ngram-map-k4v"}) {
    if (name == ngram) return DraftSource::kNgram;
  }
  if (name == "ngram-mod" || name == "ngram-cache") return DraftSource::kSession;
  return std::nullopt;
}

}  // namespace

void SpeculationFlags::add_to(Command& command) {
  command.begin_group("Speculation (changes the speed, never the text)");
  command
      .add("--spec-type", &types,
           "what tokens are proposed from, a comma list: none, ngram (this text), session (earlier "
           "answers), phrase (--spec-phrase-file), draft (-md)")
      .value_name("TYPES")
      .default_text("all there is")
      .joined();
  command
      .add("-md,--model-draft,--spec-draft-model", &draft_model,
           "a small model that proposes tokens; of another vocabulary it reads and writes text")
      .value_name("MODEL");
  command
      .add("--spec-draft-head", &options.n_draft_head,
           "of the draft model's vocabulary, the first tokens that it may propose (0 = all)")
      .at_least(0);
  command
      .add("--spec-draft-sparsity", &draft_sparsity,
           "weights that the draft model skips, as --sparsity says: with -md the model itself, its "
           "sparse pass proposes and its dense one decides")
      .value_name("PLAN");
  command
      .add("--spec-draft-n-max,--n-draft,--draft-max", &options.n_max,
           "most tokens proposed at once; fewer are, or none, where more do not pay")
      .between(1, kMostDraftTokens);
  command.add("--spec-fixed", &fixed,
              "propose as many as there are, whether or not that pays (for comparisons)");
  command
      .add("--spec-draft-p-min,--draft-p-min", &options.p_min,
           "propose no token that is less likely than this to be drawn")
      .between(0, 1);
  command
      .add("--spec-phrase-file", &options.phrase_file,
           "text whose lines are proposed where the answer begins to repeat them")
      .value_name("FILE");
}

Result<SpeculationOptions> SpeculationFlags::resolve() const {
  SpeculationOptions resolved = options;
  resolved.adaptive = !fixed;
  if (no_session) resolved.sources[static_cast<size_t>(DraftSource::kSession)] = false;
  if (draft_sparsity != "off" && draft_model.empty()) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("--spec-draft-sparsity {}: expected -md too, the model that drafts",
                             draft_sparsity));
  }
  if (types.empty()) return resolved;
  resolved.sources = {};
  bool none = false;
  for (std::string_view rest = types;;) {
    const std::string_view name = rest.substr(0, rest.find(','));
    if (name == "none") {
      none = true;
    } else if (const auto source = find_source(name)) {
      resolved.sources[static_cast<size_t>(*source)] = true;
    } else {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("--spec-type: expected none or some of ngram, session, phrase, "
                               "draft, found \"{}\"",
                               name));
    }
    if (name.size() == rest.size()) break;
    rest.remove_prefix(name.size() + 1);
  }
  if (none && std::ranges::find(resolved.sources, true) != resolved.sources.end()) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("--spec-type: expected none alone, found \"{}\"", types));
  }
  if (no_session && resolved.uses(DraftSource::kSession)) {
    return Error(ErrorCode::kInvalidArgument,
                 "--spec-type session: not here, where a request is repeated: its second answer "
                 "would be proposed from the first");
  }
  if (resolved.uses(DraftSource::kPhrase) != !options.phrase_file.empty()) {
    return Error(
        ErrorCode::kInvalidArgument,
        options.phrase_file.empty()
            ? "--spec-type phrase: expected --spec-phrase-file too, which it reads"
            : fmt::format("--spec-phrase-file: expected phrase in --spec-type, found {}", types));
  }
  if (resolved.uses(DraftSource::kModel) != !draft_model.empty()) {
    return Error(
        ErrorCode::kInvalidArgument,
        draft_model.empty()
            ? "--spec-type draft: expected -md too, the model that drafts"
            : fmt::format("--model-draft: expected draft in --spec-type, found {}", types));
  }
  return resolved;
}

}  // namespace whet
