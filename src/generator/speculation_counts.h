// SpeculationCounts: what speculative decoding proposed for a request and what came of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace whet {

/// Where proposals come from, in order of cost.
enum class DraftSource {
  kNgram,    // what followed the same tokens earlier in this text
  kSession,  // the same in earlier texts of this process
  kPhrase,   // the same in a file
  kModel,    // a smaller model
};
inline constexpr size_t kDraftSources = 4;
/// "ngram", "session", "phrase", "draft": the spelling of --spec-type.
std::string_view draft_source_name(DraftSource source);

/// Of one source.
struct DraftCounts {
  int64_t n_drafts = 0;  // steps that verified a draft of it
  /// [i]: tokens proposed, and those drawn too, as the i-th of a draft. A proposal behind a wrong
  /// one counts as proposed.
  std::vector<int64_t> drafted_at, accepted_at;

  int64_t n_drafted() const;
  int64_t n_accepted() const;
};

struct SpeculationCounts {
  std::array<DraftCounts, kDraftSources> of{};
  /// [m]: decoding steps in which a completion had m rows, the last token's and its proposals'.
  std::vector<int64_t> steps_of_rows;
  int64_t draft_ns = 0;  // time in which drafts were made

  void add(const SpeculationCounts& other);
  /// One step: of `n_drafted` proposals the first `n_accepted` were drawn too.
  void note_draft(DraftSource source, int64_t n_drafted, int64_t n_accepted);
  void note_step(int64_t n_rows);
  int64_t n_steps() const;
  int64_t n_drafted() const;
  int64_t n_accepted() const;
};

}  // namespace whet
