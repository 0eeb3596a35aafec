#include "cli/repl.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <iostream>
#include <optional>
#include <string>

#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "decode/sampler.h"

namespace whet {
namespace {

constexpr std::string_view kHelp =
    "/set parameter NAME VALUE   temperature, top_k, top_p, min_p, seed, num_predict\n"
    "/show                       model and parameters\n"
    "/clear                      forget the conversation\n"
    "/bye                        leave (or Ctrl-D)\n"
    "\"\"\"                         begin and end a message of several lines\n";

class Repl {
 public:
  Repl(Generator& engine, GenerateRequest base, bool verbose)
      : engine_(engine),
        request_(std::move(base)),
        first_message_(request_.conversation().messages.size()),
        verbose_(verbose) {}

  int run() {
    if (!engine_.describe().has_chat_template) {
      fmt::print(stderr, "The model has no chat template: each line is a raw prompt on its own.\n");
    }
    interrupt_flag();
    while (auto line = read_message()) {
      if (line->empty()) continue;
      if (line->front() == '/') {
        if (!command(*line)) return 0;
      } else {
        answer(*line);
      }
      if (interrupt_flag().cancelled()) return exit_status(ErrorCode::kCancelled);
    }
    return 0;
  }

 private:
  static void show_prompt(std::string_view text) {
    if (stderr_is_terminal()) fmt::print(stderr, "{}", text);
  }

  static std::optional<std::string> read_message() {
    show_prompt(">>> ");
    std::string line;
    if (!std::getline(std::cin, line)) return std::nullopt;
    constexpr std::string_view kFence = "\"\"\"";
    if (!line.starts_with(kFence)) return line;
    std::string message = line.substr(kFence.size());
    while (!message.ends_with(kFence)) {
      show_prompt("... ");
      if (!std::getline(std::cin, line)) return message;
      message += "\n" + line;
    }
    return message.substr(0, message.size() - kFence.size());
  }

  void answer(const std::string& text) {
    if (engine_.describe().has_chat_template) {
      request_.conversation().messages.push_back({.role = "user", .content = text});
    } else {
      request_.prompt = text;
    }
    auto print = [](const GenerateEvent& event) {
      std::fwrite(event.text.data(), 1, event.text.size(), stdout);
      std::fflush(stdout);
      return Continue::kYes;
    };
    auto result = engine_.generate(request_, print, &interrupt_flag());
    if (!result.ok()) {
      print_error(result.error());
      if (engine_.describe().has_chat_template) request_.conversation().messages.pop_back();
      return;
    }
    const Completion& c = result->completions[0];
    fmt::print("\n\n");
    std::fflush(stdout);
    if (engine_.describe().has_chat_template) {
      request_.conversation().messages.push_back({.role = "assistant", .content = c.text});
    }
    request_.samples[0].seed += 1;
    if (verbose_) {
      fmt::print(stderr, "{} prompt tokens, {} tokens in {:.2f} s\n", result->n_prompt_tok,
                 c.n_completion_tok, static_cast<double>(result->end_ns - result->start_ns) * 1e-9);
    }
  }

  /// False when the user wants to leave.
  bool command(const std::string& line) {
    if (line == "/bye" || line == "/exit") return false;
    if (line == "/clear") {
      request_.conversation().messages.resize(first_message_);
    } else if (line == "/show") {
      const SamplingParams& p = request_.samples[0];
      fmt::print(
          "model        {}\ntemperature  {}\ntop_k        {}\ntop_p        {}\nmin_p        "
          "{}\nseed         {}\nnum_predict  {}\n",
          engine_.describe().name, p.temperature, p.top_k, p.top_p, p.min_p, p.seed,
          request_.max_tokens);
    } else if (line.starts_with("/set parameter ")) {
      set_parameter(line.substr(std::string_view("/set parameter ").size()));
    } else {
      if (line != "/?" && line != "/help") fmt::print("unknown command {}\n", line);
      fmt::print("{}", kHelp);
    }
    return true;
  }

  void set_parameter(const std::string& setting) {
    size_t space = setting.find(' ');
    std::string name = setting.substr(0, space);
    double value = 0;
    const char* end = setting.data() + setting.size();
    bool parsed = false;
    if (space != std::string::npos) {
      auto result = std::from_chars(setting.data() + space + 1, end, value);
      parsed = result.ec == std::errc() && result.ptr == end;
    }
    SamplingParams params = request_.samples[0];
    bool integral = std::trunc(value) == value && std::abs(value) < 1e9;
    if (!parsed) {
      fmt::print("expected /set parameter NAME NUMBER\n");
      return;
    }
    if (name == "temperature") {
      params.temperature = value;
    } else if (name == "top_p") {
      params.top_p = value;
    } else if (name == "min_p") {
      params.min_p = value;
    } else if (name == "top_k" && integral) {
      params.top_k = static_cast<int>(value);
    } else if (name == "seed" && integral && value >= 0) {
      params.seed = static_cast<uint64_t>(value);
    } else if (name == "num_predict" && integral && value >= -1) {
      request_.max_tokens = static_cast<int64_t>(value);
    } else {
      fmt::print("no such parameter or value: {}\n{}", setting, kHelp);
      return;
    }
    if (auto valid = validate(params, engine_.describe().vocab_size); !valid.ok()) {
      fmt::print("{}\n", valid.error().message());
      return;
    }
    request_.samples[0] = params;
  }

  Generator& engine_;
  GenerateRequest request_;
  size_t first_message_;
  bool verbose_;
};

}  // namespace

int run_repl(Generator& engine, GenerateRequest base, bool verbose) {
  return Repl(engine, std::move(base), verbose).run();
}

}  // namespace whet
