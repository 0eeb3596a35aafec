#include <algorithm>

#include "report/result_panels.h"
#include "report/text.h"

namespace whet::report {

constexpr int kNameColumns = 24;  // longest name in a margin

std::vector<std::string> row_names(const Report& doc) {
  std::vector<std::string> names;
  for (const StrategyResult& s : doc.strategies) names.push_back(s.title());
  return truncate_names(names, kNameColumns);
}

double name_margin(const std::vector<std::string>& names) {
  double widest = 40;
  for (const std::string& name : names) widest = std::max(widest, text_width(name, 11));
  return widest + 14;
}

void row_name(Panel& panel, double y, const std::string& name) {
  panel.text(panel.plot().left - 8, y, name, {kMuted, 11, false, Align::kRight});
}

}  // namespace whet::report
