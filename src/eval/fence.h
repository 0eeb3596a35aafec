// Fenced code blocks of a Markdown text, by CommonMark's rules where models keep them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace whet::eval {

struct FencedBlock {
  std::string tag;     // first word of the info string, lower case; "" if there is none
  std::string source;  // lines without the fence's own indentation, each ended by a newline
  bool closed = false;
};

struct FencedText {
  std::vector<FencedBlock> blocks;
  std::string before;  // what stands before the first fence
  /// `before`, and what stands between and behind the blocks.
  std::string outside;
};

/// A fence is three or more backticks or tildes at the start of a line, at any indentation (list
/// items), behind the mark of a block quote, or at the end of a line of prose ("Sure! ```python"). It is closed by a line of at least
/// as many of the same marks, indented by at most three columns more, with nothing behind them; or
/// runs to the end of the text. In Python a fence inside a triple-quoted string is text if a later
/// one closes the block.
FencedText read_fences(std::string_view text);

}  // namespace whet::eval
