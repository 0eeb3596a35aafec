// Conversation -> prompt text, by the template that comes with a model. The same text as Hugging
// Face transformers' apply_chat_template gives, which is what the model was trained on; but where
// thinking is switched off and the template opens it all the same, it is closed.
#pragma once

#include <ctime>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "generator/prompt.h"
#include "jinja/template.h"
#include "jinja/user_guard.h"

namespace whet::jinja {

class ChatTemplate {
 public:
  struct Options {
    bool add_generation_prompt = true;
    std::string bos_token;
    std::string eos_token;
    /// More variables, e.g. {"enable_thinking": false}: an object, or null. Wins over the above.
    const nlohmann::ordered_json* extra = nullptr;
    /// What strftime_now() formats; the current local time if absent.
    std::optional<std::tm> local_time;
    /// Templates that read `date_string` or `datetime` get the day ("29 Nov 2026", "Nov 29 2026"),
    /// as llama.cpp gives it; without it, some say a day of 2024 and others fail.
    bool gives_date = false;
    Limits limits;
  };

  /// Errors: kInvalidModel with line, column and what was expected.
  static Result<ChatTemplate> compile(std::string source);

  /// The prompt in parts, of which those from a user spell tokens that `find_control` found in the
  /// conversation's strings. Threads: safe. Deterministic for a given Options::local_time.
  /// Errors: kInvalidModel with line and column; kInvalidArgument where the template refuses the
  /// conversation (raise_exception), e.g. for roles that do not alternate, and for `tools` or
  /// `template_arguments` that are not JSON of the right form.
  Result<std::vector<PromptPart>> render(const Conversation& conversation, const Options& options,
                                         const ControlFinder& find_control) const;
  /// The same as one text.
  Result<std::string> render(const std::vector<ChatMessage>& messages,
                             const Options& options) const;

 private:
  explicit ChatTemplate(Template parsed) : template_(std::move(parsed)) {}

  Template template_;
};

}  // namespace whet::jinja
