#include "token/normalizer.h"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>

#include "token/bert_characters.h"
#include "token/unicode_class.h"
#include "token/utf8.h"

namespace whet {

namespace {

struct FreeDeleter {
  void operator()(void* memory) const { std::free(memory); }
};

// Calls `rewrite` on each valid stretch and copies the bytes between.
template <typename Rewrite>
Result<std::string> rewrite_valid(std::string_view text, Rewrite rewrite) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t valid = valid_utf8_prefix(text);
    if (valid > 0) WHET_TRY_STATUS(rewrite(text.substr(0, valid), out));
    text.remove_prefix(valid);
    if (text.empty()) break;
    const size_t invalid = first_utf8_char(text).length;
    out.append(text.substr(0, invalid));
    text.remove_prefix(invalid);
  }
  return out;
}

Result<std::string> to_form(std::string_view text, UnicodeForm form) {
  int options = UTF8PROC_STABLE;
  const bool composes = form == UnicodeForm::kNfc || form == UnicodeForm::kNfkc;
  const bool compatible = form == UnicodeForm::kNfkc || form == UnicodeForm::kNfkd;
  options |= composes ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
  if (compatible) options |= UTF8PROC_COMPAT;
  return rewrite_valid(text, [&](std::string_view valid, std::string& out) -> Status {
    utf8proc_uint8_t* mapped = nullptr;
    const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(valid.data()),
                                     static_cast<utf8proc_ssize_t>(valid.size()), &mapped,
                                     static_cast<utf8proc_option_t>(options));
    const std::unique_ptr<utf8proc_uint8_t, FreeDeleter> owner(mapped);
    if (length < 0) {
      return Error(ErrorCode::kResourceExhausted,
                   std::string("Unicode normalization: ") + utf8proc_errmsg(length));
    }
    out.append(reinterpret_cast<const char*>(mapped), static_cast<size_t>(length));
    return ok_status();
  });
}

Result<std::string> lowercase(std::string_view text) {
  return rewrite_valid(text, [](std::string_view valid, std::string& out) -> Status {
    while (!valid.empty()) {
      const Utf8Char c = first_utf8_char(valid);
      if (c.code_point == 0x130) {  // the one character whose lower case is two
        out += "i\xCC\x87";
      } else {
        append_utf8(out, static_cast<char32_t>(
                             utf8proc_tolower(static_cast<utf8proc_int32_t>(c.code_point))));
      }
      valid.remove_prefix(c.length);
    }
    return ok_status();
  });
}

bool is_ideograph(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B81F) ||
         (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x2F800 && c <= 0x2FA1F);
}

void clean_character(char32_t c, const BertText& step, std::string& out) {
  if (step.cleans) {
    // First: U+000B and U+0085 are controls, no spaces.
    if (c == 0xFFFD || is_bert_control(c)) return;
    if (is_white_space(c)) {
      out += ' ';
      return;
    }
  }
  const bool apart = step.separates_ideographs && is_ideograph(c);
  if (apart) out += ' ';
  append_utf8(out, c);
  if (apart) out += ' ';
}

Result<std::string> for_each_character(std::string_view text, auto&& rewrite) {
  return rewrite_valid(text, [&](std::string_view valid, std::string& out) -> Status {
    while (!valid.empty()) {
      const Utf8Char c = first_utf8_char(valid);
      rewrite(c.code_point, out);
      valid.remove_prefix(c.length);
    }
    return ok_status();
  });
}

Result<std::string> normalise_for_bert(std::string_view text, const BertText& step) {
  WHET_TRY(std::string current, for_each_character(text, [&](char32_t c, std::string& out) {
             clean_character(c, step, out);
           }));
  if (step.strips_accents) {
    WHET_TRY(const std::string apart, to_form(current, UnicodeForm::kNfd));
    WHET_TRY(current, for_each_character(apart, [](char32_t c, std::string& out) {
               if (!is_bert_accent(c)) append_utf8(out, c);
             }));
  }
  if (!step.lowercases) return current;
  return lowercase(current);
}

std::string replace_literal(std::string_view text, const ReplaceText& step) {
  if (step.from.empty()) return std::string(text);
  std::string out;
  out.reserve(text.size());
  size_t pos = 0;
  for (size_t hit; (hit = text.find(step.from, pos)) != text.npos; pos = hit + step.from.size()) {
    out.append(text.substr(pos, hit - pos)).append(step.to);
  }
  return out.append(text.substr(pos));
}

Result<std::string> replace(std::string_view text, const ReplaceText& step) {
  if (!step.regex) return replace_literal(text, step);
  return rewrite_valid(text, [&](std::string_view valid, std::string& out) -> Status {
    std::vector<RegexMatch> matches;
    WHET_TRY_STATUS(step.regex->find_all(valid, matches));
    size_t pos = 0;
    for (const RegexMatch& match : matches) {
      out.append(valid.substr(pos, match.begin - pos)).append(step.to);
      pos = match.end;
    }
    out.append(valid.substr(pos));
    return ok_status();
  });
}

Result<std::string> apply_step(const NormalizerStep& step, std::string_view text) {
  if (const auto* form = std::get_if<UnicodeForm>(&step)) return to_form(text, *form);
  if (const auto* replacement = std::get_if<ReplaceText>(&step)) return replace(text, *replacement);
  if (const auto* prefix = std::get_if<PrependText>(&step)) {
    return text.empty() ? std::string() : prefix->text + std::string(text);
  }
  if (const auto* strip = std::get_if<StripWhiteSpace>(&step)) {
    if (strip->left) text.remove_prefix(leading_white_space(text));
    if (strip->right) text.remove_suffix(trailing_white_space(text));
    return std::string(text);
  }
  if (const auto* map = std::get_if<CharacterMap>(&step)) {
    return rewrite_valid(text, [&](std::string_view valid, std::string& out) -> Status {
      out += map->apply(valid);
      return ok_status();
    });
  }
  if (const auto* bert = std::get_if<BertText>(&step)) return normalise_for_bert(text, *bert);
  return lowercase(text);
}

}  // namespace

Result<std::string> Normalizer::apply(std::string_view text) const {
  std::string current(text);
  for (const NormalizerStep& step : steps_) {
    WHET_TRY(current, apply_step(step, current));
  }
  return current;
}

}  // namespace whet
