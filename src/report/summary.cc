#include "report/summary.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/text.h"

namespace whet::report {
namespace {

Cell number(std::string text) {
  return {std::move(text), true};
}

std::optional<Estimate> estimate_of(const std::optional<Difference>& difference) {
  if (!difference) return std::nullopt;
  return difference->estimate;
}

std::string whole(std::optional<double> value) {
  return value ? format_count(static_cast<int64_t>(*value + 0.5)) : std::string(kMissing);
}

std::string gibibytes(std::optional<int64_t> bytes) {
  if (!bytes) return std::string(kMissing);
  return fmt::format("{:.2f}", static_cast<double>(*bytes) / (1 << 30));
}

const FamilyResult* find_family(const StrategyResult& strategy, const std::string& family) {
  for (const auto& result : strategy.families)
    if (result.family == family) return &result;
  return nullptr;
}

std::string ratios(const std::optional<Estimate>& geometric_mean,
                   const std::optional<Estimate>& of_totals) {
  std::string text = format_ratio(geometric_mean, false);
  if (of_totals) text += " / " + format_ratio(of_totals, false);
  return text;
}

std::string plural(size_t n, const char* one, const char* many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

/// "Self-consistency (+0.11 [+0.06, +0.16] for 2.30×)".
std::string with_numbers(const StrategyResult& s) {
  std::string text = s.title();
  std::string numbers;
  if (s.difference_to_baseline) numbers = format_difference(s.difference_to_baseline->estimate);
  if (s.cost_ratio_time) {
    numbers += (numbers.empty() ? "" : " accuracy for ") + format_ratio(s.cost_ratio_time, false) +
               " the time";
  }
  return numbers.empty() ? text : text + " (" + numbers + ")";
}

std::string list(const std::vector<const StrategyResult*>& strategies, bool numbers) {
  std::string text;
  for (size_t i = 0; i < strategies.size(); ++i) {
    if (i > 0) text += i + 1 == strategies.size() ? " and " : ", ";
    text += numbers ? with_numbers(*strategies[i]) : strategies[i]->title();
  }
  return text;
}

}  // namespace

std::string verdict_text(const StrategyResult& s) {
  if (s.kind == StrategyKind::kBaseline) return "baseline";
  if (s.kind == StrategyKind::kControl) return "control";
  if (!s.verdict) return std::string(kMissing);
  switch (s.verdict->label) {
    case VerdictLabel::kPays:
      return "pays";
    case VerdictLabel::kDoesNotPay:
      return "does not pay";
    case VerdictLabel::kNoDifference:
      return "no difference";
    case VerdictLabel::kCannotTell:
      return "cannot tell";
  }
  WHET_UNREACHABLE();
}

Table comparison_table(const Report& doc) {
  const std::string level = doc.design.level ? fmt::format("[{:.3g} %]", *doc.design.level * 100)
                                             : std::string("[interval]");
  Table table;
  table.columns = {{"Strategy", ""},
                   {"Accuracy", level},
                   {"Over baseline", level},
                   {"Over same time", level, 2},
                   {"Time", "geo. / total"},
                   {"Median", "s", 3},
                   {"Tokens", "per task", 4},
                   {"Tokens", "geo. / total", 5},
                   {"p95", "s", 6},
                   {"Peak", "GiB", 7},
                   {"Verdict", ""}};
  for (const auto& s : doc.strategies) {
    if (s.kind == StrategyKind::kControl) continue;
    const auto median = s.latency_s ? std::optional(s.latency_s->median.value) : std::nullopt;
    const auto p95 = s.latency_s ? s.latency_s->p95 : std::nullopt;
    const auto difference = [](const std::optional<Difference>& of) {
      return number(format_difference(estimate_of(of)));
    };
    Cell accuracy = number(format_accuracy(s.accuracy));
    accuracy.brief = accuracy.text.substr(0, accuracy.text.find(' '));
    table.rows.push_back({{{s.title()},
                           accuracy,
                           difference(s.difference_to_baseline),
                           difference(s.difference_to_control),
                           number(ratios(s.cost_ratio_time, s.total_ratio_time)),
                           number(format_number(median)),
                           number(whole(s.completion_tokens.per_task)),
                           number(ratios(s.cost_ratio_tokens, s.total_ratio_tokens)),
                           number(format_number(p95)),
                           number(gibibytes(s.peak_rss_bytes)),
                           {verdict_text(s)}},
                          &s});
  }
  return table;
}

std::string table_legend(const Report& doc) {
  const bool has_controls =
      std::any_of(doc.strategies.begin(), doc.strategies.end(),
                  [](const auto& s) { return s.kind == StrategyKind::kControl; });
  std::string text =
      "Brackets: values that the data do not rule out. Time: this strategy's over the baseline's, "
      "as "
      "geometric mean of the tasks' ratios / as ratio of the totals (what you wait). Tokens per "
      "task "
      "are those of the answers; their ratio counts prompts too.";
  if (std::any_of(doc.strategies.begin(), doc.strategies.end(),
                  [](const auto& s) { return !s.against.empty(); })) {
    text += " A row X/STRATEGY is over the row X, the baseline there.";
  }
  if (has_controls && doc.design.control == "vote-same-time") {
    text +=
        " Same time: a vote of as many samples of the baseline as end in one batch in the time "
        "that the strategy took; one always ends, so it may take a little longer.";
  } else if (has_controls) {
    text +=
        " Same time: the baseline, asked again for as long as the strategy took, the surest answer "
        "kept; its first answer always ends, so it may take a little longer.";
  }
  return text;
}

Table family_table(const Report& doc) {
  Table table;
  table.columns.push_back({"Strategy", ""});
  for (const auto& family : doc.families) {
    std::optional<int64_t> n_tasks;
    for (const auto& s : doc.strategies)
      if (const auto* result = find_family(s, family); result && result->n_tasks)
        n_tasks = std::max(n_tasks.value_or(0), *result->n_tasks);
    table.columns.push_back({family, n_tasks ? "n = " + format_count(n_tasks) : ""});
  }
  for (const auto& s : doc.strategies) {
    if (s.kind == StrategyKind::kControl) continue;
    Table::Row row{{{s.title()}}, &s};
    for (const auto& family : doc.families) {
      const auto* result = find_family(s, family);
      row.cells.push_back(number(format_accuracy(result ? result->accuracy : std::nullopt)));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::vector<std::string> headline(const Report& doc) {
  std::vector<const StrategyResult*> pays, does_not, no_difference, cannot_tell;
  for (const auto& s : doc.strategies) {
    if (!s.verdict) continue;
    (s.verdict->label == VerdictLabel::kPays           ? pays
     : s.verdict->label == VerdictLabel::kDoesNotPay   ? does_not
     : s.verdict->label == VerdictLabel::kNoDifference ? no_difference
                                                       : cannot_tell)
        .push_back(&s);
  }
  const size_t n = pays.size() + does_not.size() + no_difference.size() + cannot_tell.size();
  if (n == 0) return {"No strategy was compared with the baseline."};
  std::vector<std::string> sentences;
  if (pays.empty()) {
    sentences.push_back(cannot_tell.empty() ? "No strategy pays here."
                                            : "No strategy is shown to pay here.");
  } else {
    sentences.push_back(fmt::format("{} of {} {}: {}.", pays.size(),
                                    plural(n, "strategy", "strategies"),
                                    pays.size() == 1 ? "pays" : "pay", list(pays, true)));
  }
  if (!does_not.empty())
    sentences.push_back(list(does_not, false) + (does_not.size() == 1 ? " does" : " do") +
                        " not pay.");
  if (!no_difference.empty())
    sentences.push_back(list(no_difference, false) +
                        (no_difference.size() == 1 ? " makes" : " make") + " no difference.");
  if (!cannot_tell.empty())
    sentences.push_back("For " + list(cannot_tell, false) + " these data cannot tell.");
  return sentences;
}

std::string setting(const Report& doc) {
  std::string text;
  auto add = [&](const std::string& part) {
    if (!part.empty()) text += (text.empty() ? "" : "; ") + part;
  };
  if (doc.tasks.n_tasks) {
    std::string n = format_count(doc.tasks.n_tasks) + " tasks";
    if (!doc.seeds.empty()) n += " \u00d7 " + plural(doc.seeds.size(), "seed", "seeds");
    add(n);
  }
  if (!doc.model.name.empty()) add("model " + doc.model.name);
  if (!doc.machine.cpu.empty()) add("on " + doc.machine.cpu);
  return text;
}

namespace {

/// Remarks in the order of their first row, each with the rows that it holds for.
using Remarks = std::vector<std::pair<std::string, std::vector<std::string>>>;

void add_remark(Remarks& remarks, const std::string& label, std::string text) {
  for (auto& [known, labels] : remarks) {
    if (known == text) return labels.push_back(label);
  }
  remarks.push_back({std::move(text), {label}});
}

/// One line a remark. `where_rows_differ` is said only of remarks that do not hold for all rows.
void append_remarks(std::vector<std::string>& lines, const Remarks& remarks, size_t n_rows,
                    std::string_view where_rows_differ) {
  for (const auto& [text, labels] : remarks) {
    const bool all = labels.size() == n_rows && n_rows > 1;
    std::string line = all ? "All rows" : fmt::format("{}", fmt::join(labels, ", "));
    line += ": " + text;
    if (!all) line += where_rows_differ;
    if (!line.ends_with('.')) line += '.';
    lines.push_back(std::move(line));
  }
}

}  // namespace

std::vector<std::string> warnings(const Report& doc) {
  std::vector<std::string> lines;
  if (!doc.status.complete) {
    lines.push_back(
        fmt::format("The run is not complete: {} of {} runs{}.", format_count(doc.status.n_done),
                    format_count(doc.status.n_planned),
                    doc.status.stop_reason.empty() ? "" : " (" + doc.status.stop_reason + ")"));
  }
  for (const auto& note : doc.notes) lines.push_back(one_line(note));
  Remarks not_graded;
  for (const auto& s : doc.strategies) {
    if (s.n_not_graded.value_or(0) == 0) continue;
    std::string reasons;
    for (const auto& [reason, count] : s.not_graded)
      reasons += (reasons.empty() ? "" : "; ") + reason + ", " + format_count(count);
    add_remark(not_graded, s.title(),
               fmt::format("{} of {} runs could not be graded{}.", format_count(s.n_not_graded),
                           format_count(s.n_runs), reasons.empty() ? "" : " (" + reasons + ")"));
  }
  append_remarks(lines, not_graded, doc.strategies.size(), "");
  return lines;
}

namespace {

/// Whether more seeds or more tasks would narrow the intervals of gains.
std::string spread_line(const Report& doc) {
  std::string shares;
  for (const auto& s : doc.strategies) {
    if (s.kind != StrategyKind::kStrategy || !s.spread) continue;
    shares += fmt::format("{}{} {:.0f} %", shares.empty() ? "" : "; ", s.title(),
                          100 * s.spread->seeds_share);
  }
  if (shares.empty()) return "";
  return "Share of a gain's uncertainty that more seeds could take away (the rest needs more "
         "tasks): " +
         shares + ".";
}

/// Whether the wordings are what a gain hangs on.
std::string wordings_line(const Report& doc) {
  std::string parts;
  for (const auto& s : doc.strategies) {
    if (s.kind == StrategyKind::kControl || !s.spread || !s.spread->between_wordings) continue;
    const auto& of = *s.spread;
    parts +=
        fmt::format("{}{} {:.2f}, {:.2f}, {:.2f}, {:.2f} and {:.0f} %", parts.empty() ? "" : "; ",
                    s.title(), *of.between_wordings, of.wordings_by_task.value_or(0),
                    of.between_tasks, of.between_seeds, 100 * of.wordings_share.value_or(0));
  }
  if (parts.empty()) return "";
  return "Standard deviation of a run's gain (the baseline: outcome) between wordings, in how a "
         "task takes to a wording, between tasks and between seeds, and share of the mean's "
         "uncertainty that more wordings could take away: " +
         parts + ".";
}

/// What it cost to draw tasks together.
std::string design_effect_line(const Report& doc) {
  std::string effects;
  for (const auto& s : doc.strategies) {
    if (s.kind == StrategyKind::kControl || !s.design_effect) continue;
    effects += fmt::format("{}{} {:.2f}", effects.empty() ? "" : "; ", s.title(), *s.design_effect);
  }
  if (effects.empty()) return "";
  return "Design effect of tasks that are drawn together (variance of the gain, or of the "
         "baseline's accuracy, over what as many tasks of their own would have given): " +
         effects + ".";
}

std::string per_correct_line(const Report& doc) {
  std::string costs;
  for (const auto& s : doc.strategies) {
    if (s.kind == StrategyKind::kControl || !s.per_correct) continue;
    costs +=
        fmt::format("{}{} {} tokens, {} s, {} token-seconds", costs.empty() ? "" : "; ", s.title(),
                    whole(s.per_correct->tokens), format_number(s.per_correct->seconds),
                    whole(s.per_correct->token_seconds));
  }
  return costs.empty() ? "" : "Cost of a right answer: " + costs + ".";
}

}  // namespace

std::vector<std::string> remarks(const Report& doc) {
  std::vector<std::string> lines;
  Remarks coverage;
  for (const auto& s : doc.strategies) {
    if (!s.n_tasks || !doc.tasks.n_tasks || *s.n_tasks >= *doc.tasks.n_tasks) continue;
    add_remark(coverage, s.title(),
               fmt::format("accuracy is over {} of {} tasks", format_count(s.n_tasks),
                           format_count(doc.tasks.n_tasks)));
  }
  append_remarks(lines, coverage, doc.strategies.size(),
                 ", so compare its difference, which is paired on the same tasks, and not its "
                 "accuracy");
  std::string lenient, fell_back, skipped;
  for (const auto& s : doc.strategies) {
    if (s.n_strict && s.n_correct && *s.n_strict < *s.n_correct) {
      lenient += fmt::format("{}{} {} of {}", lenient.empty() ? "" : "; ", s.title(),
                             format_count(*s.n_correct - *s.n_strict), format_count(s.n_correct));
    }
    if (s.n_fell_back.value_or(0) > 0) {
      fell_back += fmt::format("{}{} {} of {}", fell_back.empty() ? "" : "; ", s.title(),
                               format_count(s.n_fell_back), format_count(s.n_runs));
    }
  }
  for (const auto& s : doc.strategies) {
    if (s.n_skipped.value_or(0) > 0) {
      skipped += fmt::format("{}{} {} of {}", skipped.empty() ? "" : "; ", s.title(),
                             format_count(s.n_skipped), format_count(s.n_runs));
    }
  }
  if (!skipped.empty())
    lines.push_back(
        "Runs in which a later stage was left out, as a rule because its prompt had outgrown the "
        "context: " +
        skipped + ".");
  if (!lenient.empty())
    lines.push_back("Counted as correct although the answer was not marked as asked: " + lenient +
                    ".");
  if (!fell_back.empty())
    lines.push_back("Runs in which no candidate was eligible: " + fell_back + ".");
  if (auto line = spread_line(doc); !line.empty()) lines.push_back(std::move(line));
  if (auto line = wordings_line(doc); !line.empty()) lines.push_back(std::move(line));
  if (auto line = design_effect_line(doc); !line.empty()) lines.push_back(std::move(line));
  if (auto line = per_correct_line(doc); !line.empty()) lines.push_back(std::move(line));
  std::string alike;
  for (const auto& s : doc.strategies) {
    if (s.reference_metrics.empty()) continue;
    alike += (alike.empty() ? "" : "; ") + s.title();
    for (const auto& m : s.reference_metrics) {
      alike += fmt::format(" {} {}", m.metric, format_accuracy(m.mean));
    }
  }
  if (!alike.empty())
    lines.push_back("Likeness to references, which judges nothing: " + alike + ".");
  return lines;
}

std::string command_line(const Report& doc) {
  std::string line;
  for (const auto& word : doc.command) line += (line.empty() ? "" : " ") + shell_quote(word);
  return line;
}

}  // namespace whet::report
