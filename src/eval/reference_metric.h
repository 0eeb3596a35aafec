// Reference metrics: how alike a text is to texts that people wrote. They measure likeness, not
// truth, and are reported under their own names.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whet::eval {

struct MetricValue {
  std::string name;
  double value;  // 0 to 1
};
using MetricValues = std::vector<MetricValue>;

/// "squad", "rouge", "bleu", "chrf".
bool is_metric(std::string_view name);

/// The values of `metric` for `text`, each the best over the references (bleu: all of them at
/// once): squad: "exact_match" and "f1", as SQuAD's own script; rouge: "rouge1", "rouge2",
/// "rougeL", F measures as rouge_score's without stemming; bleu: "bleu" of one sentence as
/// sacrebleu's (13a tokens, exponential smoothing, effective order); chrf: "chrf2" of one sentence
/// as sacrebleu's. Empty for an unknown metric.
MetricValues reference_metrics(std::string_view metric, std::string_view text,
                               std::span<const std::string> references);

}  // namespace whet::eval
