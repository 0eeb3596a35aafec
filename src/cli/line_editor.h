// LineEditor: a line from the terminal, with editing, history and pasted text in one piece.
#pragma once

#include <memory>
#include <string>

namespace whet {

class LineEditor {
 public:
  /// Reads stdin, draws on stderr.
  LineEditor();
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  enum class End { kLine, kInterrupt, kEndOfInput };
  struct Line {
    End end;           // kInterrupt: Ctrl-C; kEndOfInput: Ctrl-D on an empty line
    std::string text;  // without the last line feed; at kInterrupt what was typed so far
  };
  Line read(const std::string& prompt);
  /// The arrow keys bring it back.
  void remember(const std::string& text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace whet
