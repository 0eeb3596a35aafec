// What the charts of a results document show, each in a panel.
#pragma once

#include "report/chart_panel.h"
#include "report/report.h"

namespace whet::report {

/// Accuracy over the ratio of time to the baseline's, with intervals.
void quality_panel(Panel& panel, const Report& doc);
/// Accuracy of every strategy in every family of tasks, as a table of shades.
void families_panel(Panel& panel, const Report& doc);
/// Horizontal bars, a row for each strategy.
void latency_panel(Panel& panel, const Report& doc);
void tokens_panel(Panel& panel, const Report& doc);
void memory_panel(Panel& panel, const Report& doc);

/// Names of the strategies for the left of a plot, cut so as to be told apart.
std::vector<std::string> row_names(const Report& doc);
/// Room that the names take there.
double name_margin(const std::vector<std::string>& names);
/// A name in that room, its vertical middle at y.
void row_name(Panel& panel, double y, const std::string& name);

}  // namespace whet::report
