// What each variant of whet compare buys, beside what the report of an evaluation says: text per
// time, length of answers and tokens of prompts, all against the base on the same questions.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "results/document.h"
#include "stats/estimate.h"

namespace whet::report {

/// Bytes over the runs of a row: the most, and the mean of what each run had at most.
struct RunBytes {
  uint64_t peak = 0;
  double mean = 0;
};

struct TechniqueRow {
  std::string name;
  /// Against the baseline; none for it.
  std::optional<stats::Estimate> characters_per_second, answer_characters, prompt_tokens,
      completion_tokens, time, kv_bytes;
  double mean_characters_per_second = 0;  // characters of all answers / time of all runs
  /// Committed for keys and values of a run.
  std::optional<RunBytes> kv;
  /// Resident in the process: of all models that it holds, since they take turns in one.
  std::optional<RunBytes> process;
  /// Of the model's weights, and of copies of them that the row alone needs.
  std::optional<uint64_t> weight_bytes;
  std::optional<double> bits_per_byte, bits_per_byte_error;  // and its standard error
  std::optional<stats::Estimate> accuracy;                   // of graded answers
};

/// Of the rows of the document, in their order. Characters are code points of answers.
std::vector<TechniqueRow> technique_rows(const results::Document& document);

/// What is said of each row, under a title.
struct TechniqueColumn {
  std::string title, unit;         // "KV peak", "MB"; the unit may be empty
  std::vector<std::string> cells;  // as many as rows, "–" where nothing was measured
  /// Of what is written and how fast, else of what it costs: bits, right answers, memory.
  bool is_of_text;
};
std::vector<TechniqueColumn> technique_columns(const std::vector<TechniqueRow>& rows);
/// What the columns mean, for under them.
std::string technique_legend();

/// Aligned columns for a terminal of so many: one table where they fit, else several under each
/// other, each with the names.
std::string technique_table(const std::vector<TechniqueRow>& rows, int width);
nlohmann::ordered_json technique_json(const std::vector<TechniqueRow>& rows);
std::string technique_csv(const std::vector<TechniqueRow>& rows);

/// What technique_json() wrote; nobody vouches for it. Errors: kInvalidArgument.
Result<std::vector<TechniqueRow>> techniques_from_json(const nlohmann::ordered_json& json);
/// Of compare.json beside the document at `path` (its file or its directory); none where it is the
/// result of another command and there is no such file. Errors: kIo, kInvalidArgument.
Result<std::vector<TechniqueRow>> load_techniques(const std::string& path);

}  // namespace whet::report
