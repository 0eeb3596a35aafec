#include "cli/repl.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/chat_parameters.h"
#include "cli/conversation_file.h"
#include "cli/interrupt.h"
#include "cli/line_editor.h"
#include "cli/terminal.h"
#include "cli/timings.h"

namespace whet {
namespace {

constexpr std::string_view kHelp =
    "/set system TEXT            instructions that stand before the conversation\n"
    "/set parameter NAME VALUE   as temperature 0; /set parameter lists the names\n"
    "/show                       model, parameters, system message, turns\n"
    "/regen                      answer the last message once more\n"
    "/clear                      forget the conversation\n"
    "/save FILE, /load FILE      keep the conversation, go on with a kept one\n"
    "/bye                        leave (or Ctrl-D)\n"
    "\"\"\"                         begin and end a message of several lines\n"
    "Ctrl-C stops an answer; at an empty prompt, a second one leaves.\n";

/// Room that the next answer gets even if older turns must be dropped for it, unless the context is
/// so small that a quarter of it is less.
constexpr int64_t kAnswerRoom = 256;

class Repl {
 public:
  Repl(Generator& model, GenerateRequest base, bool verbose)
      : model_(model), request_(std::move(base)), verbose_(verbose) {
    Conversation& given = request_.conversation();
    if (!given.messages.empty()) system_ = given.messages.front().content;
    prompt_ = std::filesystem::path(model_.describe().name).stem().string();
    if (prompt_.size() > kLongestPrompt) prompt_.resize(kLongestPrompt);
    prompt_ += "> ";
  }

  int run() {
    interrupt_flag();
    greet();
    bool stopped = false;  // by Ctrl-C; a second one leaves
    while (true) {
      const LineEditor::Line line = read_message();
      if (line.end == LineEditor::End::kEndOfInput) break;
      if (line.end == LineEditor::End::kInterrupt) {
        if (stopped && line.text.empty()) return exit_status(ErrorCode::kCancelled);
        if (line.text.empty()) print_message("(Ctrl-C again, Ctrl-D or /bye leaves)\n");
        stopped = line.text.empty();
        continue;
      }
      stopped = false;
      if (line.text.empty()) continue;
      editor_.remember(line.text);
      if (line.text.front() == '/') {
        if (!command(line.text)) return 0;
      } else {
        turns_.push_back({.role = "user", .content = line.text});
        answer();
      }
      stopped = interrupt_flag().cancelled();
      interrupt_flag().clear();
    }
    return 0;
  }

 private:
  static constexpr size_t kLongestPrompt = 24;

  void greet() const {
    const ModelDescription& m = model_.describe();
    print_message(fmt::format("{}: {}, context of {} tokens\n/? for help, Ctrl-D leaves\n",
                              std::filesystem::path(m.name).filename().string(), m.architecture,
                              m.context));
    if (!m.has_chat_template)
      print_note("the model has no chat template: each message is a raw prompt on its own");
  }

  LineEditor::Line read_message() {
    constexpr std::string_view kFence = "\"\"\"";
    LineEditor::Line first = editor_.read(prompt_);
    if (first.end != LineEditor::End::kLine || !first.text.starts_with(kFence)) return first;
    std::string message = first.text.substr(kFence.size());
    while (!message.ends_with(kFence)) {
      const LineEditor::Line next = editor_.read("... ");
      if (next.end != LineEditor::End::kLine) return next;
      message += "\n" + next.text;
    }
    message.resize(message.size() - kFence.size());
    return {LineEditor::End::kLine, std::move(message)};
  }

  void build_prompt() {
    if (!model_.describe().has_chat_template) {
      request_.prompt = turns_.back().content;
      return;
    }
    auto& messages = request_.conversation().messages;
    messages.clear();
    if (!system_.empty()) messages.push_back({.role = "system", .content = system_});
    messages.insert(messages.end(), turns_.begin(), turns_.end());
  }

  /// Drops the oldest turns, question and answer together, until the rest leaves room for an
  /// answer. What alone is too long is left to generate(), which says by how much.
  void make_room() {
    const int64_t context = model_.describe().context;
    const int64_t room = std::min(kAnswerRoom, context / 4);
    size_t dropped = 0;
    while (true) {
      build_prompt();
      const auto n = model_.count_prompt_tokens(request_);
      if (!n.ok() || !*n || **n + room <= context || turns_.size() < 3) break;
      turns_.erase(turns_.begin(), turns_.begin() + 2);
      ++dropped;
    }
    if (dropped == 0) return;
    print_note(
        fmt::format("the context of {} tokens is full: forgot the oldest {} (/clear forgets "
                    "all, -c makes it larger)",
                    context, dropped == 1 ? "turn" : fmt::format("{} turns", dropped)));
  }

