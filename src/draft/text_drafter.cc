#include <algorithm>
#include <cctype>
#include <cmath>

#include "decode/sampler.h"
#include "draft/draft_context.h"
#include "draft/model_drafter.h"

namespace whet {
namespace {

bool is_word_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) != 0 || byte >= 0x80 || c == '_';
}

class TextDrafter : public ModelDrafter {
 public:
  TextDrafter(DraftModel& model, KvSequence kv, const Tokenizer& target)
      : model_(model), target_(target), context_(model, std::move(kv)) {}

  int64_t n_to_read(std::span<const int32_t> text, int64_t n_most) const override {
    // Bytes per token differ little between vocabularies.
    const auto n = static_cast<int64_t>(text.size()) - static_cast<int64_t>(n_target_);
    return std::clamp<int64_t>(n, 1, n_most);
  }

  Result<ModelDraft> draft(std::span<const int32_t> text, int64_t n_most, const Draw&,
                           const GoOn& go_on, ThreadPool& pool) override {
    take_in(text);
    const Status ready = keep_in_step(kBytesPerToken * static_cast<size_t>(n_most));
    if (!ready.ok()) return ready.error();
    ModelDraft draft;
    if (to_read_.empty()) return draft;

    std::string ahead;         // bytes of the drafted tokens
    std::vector<size_t> ends;  // of each drafted token, in `ahead`
    std::vector<double> chances;
    std::span<const float> rows = read(to_read_, pool);
    for (size_t n = 0; n < DraftContext::kAhead; ++n) {
      const auto token =
          static_cast<int32_t>(std::max_element(rows.begin(), rows.end()) - rows.begin());
      if (token >= model_.tokenizer().vocab_size()) break;
      const double probability = std::exp(token_logprob(rows, token, 0).logprob);
      ahead += model_.tokenizer().token_bytes(token, /*render_special=*/true);
      ends.push_back(ahead.size());
      chances.push_back(probability);
      if (!go_on(probability)) break;
      rows = read({&token, 1}, pool);
    }
    WHET_TRY(draft.tokens, target_.encode(ahead, {.add_special = false, .parse_special = true}));
    // A token of the target is as likely as all the drafted ones that it takes bytes of.
    size_t end = 0, drafted = 0;
    for (const int32_t token : draft.tokens) {
      end += target_.token_bytes(token, true).size();
      double chance = 1;
      while (drafted < ends.size()) {
        chance = std::min(chance, chances[drafted]);
        if (ends[drafted] > end) break;
        if (ends[drafted++] == end) break;
      }
      draft.probabilities.push_back(chance);
    }
    return draft;
  }

 private:
  std::span<const float> read(std::span<const int32_t> tokens, ThreadPool& pool) {
    for (const int32_t token : tokens) {
      // A beginning-of-text token is no part of the text.
      const bool begins = ends_.empty() && model_.tokenizer().bos() == token;
      if (!begins) read_text_ += model_.tokenizer().token_bytes(token, true);
      ends_.push_back(read_text_.size());
    }
    return context_.read(tokens, pool);
  }

  /// Appends the bytes of the target's new tokens.
  void take_in(std::span<const int32_t> text) {
    for (; n_target_ < text.size(); ++n_target_) {
      const int32_t id = text[n_target_];
      if (id < target_.vocab_size()) text_ += target_.token_bytes(id, true);
    }
  }

  void rewind(size_t n) {
    context_.rewind(n);
    ends_.resize(n);
    read_text_.resize(n == 0 ? 0 : ends_[n - 1]);
  }

  /// Takes back what the model read and the text does not say; sets to_read_ to the rest of it.
  Status keep_in_step(size_t most_bytes) {
    if (text_.size() - base_ > most_bytes + read_text_.size()) restart(most_bytes);
    auto n = ends_.size();
    const std::string_view text = std::string_view(text_).substr(base_);
    const auto [differs, unused] = std::ranges::mismatch(read_text_, text);
    const auto agree = static_cast<size_t>(differs - read_text_.begin());
    while (n > 0 && ends_[n - 1] > agree) --n;
    // Not from within a word, nor from between a word and the space before it, which is a part of
    // its token: the model has never seen words cut there.
    const auto cuts_word = [&](size_t end) {
      if (end == 0 || end >= text.size()) return false;
      const char before = text[end - 1], behind = text[end];
      if (before == ' ') return std::isspace(static_cast<unsigned char>(behind)) == 0;
      return is_word_byte(before) && is_word_byte(behind);
    };
    while (n > 0 && (ends_[n - 1] == text.size() || cuts_word(ends_[n - 1]))) --n;
    rewind(n);
    auto rest = model_.tokenizer().encode(text.substr(read_text_.size()),
                                          {.add_special = n == 0, .parse_special = true});
    if (!rest.ok()) return rest.error().with_context("draft model");
    to_read_ = std::move(rest).value();
    if (to_read_.size() + n + DraftContext::kAhead > context_.capacity()) {
      // As much of the end as leaves room; where even that is too long, nothing is drafted.
      restart(context_.capacity());
      auto last = model_.tokenizer().encode(std::string_view(text_).substr(base_),
                                            {.add_special = true, .parse_special = true});
      if (!last.ok()) return last.error().with_context("draft model");
      to_read_ = std::move(last).value();
      if (to_read_.size() + DraftContext::kAhead > context_.capacity()) to_read_.clear();
    }
    return ok_status();
  }

  void restart(size_t most_bytes) {
    rewind(0);
    const size_t keep = std::min(text_.size(), most_bytes);
    base_ = text_.size() - keep;
    // Not within a code point.
    while (base_ < text_.size() && (static_cast<unsigned char>(text_[base_]) & 0xc0) == 0x80) {
      ++base_;
    }
  }

  static constexpr size_t kBytesPerToken = 4;

  DraftModel& model_;
  const Tokenizer& target_;
  DraftContext context_;
  std::string text_;          // of the target's tokens
  size_t n_target_ = 0;       // of them taken in
  size_t base_ = 0;           // byte of text_ at which the model began to read
  std::string read_text_;     // what it read, from there
  std::vector<size_t> ends_;  // of each token that it read, in read_text_
  std::vector<int32_t> to_read_;
};

}  // namespace

Result<std::unique_ptr<ModelDrafter>> make_text_drafter(DraftModel& model,
                                                        const Tokenizer& target) {
  WHET_TRY(KvSequence kv, model.open());
  return std::unique_ptr<ModelDrafter>(std::make_unique<TextDrafter>(model, std::move(kv), target));
}

}  // namespace whet
