#include "eval/reference_metric.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>

#include "base/ascii.h"

namespace whet::eval {
namespace {

using Words = std::vector<std::string>;
using Counts = std::map<std::vector<std::string_view>, int64_t>;

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

Words split_at_space(std::string_view text) {
  Words words;
  constexpr std::string_view kSpace = " \t\n\r\f\v";
  for (size_t at = text.find_first_not_of(kSpace); at != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(kSpace, at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = text.find_first_not_of(kSpace, end);
  }
  return words;
}

double f_measure(double overlap, double n_text, double n_reference) {
  if (overlap <= 0) return 0;
  const double precision = overlap / n_text;
  const double recall = overlap / n_reference;
  return 2 * precision * recall / (precision + recall);
}

/// The n-grams of `words`.
Counts grams_of(const Words& words, size_t n) {
  Counts counts;
  for (size_t i = 0; i + n <= words.size(); ++i) {
    ++counts[{words.begin() + static_cast<ptrdiff_t>(i),
              words.begin() + static_cast<ptrdiff_t>(i + n)}];
  }
  return counts;
}

int64_t overlap_of(const Counts& a, const Counts& b) {
  int64_t n = 0;
  for (const auto& [gram, count] : a) {
    const auto other = b.find(gram);
    if (other != b.end()) n += std::min(count, other->second);
  }
  return n;
}

int64_t size_of(const Counts& counts) {
  int64_t n = 0;
  for (const auto& [gram, count] : counts) n += count;
  return n;
}

// --- SQuAD: lower case, no ASCII punctuation, no articles, single spaces.

Words squad_words(std::string_view text) {
  std::string plain;
  for (char c : text) {
    if (!std::ispunct(static_cast<unsigned char>(c))) plain.push_back(lower(c));
  }
  Words words;
  // Articles are replaced by a space wherever they are whole words, as \b(a|an|the)\b is.
  for (size_t at = 0; at < plain.size();) {
    const bool starts_word =
        at == 0 || !(is_letter_or_digit(plain[at - 1]) || plain[at - 1] == '_' ||
                     static_cast<unsigned char>(plain[at - 1]) >= 0x80);
    size_t length = 0;
    for (std::string_view article : {"the", "an", "a"}) {
      const auto rest = std::string_view(plain).substr(at);
      const bool ends =
          rest.size() == article.size() ||
          (rest.size() > article.size() && !is_letter_or_digit(rest[article.size()]) &&
           static_cast<unsigned char>(rest[article.size()]) < 0x80);
      if (starts_word && rest.starts_with(article) && ends) {
        length = article.size();
        break;
      }
    }
    if (length > 0) plain.replace(at, length, " ");
    ++at;
  }
  return split_at_space(plain);
}

MetricValues squad(std::string_view text, const std::string& reference) {
  const Words mine = squad_words(text), theirs = squad_words(reference);
  const double exact = mine == theirs ? 1 : 0;
  const auto overlap = static_cast<double>(overlap_of(grams_of(mine, 1), grams_of(theirs, 1)));
  // Of two answers one of which is empty, F1 is whether both are.
  const double f1 = mine.empty() || theirs.empty()
                        ? exact
                        : f_measure(overlap, static_cast<double>(mine.size()),
                                    static_cast<double>(theirs.size()));
  return {{"exact_match", exact}, {"f1", f1}};
}

// --- ROUGE: lower case, runs of a to z and 0 to 9.

Words rouge_words(std::string_view text) {
  std::string plain;
  for (char c : text) plain.push_back(is_letter_or_digit(c) ? lower(c) : ' ');
  return split_at_space(plain);
}

double rouge_l(const Words& mine, const Words& theirs) {
  std::vector<int64_t> row(theirs.size() + 1, 0);
  for (const std::string& word : mine) {
    int64_t diagonal = 0;
    for (size_t j = 1; j <= theirs.size(); ++j) {
      const int64_t above = row[j];
      row[j] = word == theirs[j - 1] ? diagonal + 1 : std::max(row[j], row[j - 1]);
      diagonal = above;
    }
  }
  return f_measure(static_cast<double>(row.back()), static_cast<double>(mine.size()),
                   static_cast<double>(theirs.size()));
}

MetricValues rouge(std::string_view text, const std::string& reference) {
  const Words mine = rouge_words(text), theirs = rouge_words(reference);
  MetricValues values;
  for (size_t n : {1, 2}) {
    const Counts a = grams_of(mine, n), b = grams_of(theirs, n);
    values.push_back({"rouge" + std::to_string(n),
                      f_measure(static_cast<double>(overlap_of(a, b)),
                                static_cast<double>(size_of(a)), static_cast<double>(size_of(b)))});
  }
  values.push_back({"rougeL", rouge_l(mine, theirs)});
  return values;
}

// --- BLEU: mteval's 13a tokens.

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

Words tokens_13a(std::string_view raw) {
  std::string text = replaced(std::string(raw), "<skipped>", "");
  text = replaced(text, "-\n", "");
  text = replaced(text, "\n", " ");
  if (text.find('&') != std::string::npos) {
    text = replaced(text, "&quot;", "\"");
    text = replaced(text, "&amp;", "&");
    text = replaced(text, "&lt;", "<");
    text = replaced(text, "&gt;", ">");
  }
  text = " " + text + " ";
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  // 1: symbols stand alone; all ASCII punctuation but ' , - . is one.
  std::string symbols;
  for (char c : text) {
    const bool alone = (c >= '{' && c <= '~') || (c >= '[' && c <= '`') || (c >= ' ' && c <= '&') ||
                       (c >= '(' && c <= '+') || (c >= ':' && c <= '@') || c == '/';
    symbols += alone ? std::string{' ', c, ' '} : std::string(1, c);
  }
  // 2: a period or comma stands alone unless a digit is before it; 3: unless one follows;
  // 4: a dash behind a digit stands alone. Each is a pass from left to right.
  const auto pass = [&](const std::string& in, auto splits_pair, bool first_is_mark) {
    std::string out;
    for (size_t i = 0; i < in.size();) {
      if (i + 1 < in.size() && splits_pair(in[i], in[i + 1])) {
        if (first_is_mark) {
          out += std::string{' ', in[i], ' ', in[i + 1]};
        } else {
          out += std::string{in[i], ' ', in[i + 1], ' '};
        }
        i += 2;
      } else {
        out.push_back(in[i++]);
      }
    }
    return out;
  };
  const auto is_mark = [](char c) { return c == '.' || c == ','; };
  std::string out = pass(
      symbols, [&](char a, char b) { return !is_digit(a) && is_mark(b); }, false);
  out = pass(
      out, [&](char a, char b) { return is_mark(a) && !is_digit(b); }, true);
  out = pass(
      out, [&](char a, char b) { return is_digit(a) && b == '-'; }, false);
  return split_at_space(out);
}

MetricValues bleu(std::string_view text, std::span<const std::string> references) {
  constexpr size_t kOrder = 4;
  const Words mine = tokens_13a(text);
  std::vector<Words> theirs;
  for (const std::string& reference : references) theirs.push_back(tokens_13a(reference));
  // The reference whose length is nearest, the shorter of two.
  double length = 0;
  for (size_t i = 0; i < theirs.size(); ++i) {
    const double size = static_cast<double>(theirs[i].size());
    const double n = static_cast<double>(mine.size());
    const double distance = std::abs(size - n), best = std::abs(length - n);
    if (i == 0 || distance < best || (distance == best && size < length)) length = size;
  }
  double sum_logs = 0, smoothing = 1;
  size_t order = 0;
  bool any = false;
  for (size_t n = 1; n <= kOrder; ++n) {
    const Counts grams = grams_of(mine, n);
    Counts most;
    std::vector<Counts> of_references;
    for (const Words& words : theirs) {
      for (const auto& [gram, count] : grams_of(words, n)) {
        int64_t& highest = most[gram];
        highest = std::max(highest, count);
      }
    }
    const int64_t n_right = overlap_of(grams, most), n_all = size_of(grams);
    if (n_all == 0) break;
    order = n;
    any |= n_right > 0;
    double precision = static_cast<double>(n_right) / static_cast<double>(n_all);
    if (n_right == 0) {
      smoothing *= 2;
      precision = 1 / (smoothing * static_cast<double>(n_all));
    }
    sum_logs += std::log(precision);
  }
  if (!any || order == 0) return {{"bleu", 0}};
  const double n = static_cast<double>(mine.size());
  const double brevity = n < length ? std::exp(1 - length / n) : 1;
  return {{"bleu", std::min(brevity * std::exp(sum_logs / static_cast<double>(order)), 1.0)}};
}

// --- chrF2: n-grams of up to 6 characters, without white space, recall twice as heavy.

Words characters(std::string_view text) {
  Words out;
  for (const std::string& word : split_at_space(text)) {
    for (char c : word) {
      const bool continues = (static_cast<unsigned char>(c) & 0xc0) == 0x80;
      if (continues && !out.empty()) {
        out.back().push_back(c);
      } else {
        out.emplace_back(1, c);
      }
    }
  }
  return out;
}

MetricValues chrf(std::string_view text, const std::string& reference) {
  constexpr size_t kOrder = 6;
  constexpr double kBeta2 = 4;
  const Words mine = characters(text), theirs = characters(reference);
  double precision = 0, recall = 0;
  size_t n_orders = 0;
  for (size_t n = 1; n <= kOrder; ++n) {
    const Counts a = grams_of(mine, n), b = grams_of(theirs, n);
    if (a.empty() || b.empty()) continue;
    const auto right = static_cast<double>(overlap_of(a, b));
    precision += right / static_cast<double>(size_of(a));
    recall += right / static_cast<double>(size_of(b));
    ++n_orders;
  }
  if (n_orders == 0) return {{"chrf2", 0}};
  precision /= static_cast<double>(n_orders);
  recall /= static_cast<double>(n_orders);
  const double below = kBeta2 * precision + recall;
  return {{"chrf2", below > 0 ? (1 + kBeta2) * precision * recall / below : 0}};
}

}  // namespace

bool is_metric(std::string_view name) {
  return name == "squad" || name == "rouge" || name == "bleu" || name == "chrf";
}

MetricValues reference_metrics(std::string_view metric, std::string_view text,
                               std::span<const std::string> references) {
  if (metric == "bleu") return bleu(text, references);
  MetricValues best;
  for (const std::string& reference : references) {
    MetricValues values;
    if (metric == "squad") values = squad(text, reference);
    if (metric == "rouge") values = rouge(text, reference);
    if (metric == "chrf") values = chrf(text, reference);
    if (best.empty()) best = values;
    for (size_t i = 0; i < values.size(); ++i) {
      best[i].value = std::max(best[i].value, values[i].value);
    }
  }
  return best;
}

}  // namespace whet::eval