  /// Answers the last message, which is the user's.
  void answer() {
    make_room();
    const auto print = [](const GenerateEvent& event) {
      print_answer(event.text);
      return Continue::kYes;
    };
    auto result = model_.generate(request_, print, &interrupt_flag());
    if (!result.ok()) {
      print_error(result.error());
      turns_.pop_back();
      return;
    }
    const Completion& c = result->completions[0];
    fmt::print("\n");
    std::fflush(stdout);
    if (c.finish == FinishReason::kLength) {
      print_note(fmt::format("the answer was cut after {} tokens: {}", c.n_completion_tok,
                             request_.max_tokens >= 0 && c.n_completion_tok >= request_.max_tokens
                                 ? "num_predict"
                                 : "the context is full"));
    }
    if (c.text.empty() && c.finish == FinishReason::kCancelled) {
      turns_.pop_back();  // stopped before it said anything
      return;
    }
    turns_.push_back({.role = "assistant", .content = c.text});
    ++request_.samples[0].seed;  // the same question may get another answer
    if (verbose_) print_message(fmt::format("{}\n", timings_text(*result, 0)));
    print_message("\n");
  }

  /// False when the user wants to leave.
  bool command(const std::string& line) {
    const size_t space = line.find(' ');
    const std::string name = line.substr(0, space);
    const std::string rest = space == line.npos ? "" : line.substr(space + 1);
    if (name == "/bye" || name == "/exit") return false;
    if (name == "/clear") {
      turns_.clear();
    } else if (name == "/show") {
      show();
    } else if (name == "/set") {
      set(rest);
    } else if (name == "/save") {
      report(rest.empty() ? missing("/save FILE")
                          : save_conversation(rest, model_.describe().name, kept_messages()));
    } else if (name == "/load") {
      report(rest.empty() ? missing("/load FILE") : load(rest));
    } else if (name == "/regen") {
      regenerate();
    } else {
      if (name != "/?" && name != "/help") print_message(fmt::format("{} is no command\n", name));
      print_message(kHelp);
    }
    return true;
  }

  static Status missing(std::string_view form) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("expected {}", form));
  }
  static void report(const Status& status) {
    if (!status.ok()) print_error(status.error());
  }

  std::vector<ChatMessage> kept_messages() const {
    std::vector<ChatMessage> messages;
    if (!system_.empty()) messages.push_back({.role = "system", .content = system_});
    messages.insert(messages.end(), turns_.begin(), turns_.end());
    return messages;
  }

  Status load(const std::string& path) {
    WHET_TRY(std::vector<ChatMessage> messages, load_conversation(path));
    const bool has_system = !messages.empty() && messages.front().role == "system";
    std::vector<ChatMessage> turns(messages.begin() + (has_system ? 1 : 0), messages.end());
    for (size_t i = 0; i < turns.size(); ++i) {
      const char* role = i % 2 == 0 ? "user" : "assistant";
      if (turns[i].role == role) continue;
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("{}: expected the {} to speak in turn {}, found {}", path, role,
                               i + 1, turns[i].role));
    }
    if (turns.size() % 2 != 0) turns.pop_back();  // a question that was never answered
    system_ = has_system ? messages.front().content : "";
    turns_ = std::move(turns);
    print_message(fmt::format("{} turns\n", turns_.size() / 2));
    return ok_status();
  }

  void show() const {
    const ModelDescription& m = model_.describe();
    print_message(fmt::format("{:<18}{}\n{:<18}{} tokens\n{}{:<18}{}\n{:<18}{}\n", "model", m.name,
                              "context", m.context, chat_parameters_text(request_), "turns",
                              turns_.size() / 2, "system", system_.empty() ? "none" : system_));
  }

  void set(const std::string& setting) {
    const size_t space = setting.find(' ');
    const std::string kind = setting.substr(0, space);
    const std::string rest = space == setting.npos ? "" : setting.substr(space + 1);
    if (kind == "system") {
      if (!model_.describe().has_chat_template) {
        report(Error(ErrorCode::kInvalidArgument,
                     "/set system needs a chat template, and this model has none"));
        return;
      }
      system_ = rest;
      return;
    }
    const size_t value = rest.find(' ');
    if (kind != "parameter" || value == rest.npos) {
      report(missing("/set system TEXT or /set parameter NAME VALUE, NAME one of " +
                     chat_parameter_names()));
      return;
    }
    report(set_chat_parameter(request_, rest.substr(0, value), rest.substr(value + 1),
                              model_.describe().vocab_size));
  }

  void regenerate() {
    if (turns_.empty()) {
      report(Error(ErrorCode::kInvalidArgument, "/regen: expected an answer, found none yet"));
      return;
    }
    turns_.pop_back();
    answer();
  }

  Generator& model_;
  GenerateRequest request_;
  bool verbose_;
  LineEditor editor_;
  std::string prompt_, system_;
  std::vector<ChatMessage> turns_;  // user and assistant, one after the other
};

}  // namespace

int run_repl(Generator& model, GenerateRequest base, bool verbose) {
  return Repl(model, std::move(base), verbose).run();
}

}  // namespace whet
