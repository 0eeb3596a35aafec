// What each variant of whet compare buys, beside what the report of an evaluation says: text per
// time, length of answers and tokens of prompts, all against the base on the same questions.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "results/document.h"
#include "stats/estimate.h"

namespace whet {

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
  std::optional<double> bits_per_byte, bits_per_byte_error;
};

/// Of the rows of the document, in their order. Characters are code points of answers.
std::vector<TechniqueRow> technique_rows(const results::Document& document);

/// Aligned columns for a terminal of so many: one table where they fit, else several under each
/// other, each with the names.
std::string technique_table(const std::vector<TechniqueRow>& rows, int width);
nlohmann::ordered_json technique_json(const std::vector<TechniqueRow>& rows);
std::string technique_csv(const std::vector<TechniqueRow>& rows);

}  // namespace whet
