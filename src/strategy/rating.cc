#include "strategy/rating.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "eval/answer.h"

namespace whet::strategy {
namespace {

struct Figure {
  size_t begin;
  size_t end;
  double value;
};

std::vector<Figure> figures_of(std::string_view text) {
  std::vector<Figure> figures;
  for (size_t at = 0; at < text.size();) {
    if (!std::isdigit(static_cast<unsigned char>(text[at]))) {
      ++at;
      continue;
    }
    double value = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), value,
                                              std::chars_format::fixed);
    const auto stop = static_cast<size_t>(end - text.data());
    const bool is_negative = at > 0 && text[at - 1] == '-' &&
                             (at == 1 || !std::isalnum(static_cast<unsigned char>(text[at - 2])));
    if (error == std::errc()) figures.push_back({at, stop, is_negative ? -value : value});
    at = std::max(stop, at + 1);
  }
  return figures;
}

/// Whether what lies between two figures says "of": "8/10", "8 out of 10".
bool says_of(std::string_view between) {
  std::string bare;
  for (char c : between) {
    if (c != ' ' && c != '*') bare.push_back(c);
  }
  return bare == "/" || bare == "outof" || bare == "of";
}

}  // namespace

std::optional<double> read_rating(std::string_view text, double best) {
  const std::string low = lowered(text);
  std::vector<Figure> figures = figures_of(low);
  std::optional<double> share;
  std::vector<Figure> alone;
  for (size_t i = 0; i < figures.size(); ++i) {
    const bool has_next = i + 1 < figures.size();
    if (has_next && says_of(std::string_view(low).substr(figures[i].end,
                                                         figures[i + 1].begin - figures[i].end))) {
      const double full = figures[i + 1].value;
      if (full <= 0 || figures[i].value < 0 || figures[i].value > full) return std::nullopt;
      share = figures[i].value / full;  // the last one counts
      ++i;
      continue;
    }
    alone.push_back(figures[i]);
  }
  if (share) return share;
  const size_t mark = std::max(low.rfind("score") + 1, low.rfind("rating") + 1);
  if (mark > 0) {
    std::erase_if(alone, [&](const Figure& figure) { return figure.begin < mark; });
    if (alone.size() > 1) alone.resize(1);
  }
  if (alone.size() != 1 || alone[0].value < 0 || alone[0].value > best) return std::nullopt;
  return alone[0].value / best;
}

std::optional<size_t> read_pick(std::string_view text, size_t n) {
  const std::string low = lowered(text);
  const std::vector<Figure> figures = figures_of(low);
  const auto index_of = [&](const Figure& figure) -> std::optional<size_t> {
    const double whole = figure.value;
    if (whole < 1 || whole > static_cast<double>(n)) return std::nullopt;
    const auto number = static_cast<size_t>(whole);
    return static_cast<double>(number) == whole ? std::optional(number - 1) : std::nullopt;
  };
  size_t mark = 0;
  for (std::string_view word : {"best", "pick", "choose", "answer"}) {
    mark = std::max(mark, low.rfind(word) + 1);  // npos + 1 is 0
  }
  if (mark > 0) {
    for (const Figure& figure : figures) {
      if (figure.begin >= mark) return index_of(figure);
    }
  }
  std::optional<size_t> only;
  for (const Figure& figure : figures) {
    const auto index = index_of(figure);
    if (!index || (only && *only != *index)) return std::nullopt;
    only = index;
  }
  return only;
}

}  // namespace whet::strategy
