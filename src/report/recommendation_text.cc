#include "report/recommendation_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/text.h"

namespace whet::report {
namespace {

constexpr std::string_view kFrontNote =
    "nothing here is as accurate and faster; neighbours whose intervals overlap may change places.";

std::string budget_text(std::optional<double> most_time) {
  return most_time ? fmt::format("to {}\u00d7", *most_time) : "any";
}

std::string number_or_dash(std::optional<double> value) {
  return value ? format_number(value) : std::string(kMissing);
}

/// "A", ..., "Z", "AA", ...
std::string letter(size_t index) {
  std::string text(1, static_cast<char>('A' + index % 26));
  return index < 26 ? text : letter(index / 26 - 1) + text;
}

/// The models of a task, in the order of their cells.
std::vector<std::string> models_of(const TaskAdvice& advice) {
  std::vector<std::string> models;
  const auto add = [&](const std::string& model) {
    if (std::ranges::find(models, model) == models.end()) models.push_back(model);
  };
  for (const AdviceCell& cell : advice.cells) add(cell.model);
  for (const Choice& choice : advice.choices) add(choice.model);
  return models;
}

std::string terminal_table_of_choices(const TaskAdvice& advice,
                                      const std::vector<std::string>& models, int width) {
  std::string text = fmt::format("    {}  {:>7}  {:>7}  {:>7}  {}\n", pad_right("accuracy", 17),
                                 "s", "s/right", "tok/right", "strategy");
  text += rule(width) + "\n";
  std::vector<std::string> heads, names;
  int room = width;
  for (const Choice& c : advice.choices) {
    const size_t model = static_cast<size_t>(std::ranges::find(models, c.model) - models.begin());
    heads.push_back(fmt::format("{} {} {}  {}  {}  {}  ", c.on_front ? "*" : " ", letter(model),
                                pad_right(format_accuracy(c.accuracy), 17),
                                pad_left(format_number(c.seconds), 7),
                                pad_left(number_or_dash(c.seconds_per_correct), 7),
                                pad_left(number_or_dash(c.tokens_per_correct), 9)));
    names.push_back(one_line(c.strategy));
    room = std::min(room, width - display_width(heads.back()));
  }
  names = truncate_names(names, std::max(room, 8));
  for (size_t i = 0; i < names.size(); ++i) text += heads[i] + names[i] + "\n";
  return text + wrapped("* " + std::string(kFrontNote), "", "", width);
}

}  // namespace

std::string recommendation_terminal(const std::vector<TaskAdvice>& all, int width) {
  width = std::max(width, 60);
  std::string text;
  for (const TaskAdvice& advice : all) {
    if (!text.empty()) text += "\n";
    text += wrapped(one_line(advice.tasks), "", "", width) + rule(width) + "\n";
    const std::vector<std::string> models = models_of(advice);
    for (size_t m = 0; m < models.size(); ++m) {
      text += wrapped(one_line(models[m]), letter(m) + "  ", "   ", width);
      std::string why;  // said once where more time changes nothing
      for (const AdviceCell& cell : advice.cells) {
        if (cell.model != models[m]) continue;
        const std::string head = fmt::format(
            "   {}  {}  ", pad_right(budget_text(cell.most_time), 8), advice_name(cell.advice));
        if (cell.strategy.empty()) {
          const std::string indent(static_cast<size_t>(display_width(head)), ' ');
          text += wrapped(one_line(cell.why), head, indent, width);
          continue;
        }
        const std::string tail = fmt::format("  {}  {}", format_difference(cell.gain),
                                             format_ratio(cell.time_ratio, false));
        const int room = std::max(width - display_width(head) - display_width(tail), 12);
        text += head + pad_right(truncate_name(one_line(cell.strategy), room), room) + tail + "\n";
        if (cell.why != why) text += wrapped(one_line(cell.why), "     ", "     ", width);
        why = cell.why;
      }
    }
    text += "\n" + terminal_table_of_choices(advice, models, width);
  }
  return text;
}

std::string recommendation_markdown(const std::vector<TaskAdvice>& all) {
  std::string text;
  for (const TaskAdvice& advice : all) {
    if (!text.empty()) text += "\n";
    text += fmt::format("## {}\n\n", advice.tasks);
    text +=
        "| | model | strategy | accuracy [95 %] | s per task | tokens | s per correct | tokens per "
        "correct | token-seconds per correct |\n|---|---|---|---|---:|---:|---:|---:|---:|\n";
    for (const Choice& c : advice.choices) {
      text += fmt::format(
          "| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", c.on_front ? "*" : "", c.model,
          c.strategy, format_accuracy(c.accuracy), format_number(c.seconds),
          number_or_dash(c.tokens), number_or_dash(c.seconds_per_correct),
          number_or_dash(c.tokens_per_correct), number_or_dash(c.token_seconds_per_correct));
    }
    text += fmt::format(
        "\n\\* {}\n\n| model | time | advice | strategy | gain [95 %] | time over baseline [95 %] "
        "| why |\n|---|---|---|---|---|---|---|\n",
        kFrontNote);
    const AdviceCell* above = nullptr;
    for (const AdviceCell& cell : advice.cells) {
      const bool is_same = above != nullptr && above->model == cell.model && above->why == cell.why;
      text += fmt::format("| {} | {} | **{}** | {} | {} | {} | {} |\n", cell.model,
                          budget_text(cell.most_time), advice_name(cell.advice), cell.strategy,
                          format_difference(cell.gain), format_ratio(cell.time_ratio, true),
                          is_same ? "as above" : one_line(cell.why));
      above = &cell;
    }
  }
  return text;
}

}  // namespace whet::report
