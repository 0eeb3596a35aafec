// The words of a report: one headline, the comparison table as text cells, and what to say about
// the run. All renderers take their words from here, so they agree.
#pragma once

#include <string>
#include <vector>

#include "report/report.h"

namespace whet::report {

struct Cell {
  std::string text;
  bool is_number = false;  // right-aligned
  std::string brief{};     // a shorter text for narrow places; "" = none
};

struct Table {
  struct Column {
    std::string name;
    std::string unit;  // second header line; may be empty
    int rank = 0;  // columns of the highest rank are left out first where width is short; 0 = never
  };
  struct Row {
    std::vector<Cell> cells;         // as many as columns
    const StrategyResult* strategy;  // whom the row is about
  };
  std::vector<Column> columns;
  std::vector<Row> rows;
};

/// One row per strategy: accuracy, gain over the baseline and over the same-time control, time,
/// tokens, memory, verdict. Controls have no rows of their own. The table points into `document`.
Table comparison_table(const Report& document);

/// Accuracy by family: strategies × families. A cell reads "0.58 [0.43, 0.73]".
Table family_table(const Report& document);

/// "2 of 6 strategies pay: ...", one sentence per outcome that occurs.
std::vector<std::string> headline(const Report& document);

/// What a reader must know before the numbers: unfinished run, notes of the document, ungraded
/// runs.
std::vector<std::string> warnings(const Report& document);

/// What explains single numbers: coverage, lenient grading, fallbacks.
std::vector<std::string> remarks(const Report& document);

/// What the columns of the comparison mean.
std::string table_legend(const Report& document);

/// "144 tasks × 3 seeds; model ...; machine ...".
std::string setting(const Report& document);

/// Short verdict for a table: "pays", "does not pay", "cannot tell"; "baseline", "control" for
/// rows that get none.
std::string verdict_text(const StrategyResult& strategy);

/// The command that made the document, as a shell line.
std::string command_line(const Report& document);

}  // namespace whet::report
