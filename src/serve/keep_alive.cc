#include "serve/keep_alive.h"

#include <cmath>

namespace whet::serve {

std::optional<ServedModels::Seconds> read_keep_alive(Fields& fields) {
  using Seconds = ServedModels::Seconds;
  const Json* json = fields.value("keep_alive");
  if (json == nullptr) return std::nullopt;
  if (json->is_number() && std::abs(json->get<double>()) < 1e9) {
    // Half a second is no order to unload at once.
    return Seconds(static_cast<int64_t>(std::ceil(json->get<double>())));
  }
  if (json->is_string()) {
    std::string text = json->get<std::string>();
    const bool negative = text.starts_with('-');
    if (negative) text.erase(0, 1);
    double total = 0, number = 0;
    bool digits = false, good = !text.empty();
    double scale = 1;
    for (size_t i = 0; i < text.size() && good; ++i) {
      const char c = text[i];
      if (c >= '0' && c <= '9') {
        digits = true;
        number = scale == 1 ? number * 10 + (c - '0') : number + (c - '0') * scale;
        if (scale < 1) scale /= 10;
        continue;
      }
      if (c == '.' && scale == 1) {
        scale = 0.1;
        continue;
      }
      const bool is_ms = c == 'm' && i + 1 < text.size() && text[i + 1] == 's';
      const double unit = is_ms ? 0.001 : c == 'h' ? 3600 : c == 'm' ? 60 : c == 's' ? 1 : 0;
      good = digits && unit > 0;
      total += number * unit;
      number = 0;
      scale = 1;
      digits = false;
      if (is_ms) ++i;
    }
    if (good && !digits)
      return Seconds(static_cast<int64_t>(negative ? -total - 1 : std::ceil(total)));
  }
  fields.fail("keep_alive", "a duration such as \"5m\", or seconds");
  return std::nullopt;
}

}  // namespace whet::serve
