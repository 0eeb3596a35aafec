#define PCRE2_CODE_UNIT_WIDTH 8
#include "token/regex.h"

#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/clock.h"
#include "formats/untrusted_text.h"
#include "token/recent_characters.h"
#include "token/regex_dialect.h"
#include "token/utf8.h"

namespace whet {

namespace {

// A run of n characters of one class costs some n backtracking steps once, so this admits texts of
// tens of megabytes and stops an exponential pattern within about a second.
constexpr uint32_t kMatchLimit = 50'000'000;
constexpr uint32_t kHeapLimitKib = 256 * 1024;
// PCRE2 counts that limit anew from every starting place, so searches go window by window with a
// look at the clock between windows.
constexpr size_t kWindowBytes = 1024;

struct MatchDataDeleter {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct MatchContextDeleter {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};

std::string error_text(int code) {
  std::array<unsigned char, 160> buffer{};
  pcre2_get_error_message(code, buffer.data(), buffer.size());
  return reinterpret_cast<const char*>(buffer.data());
}

}  // namespace

struct Regex::Code {
  pcre2_code* compiled;
  std::string shown;  // for messages
  // A pattern that names recent characters must see them as they are.
  bool sees_likenesses;

  Code(pcre2_code* c, std::string_view pattern)
      : compiled(c),
        shown(quote_untrusted(pattern)),
        sees_likenesses(!with_older_likenesses(pattern)) {}
  Code(const Code&) = delete;
  ~Code() { pcre2_code_free(compiled); }
};

Regex::Regex(std::unique_ptr<Code> code) : code_(std::move(code)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::compile(std::string_view pattern) {
  if (valid_utf8_prefix(pattern) != pattern.size()) {
    return Error(ErrorCode::kInvalidModel,
                 fmt::format("regular expression {}: not valid UTF-8", quote_untrusted(pattern)));
  }
  WHET_TRY(std::string translated, translate_oniguruma(pattern));
  return compile_pcre2(translated, pattern);
}

Result<Regex> Regex::literal(std::string_view text) {
  std::string pattern;
  for (char c : text) {
    const bool is_word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (static_cast<unsigned char>(c) < 0x80 && !is_word) pattern += '\\';
    pattern += c;
  }
  return compile_pcre2(pattern, text);
}

Result<Regex> Regex::compile_pcre2(const std::string& pattern, std::string_view shown) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  // Oniguruma's `$` and `^` stand at every line.
  const uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_USE_OFFSET_LIMIT |
                           PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY;
  pcre2_code* compiled = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                       options, &error, &offset, nullptr);
  if (compiled == nullptr) {
    return Error(ErrorCode::kInvalidModel, fmt::format("regular expression {}: {}",
                                                       quote_untrusted(shown), error_text(error)));
  }
  // Without a JIT the interpreter gives the same matches.
  pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);
  return Regex(std::make_unique<Code>(compiled, shown));
}

Status Regex::find_all(std::string_view text, std::vector<RegexMatch>& matches,
                       int64_t time_limit_ns) const {
  if (text.empty()) return ok_status();
  std::optional<std::string> likeness;
  if (code_->sees_likenesses) likeness = with_older_likenesses(text);
  const std::string_view subject = likeness ? *likeness : text;
  const std::unique_ptr<pcre2_match_data, MatchDataDeleter> data(
      pcre2_match_data_create_from_pattern(code_->compiled, nullptr));
  const std::unique_ptr<pcre2_match_context, MatchContextDeleter> context(
      pcre2_match_context_create(nullptr));
  if (!data || !context) return Error(ErrorCode::kResourceExhausted, "out of memory");
  pcre2_set_match_limit(context.get(), kMatchLimit);
  pcre2_set_heap_limit(context.get(), kHeapLimitKib);

  const auto* bytes = reinterpret_cast<PCRE2_SPTR>(subject.data());
  const auto next_char = [&](size_t pos) {
    do ++pos;
    while (pos < subject.size() && (subject[pos] & 0xC0) == 0x80);
    return pos;
  };
  const int64_t start_ns = monotonic_ns();
  size_t n_calls = 0;
  size_t pos = 0;
  size_t last_end = subject.size() + 1;  // of the last match; nowhere yet
  while (pos <= subject.size()) {
    if (++n_calls % 16 == 0 && monotonic_ns() - start_ns > time_limit_ns) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("splitting the text by {} takes too long", code_->shown));
    }
    const size_t limit = std::min(pos + kWindowBytes, subject.size());
    pcre2_set_offset_limit(context.get(), limit);
    const auto match = [&](uint32_t options) {
      return pcre2_match(code_->compiled, bytes, subject.size(), pos, options | PCRE2_NO_UTF_CHECK,
                         data.get(), context.get());
    };
    int rc = match(0);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) rc = match(PCRE2_NO_JIT);
    if (rc == PCRE2_ERROR_NOMATCH) {
      pos = next_char(limit);
      continue;
    }
    if (rc < 0) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("splitting the text by {}: {}", code_->shown, error_text(rc)));
    }
    const PCRE2_SIZE* found = pcre2_get_ovector_pointer(data.get());
    const size_t begin = found[0];
    const size_t end = found[1];
    // With \K the match may begin oddly; such a match is no stretch of the text.
    const bool usable = begin >= pos && begin <= end;
    if (usable && !(begin == end && begin == last_end)) {
      matches.push_back({begin, end});
      last_end = end;
    }
    pos = usable && end > begin ? end : next_char(std::max(pos, end));
  }
  return ok_status();
}

}  // namespace whet
