// Splits what a model writes into its reasoning and its answer: the text between <think> and
// </think> at the start, whose opening tag a chat template may have written already.
#pragma once

#include <string>
#include <string_view>

namespace whet::serve {

class ReasoningSplitter {
 public:
  struct Pieces {
    std::string reasoning, content;
  };
  /// `opened`: the prompt ends with an opening tag.
  explicit ReasoningSplitter(bool opened) : state_(opened ? State::kInside : State::kStart) {}

  /// Adds text and returns what is certain. A tag that may yet be completed is held back.
  Pieces push(std::string_view text);
  /// What was held back.
  Pieces flush();

 private:
  enum class State { kStart, kInside, kAfter, kContent };

  State state_;
  bool reasoning_begun_ = false;
  std::string pending_;
};

}  // namespace whet::serve
