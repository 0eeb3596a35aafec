#include "token/pre_tokenizer.h"

#include "token/byte_alphabet.h"
#include "token/utf8.h"

namespace whet {

namespace {

struct Piece {
  size_t begin;
  size_t end;
  bool is_delimiter;
};

// The whole text as alternating matches and gaps.
Status cut(const SplitStep& step, std::string_view text, std::vector<Piece>& pieces) {
  std::vector<RegexMatch> matches;
  size_t base = 0;
  const auto add = [&](size_t begin, size_t end, bool matched) {
    if (begin < end || matched) pieces.push_back({begin, end, matched != step.invert});
  };
  while (base < text.size()) {
    const size_t valid = valid_utf8_prefix(text.substr(base));
    matches.clear();
    WHET_TRY_STATUS(step.pattern.find_all(text.substr(base, valid), matches));
    size_t pos = base;
    for (const RegexMatch& match : matches) {
      add(pos, base + match.begin, false);
      add(base + match.begin, base + match.end, true);
      pos = base + match.end;
    }
    add(pos, base + valid, false);
    base += valid;
    const size_t invalid_start = base;
    while (base < text.size()) {
      const Utf8Char c = first_utf8_char(text.substr(base));
      if (c.state == Utf8Char::State::kValid) break;
      base += c.length;
    }
    add(invalid_start, base, false);
  }
  return ok_status();
}

void join(const SplitStep& step, std::string_view text, const std::vector<Piece>& pieces,
          std::vector<std::string_view>& words) {
  const auto word = [&](size_t begin, size_t end) {
    if (begin < end) words.push_back(text.substr(begin, end - begin));
  };
  switch (step.behavior) {
    case SplitBehavior::kIsolated:
      for (const Piece& p : pieces) word(p.begin, p.end);
      break;
    case SplitBehavior::kRemoved:
      for (const Piece& p : pieces) {
        if (!p.is_delimiter) word(p.begin, p.end);
      }
      break;
    case SplitBehavior::kContiguous:
      for (size_t i = 0, first = 0; i < pieces.size(); ++i) {
        const bool last = i + 1 == pieces.size();
        if (last || pieces[i + 1].is_delimiter != pieces[i].is_delimiter) {
          word(pieces[first].begin, pieces[i].end);
          first = i + 1;
        }
      }
      break;
    case SplitBehavior::kMergedWithPrevious:
      // A delimiter joins only a word, not another delimiter.
      for (size_t i = 0; i < pieces.size(); ++i) {
        const bool joins =
            !pieces[i].is_delimiter && i + 1 < pieces.size() && pieces[i + 1].is_delimiter;
        const size_t begin = pieces[i].begin;
        if (joins) ++i;
        word(begin, pieces[i].end);
      }
      break;
    case SplitBehavior::kMergedWithNext:
      for (size_t i = 0; i < pieces.size(); ++i) {
        const bool joins =
            pieces[i].is_delimiter && i + 1 < pieces.size() && !pieces[i + 1].is_delimiter;
        const size_t begin = pieces[i].begin;
        if (joins) ++i;
        word(begin, pieces[i].end);
      }
      break;
  }
}

Status apply(const SplitStep& step, Words& words, bool) {
  std::vector<std::string_view> refined;
  std::vector<Piece> pieces;
  for (std::string_view text : words.words) {
    pieces.clear();
    WHET_TRY_STATUS(cut(step, text, pieces));
    join(step, text, pieces, refined);
  }
  words.words = std::move(refined);
  return ok_status();
}

// Every "▁" starts a new word, as a MergedWithNext split does.
void split_before(std::string_view text, std::string_view mark,
                  std::vector<std::string_view>& words) {
  while (!text.empty()) {
    const size_t next = text.find(mark, text.starts_with(mark) ? mark.size() : 0);
    words.push_back(text.substr(0, next));
    if (next == text.npos) break;
    text.remove_prefix(next);
  }
}

Status apply(const MetaspaceStep& step, Words& words, bool at_start) {
  std::vector<std::string_view> refined;
  for (size_t i = 0; i < words.words.size(); ++i) {
    const std::string_view text = words.words[i];
    std::string spelled;
    spelled.reserve(text.size() * 3 / 2 + step.replacement.size());
    const bool prepends = step.prepend == MetaspaceStep::Prepend::kAlways ||
                          (step.prepend == MetaspaceStep::Prepend::kFirst && at_start && i == 0);
    const bool has_mark = text.starts_with(' ') || text.starts_with(step.replacement);
    if (prepends && !has_mark) spelled += step.replacement;
    for (char c : text) {
      if (c == ' ') {
        spelled += step.replacement;
      } else {
        spelled += c;
      }
    }
    words.rewritten.push_back(std::move(spelled));
    if (step.splits) {
      split_before(words.rewritten.back(), step.replacement, refined);
    } else {
      refined.push_back(words.rewritten.back());
    }
  }
  words.words = std::move(refined);
  return ok_status();
}

Status apply(const LeadingSpaceStep&, Words& words, bool) {
  for (std::string_view& text : words.words) {
    if (text.starts_with(' ')) continue;
    words.rewritten.push_back(" " + std::string(text));
    text = words.rewritten.back();
  }
  return ok_status();
}

Status apply(const SpellBytesStep&, Words& words, bool) {
  for (std::string_view& text : words.words) {
    words.rewritten.push_back(bytes_to_letters(text));
    text = words.rewritten.back();
  }
  return ok_status();
}

Status apply(const UnspellBytesStep&, Words& words, bool) {
  for (std::string_view& text : words.words) {
    words.rewritten.push_back(letters_to_bytes(text).value_or(std::string(text)));
    text = words.rewritten.back();
  }
  return ok_status();
}

}  // namespace

Result<Words> PreTokenizer::split(std::string_view text, bool at_start) const {
  Words words;
  if (!text.empty()) words.words.push_back(text);
  for (const PreTokenizerStep& step : steps_) {
    WHET_TRY_STATUS(std::visit([&](const auto& s) { return apply(s, words, at_start); }, step));
  }
  return words;
}

}  // namespace whet
