#include "cli/line_editor.h"

#include <histedit.h>
#include <unistd.h>

#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <cwchar>
#include <string_view>

namespace whet {
namespace {

constexpr int kHistoryLines = 1000;
// A terminal that is asked to brackets what is pasted, so that its line feeds send nothing.
constexpr const char* kAskForBrackets = "\033[?2004h";
constexpr const char* kNoBrackets = "\033[?2004l";
constexpr std::wstring_view kPasteEnd = L"\033[201~";

}  // namespace

struct LineEditor::State {
  EditLine* editor = nullptr;
  History* history = nullptr;
  std::string prompt;
  bool interrupted = false;

  static State& of(EditLine* editor) {
    void* data = nullptr;
    ::el_get(editor, EL_CLIENTDATA, &data);
    return *static_cast<State*>(data);
  }
  static char* prompt_of(EditLine* editor) { return of(editor).prompt.data(); }

  static unsigned char on_interrupt(EditLine* editor, int) {
    of(editor).interrupted = true;
    return CC_NEWLINE;
  }

  static unsigned char on_suspend(EditLine* editor, int) {
    ::el_set(editor, EL_PREP_TERM, 0);
    ::raise(SIGTSTP);
    ::el_set(editor, EL_PREP_TERM, 1);
    return CC_REDISPLAY;
  }

  static unsigned char on_paste(EditLine* editor, int) {
    std::wstring text;
    for (wchar_t c; !text.ends_with(kPasteEnd) && ::el_wgetc(editor, &c) == 1;)
      text += c == L'\r' ? L'\n' : c;
    if (text.ends_with(kPasteEnd)) text.resize(text.size() - kPasteEnd.size());
    if (!text.empty() && ::el_winsertstr(editor, text.c_str()) != 0) return CC_ERROR;
    return CC_REFRESH;
  }
};

LineEditor::LineEditor() : state_(std::make_unique<State>()) {
  // The editor counts characters by the locale; one without UTF-8 would take bytes for them.
  std::setlocale(LC_CTYPE, "");
  if (MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
  state_->editor = ::el_init("whet", stdin, stderr, stderr);
  state_->history = ::history_init();
  HistEvent event;
  ::history(state_->history, &event, H_SETSIZE, kHistoryLines);
  EditLine* editor = state_->editor;
  ::el_set(editor, EL_CLIENTDATA, state_.get());
  ::el_set(editor, EL_PROMPT, &State::prompt_of);
  ::el_set(editor, EL_EDITOR, "emacs");
  ::el_set(editor, EL_HIST, ::history, state_->history);
  ::el_set(editor, EL_ADDFN, "whet-interrupt", "give up this line", &State::on_interrupt);
  ::el_set(editor, EL_ADDFN, "whet-suspend", "stop until fg", &State::on_suspend);
  ::el_set(editor, EL_ADDFN, "whet-paste", "insert pasted text", &State::on_paste);
  // Ctrl-C is a key while a line is edited, and a signal while the model answers.
  ::el_set(editor, EL_SETTY, "-d", "-isig", nullptr);
  ::el_set(editor, EL_BIND, "^Z", "whet-suspend", nullptr);
  ::el_set(editor, EL_BIND, "^C", "whet-interrupt", nullptr);
  ::el_set(editor, EL_BIND, "\\e[200~", "whet-paste", nullptr);
  ::el_set(editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  ::el_set(editor, EL_BIND, "\\e[3~", "ed-delete-next-char", nullptr);
}

LineEditor::~LineEditor() {
  ::el_end(state_->editor);
  ::history_end(state_->history);
}

LineEditor::Line LineEditor::read(const std::string& prompt) {
  state_->prompt = prompt;
  state_->interrupted = false;
  std::fputs(kAskForBrackets, stderr);
  int n = 0;
  const char* line = ::el_gets(state_->editor, &n);
  std::fputs(kNoBrackets, stderr);
  if (state_->interrupted) std::fputs("\n", stderr);
  std::fflush(stderr);
  if (line == nullptr || n <= 0) {
    if (state_->interrupted) return {End::kInterrupt, ""};
    return {End::kEndOfInput, ""};
  }
  std::string text(line, std::strlen(line));
  if (text.ends_with('\n')) text.pop_back();
  return {state_->interrupted ? End::kInterrupt : End::kLine, std::move(text)};
}

void LineEditor::remember(const std::string& text) {
  HistEvent event;
  ::history(state_->history, &event, H_ENTER, text.c_str());
}

}  // namespace whet
