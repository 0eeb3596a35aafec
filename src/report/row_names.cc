#include <algorithm>

#include "report/result_panels.h"
#include "report/text.h"

namespace whet::report {

constexpr int kNameColumns = 24;  // longest name in a margin

double name_margin(const Report& doc) {
  double widest = 40;
  for (const auto& s : doc.strategies)
    widest = std::max(widest, text_width(truncate_name(s.title(), kNameColumns), 11));
  return widest + 14;
}

void row_name(Panel& panel, double y, const StrategyResult& s) {
  panel.text(panel.plot().left - 8, y, truncate_name(s.title(), kNameColumns),
             {kMuted, 11, false, Align::kRight});
}

}  // namespace whet::report
