#include "generator/speculation_counts.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace whet {
namespace {

int64_t sum(const std::vector<int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

void add_each(std::vector<int64_t>& to, const std::vector<int64_t>& from) {
  to.resize(std::max(to.size(), from.size()), 0);
  for (size_t i = 0; i < from.size(); ++i) to[i] += from[i];
}

void count_first(std::vector<int64_t>& counts, int64_t n) {
  const auto size = static_cast<size_t>(n);
  if (counts.size() < size) counts.resize(size, 0);
  for (size_t i = 0; i < size; ++i) ++counts[i];
}

}  // namespace

std::string_view draft_source_name(DraftSource source) {
  switch (source) {
    case DraftSource::kNgram:
      return "ngram";
    case DraftSource::kSession:
      return "session";
    case DraftSource::kPhrase:
      return "phrase";
    case DraftSource::kModel:
      return "draft";
  }
  WHET_UNREACHABLE();
}

int64_t DraftCounts::n_drafted() const {
  return sum(drafted_at);
}

int64_t DraftCounts::n_accepted() const {
  return sum(accepted_at);
}

void SpeculationCounts::add(const SpeculationCounts& other) {
  for (size_t i = 0; i < of.size(); ++i) {
    of[i].n_drafts += other.of[i].n_drafts;
    add_each(of[i].drafted_at, other.of[i].drafted_at);
    add_each(of[i].accepted_at, other.of[i].accepted_at);
  }
  add_each(steps_of_rows, other.steps_of_rows);
  draft_ns += other.draft_ns;
}

void SpeculationCounts::note_draft(DraftSource source, int64_t n_drafted, int64_t n_accepted) {
  DraftCounts& counts = of[static_cast<size_t>(source)];
  ++counts.n_drafts;
  count_first(counts.drafted_at, n_drafted);
  count_first(counts.accepted_at, n_accepted);
  counts.accepted_at.resize(counts.drafted_at.size(), 0);
}

void SpeculationCounts::note_step(int64_t n_rows) {
  const auto at = static_cast<size_t>(n_rows);
  if (steps_of_rows.size() <= at) steps_of_rows.resize(at + 1, 0);
  ++steps_of_rows[at];
}

int64_t SpeculationCounts::n_steps() const {
  return sum(steps_of_rows);
}

int64_t SpeculationCounts::n_drafted() const {
  int64_t n = 0;
  for (const DraftCounts& counts : of) n += counts.n_drafted();
  return n;
}

int64_t SpeculationCounts::n_accepted() const {
  int64_t n = 0;
  for (const DraftCounts& counts : of) n += counts.n_accepted();
  return n;
}

}  // namespace whet
