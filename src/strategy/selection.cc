#include "strategy/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "base/check.h"
#include "eval/answer.h"

namespace whet::strategy {
namespace {

double logprob_of(const Candidate& candidate) {
  return candidate.mean_logprob.value_or(-std::numeric_limits<double>::infinity());
}

double score_of(const Candidate& candidate) {
  return candidate.score.value_or(-std::numeric_limits<double>::infinity());
}

std::vector<std::string_view> words_of(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  std::vector<std::string_view> words;
  for (size_t at = text.find_first_not_of(kSpace); at != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(kSpace, at), text.size());
    words.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(kSpace, end);
  }
  return words;
}

}  // namespace

size_t best_by_logprob(const std::vector<Candidate>& candidates, const std::vector<size_t>& among) {
  WHET_CHECK(!among.empty());
  return *std::min_element(among.begin(), among.end(), [&](size_t a, size_t b) {
    const double first = logprob_of(candidates[a]);
    const double second = logprob_of(candidates[b]);
    return first != second ? first > second : a < b;
  });
}

Selection select_by_score(const std::vector<Candidate>& candidates,
                          const std::vector<size_t>& among, const std::string& score_name) {
  WHET_CHECK(!among.empty());
  double best = -std::numeric_limits<double>::infinity();
  for (size_t i : among) best = std::max(best, score_of(candidates[i]));
  std::vector<size_t> leaders;
  for (size_t i : among) {
    if (score_of(candidates[i]) == best) leaders.push_back(i);
  }
  const size_t index = best_by_logprob(candidates, leaders);
  if (leaders.size() == 1) return {index, fmt::format("highest {}", score_name)};
  if (leaders.size() == among.size() && among.size() > 1) {
    return {index, fmt::format("all have the same {}: highest mean logprob", score_name)};
  }
  return {index,
          fmt::format("highest {} ({} tied): highest mean logprob", score_name, leaders.size())};
}

Selection select_by_logprob(std::vector<Candidate>& candidates, const std::vector<size_t>& among) {
  for (size_t i : among) candidates[i].score = candidates[i].mean_logprob;
  return {best_by_logprob(candidates, among),
          among.size() == 1 ? "the only eligible candidate" : "highest mean logprob"};
}

Selection select_by_vote(std::vector<Candidate>& candidates, const std::vector<size_t>& among) {
  WHET_CHECK(!among.empty());
  struct Group {
    std::vector<size_t> members;
    double mean_logprob = 0;
  };
  std::map<std::string, Group> groups;
  for (size_t i : among) groups[candidates[i].key].members.push_back(i);
  const Group* winner = nullptr;
  size_t n_tied = 0;
  for (auto& [key, group] : groups) {
    for (size_t i : group.members) {
      candidates[i].score = static_cast<double>(group.members.size());
      group.mean_logprob += logprob_of(candidates[i]) / static_cast<double>(group.members.size());
    }
    if (!winner || group.members.size() > winner->members.size()) {
      winner = &group;
      n_tied = 1;
      continue;
    }
    if (group.members.size() < winner->members.size()) continue;
    ++n_tied;
    const bool higher = group.mean_logprob > winner->mean_logprob;
    const bool earlier = group.mean_logprob == winner->mean_logprob &&
                         group.members.front() < winner->members.front();
    if (higher || earlier) winner = &group;
  }
  return {best_by_logprob(candidates, winner->members),
          fmt::format(
              "{} of {} votes{}", winner->members.size(), among.size(),
              n_tied > 1 ? fmt::format(", {} answers tied: highest mean logprob", n_tied) : "")};
}

Selection select_as_usual(const eval::Question& question, const Context& context,
                          std::vector<Candidate>& candidates, std::vector<size_t> among,
                          ExampleRuns* known) {
  if (!eval::is_code(question.kind)) {
    std::set<std::string> keys;
    for (size_t i : among) keys.insert(candidates[i].key);
    const bool any_agree = keys.size() < among.size();
    return eval::has_text_answer(question.kind) || any_agree ? select_by_vote(candidates, among)
                                                             : select_by_logprob(candidates, among);
  }
  const auto examples = score_by_examples(question, context, candidates, among, known);
  if (examples.ran) return select_by_score(candidates, among, "share of public examples");
  Selection selection = select_by_logprob(candidates, among);
  selection.how += fmt::format(" (no examples run: {})", examples.problem);
  return selection;
}

double probability_of_lead(size_t leader, size_t second) {
  // P(x > 1/2) for x of Beta(leader + 1, second + 1): a sum of binomial terms.
  const double n = static_cast<double>(leader + second) + 1;
  double sum = 0;
  for (size_t j = 0; j <= leader; ++j) {
    const auto k = static_cast<double>(j);
    sum += std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) -
                    n * std::log(2.0));
  }
  return sum;
}

Selection select_by_weighted_vote(std::vector<Candidate>& candidates,
                                  const std::vector<size_t>& among,
                                  const std::vector<double>& weights) {
  WHET_CHECK(!among.empty());
  std::map<std::string, std::vector<size_t>> groups;
  for (size_t i : among) groups[candidates[i].key].push_back(i);
  double total = 0, most = -std::numeric_limits<double>::infinity();
  std::map<std::string, double> sums;
  for (const auto& [key, members] : groups) {
    for (size_t i : members) sums[key] += weights[i];
    total += sums[key];
    most = std::max(most, sums[key]);
  }
  std::vector<size_t> leaders;
  for (size_t i : among) {
    if (!candidates[i].score) candidates[i].score = weights[i];
    if (sums[candidates[i].key] == most) leaders.push_back(i);
  }
  const std::string winner = candidates[best_by_logprob(candidates, leaders)].key;
  std::vector<size_t>& members = groups[winner];
  double heaviest = -std::numeric_limits<double>::infinity();
  for (size_t i : members) heaviest = std::max(heaviest, weights[i]);
  std::erase_if(members, [&](size_t i) { return weights[i] < heaviest; });
  return {best_by_logprob(candidates, members),
          fmt::format("{:.3g} of {:.3g} weighted votes", most, total)};
}

double word_similarity(std::string_view a, std::string_view b) {
  const auto first = words_of(a);
  const auto second = words_of(b);
  if (first.empty() && second.empty()) return 1;
  std::vector<size_t> row(second.size() + 1, 0);
  for (std::string_view word : first) {
    size_t diagonal = 0;
    for (size_t j = 1; j <= second.size(); ++j) {
      const size_t above = row[j];
      row[j] = word == second[j - 1] ? diagonal + 1 : std::max(row[j], row[j - 1]);
      diagonal = above;
    }
  }
  return 2.0 * static_cast<double>(row.back()) / static_cast<double>(first.size() + second.size());
}

void group_by_similarity(std::vector<Candidate>& candidates, const std::vector<size_t>& among,
                         double threshold) {
  std::vector<size_t> left = among;
  while (!left.empty()) {
    const size_t leader = best_by_logprob(candidates, left);
    std::vector<size_t> rest;
    for (size_t i : left) {
      if (i == leader) continue;
      if (word_similarity(candidates[leader].text, candidates[i].text) >= threshold) {
        candidates[i].key = candidates[leader].key;
      } else {
        rest.push_back(i);
      }
    }
    left = std::move(rest);
  }
}

}  // namespace whet::strategy
