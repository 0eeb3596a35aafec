#include "decode/constraint.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <thread>

#include "base/rng.h"
#include "decode/vocabulary_for_test.h"
#include "grammar/gbnf.h"

namespace whet {
namespace {

using decode_test::VocabularyForTest;

std::shared_ptr<const Constraint> constrain(const Tokenizer& tokenizer, std::string_view gbnf) {
  auto grammar = grammar::gbnf_grammar(gbnf);
  if (!grammar.ok()) ADD_FAILURE() << grammar.error().message();
  return make_constraint(*grammar, tokenizer);
}

/// The pieces of the tokens that may come next.
std::set<std::string> next_pieces(const Constraint& constraint, const Constraint::State& state,
                                  const Tokenizer& tokenizer) {
  const auto mask = constraint.allowed(state);
  if (!mask.ok()) ADD_FAILURE() << mask.error().message();
  std::set<std::string> pieces;
  for (TokenId id = 0; id < tokenizer.vocab_size(); ++id) {
    if ((*mask)->allows(id)) pieces.emplace(tokenizer.piece(id));
  }
  return pieces;
}

using Pieces = std::set<std::string>;

TEST(Constraint, AllowsTokensThatTheGrammarGoesOnWith) {
  const VocabularyForTest tokenizer({"a", "b", "ab", "abc", "abx", "c", "x"});
  const auto constraint = constrain(tokenizer, "root ::= \"abc\" | \"ac\"?");
  auto state = constraint->start();
  EXPECT_EQ(next_pieces(*constraint, state, tokenizer), (Pieces{"a", "ab", "abc", "<end>"}));
  EXPECT_TRUE(constraint->can_end(state));
  ASSERT_TRUE(constraint->accept(state, *tokenizer.find_piece("ab")));
  EXPECT_EQ(next_pieces(*constraint, state, tokenizer), Pieces{"c"});
  EXPECT_FALSE(constraint->can_end(state));
  EXPECT_FALSE(constraint->accept(state, *tokenizer.find_piece("a")));
  EXPECT_FALSE(constraint->accept(state, *tokenizer.find_piece("<end>")));
  EXPECT_FALSE(constraint->accept(state, -1));
  EXPECT_FALSE(constraint->accept(state, tokenizer.vocab_size()));
  ASSERT_TRUE(constraint->accept(state, *tokenizer.find_piece("c")));
  EXPECT_TRUE(constraint->is_finished(state));
  EXPECT_EQ(next_pieces(*constraint, state, tokenizer), Pieces{"<end>"});
  ASSERT_TRUE(constraint->accept(state, *tokenizer.find_piece("<end>")));
  EXPECT_EQ(next_pieces(*constraint, state, tokenizer), Pieces{});
  EXPECT_TRUE(constraint->is_finished(state));
  EXPECT_FALSE(constraint->accept(state, *tokenizer.find_piece("<end>"))) << "nothing follows";
}

TEST(Constraint, StatesAreValuesThatOneCanGoBackTo) {
  const VocabularyForTest tokenizer({"(", ")"});
  const auto constraint = constrain(tokenizer, "root ::= \"(\" root \")\" | \"\"");
  const auto before = constraint->start();
  auto after = before;
  ASSERT_TRUE(constraint->accept(after, 0));
  ASSERT_TRUE(constraint->accept(after, 0));
  auto branch = after;
  ASSERT_TRUE(constraint->accept(after, 1));
  ASSERT_TRUE(constraint->accept(after, 1));
  EXPECT_FALSE(constraint->accept(after, 1));
  EXPECT_TRUE(constraint->can_end(after));
  EXPECT_FALSE(constraint->can_end(branch));
  EXPECT_TRUE(constraint->can_end(before));
}

TEST(Constraint, CharactersMayBeSplitOverTokens) {
  const VocabularyForTest tokenizer({"\xc3", "\xa9", "\xe6", "\xbc\xa2", "é", "\xa9x", "x"});
  const auto constraint = constrain(tokenizer, "root ::= [éx]+");
  auto state = constraint->start();
  EXPECT_EQ(next_pieces(*constraint, state, tokenizer), (Pieces{"\xc3", "é", "x"}));
  ASSERT_TRUE(constraint->accept(state, 0));
  EXPECT_FALSE(constraint->can_end(state));
  EXPECT_EQ(next_pieces(*constraint, state, tokenizer), (Pieces{"\xa9", "\xa9x"}));
}

TEST(Constraint, ControlTokensAreNeverText) {
  const VocabularyForTest tokenizer({"<", "tool>", "a"}, {"<tool>", "<think>"});
  const auto constraint = constrain(tokenizer, "root ::= \"<tool>\" .*");
  auto state = constraint->start();
  EXPECT_EQ(next_pieces(*constraint, state, tokenizer), Pieces{"<"});

  const auto grammar = grammar::gbnf_grammar("root ::= \"<tool>\" .*");
  const TokenId tool = *tokenizer.find_piece("<tool>");
  const Constraint spelled(*grammar,
                           std::make_shared<TokenTrie>(tokenizer, std::vector<TokenId>{tool}));
  state = spelled.start();
  EXPECT_EQ(next_pieces(spelled, state, tokenizer), (Pieces{"<", "<tool>"}));
  ASSERT_TRUE(spelled.accept(state, tool));
  EXPECT_TRUE(spelled.can_end(state));
}

TEST(Constraint, AGrammarCanWaitForATrigger) {
  const VocabularyForTest tokenizer({"a", "<", "<c", "c>", "c>1", "c>a", "1", "</c>", "\xff"},
                                    {"<think>"});
  grammar::RuleSet rules;
  const grammar::RuleId turn = rules.declare("turn");
  const auto body =
      rules.sequence({rules.repeat(rules.one_of(grammar::CodePoints{{'0', '9'}}), 1, {}),
                      rules.literal("</c>"), rules.call(turn)});
  rules.define(turn, rules.any_of({rules.free_text({"<c>"}),
                                   rules.sequence({rules.free_text_until({"<c>"}), body})}));
  const auto grammar = grammar::Grammar::compile(rules, rules.call(turn));
  ASSERT_TRUE(grammar.ok()) << grammar.error().message();
  const auto constraint = make_constraint(*grammar, tokenizer);
  auto state = constraint->start();
  const Pieces everything{"a", "<",    "<c",   "c>",      "c>1",  "c>a",
                          "1", "</c>", "\xff", "<think>", "<end>"};
  EXPECT_EQ(next_pieces(*constraint, state, tokenizer), everything);
  auto accept = [&](std::string_view piece) {
    ASSERT_TRUE(constraint->accept(state, *tokenizer.find_piece(piece))) << piece;
  };
  accept("<think>");
  accept("a");
  accept("<");
  Pieces most = everything;
  most.erase("c>a");  // the trigger, and then what the grammar refuses
  EXPECT_EQ(next_pieces(*constraint, state, tokenizer), most);
  accept("<");
  accept("c>1");
  EXPECT_EQ(next_pieces(*constraint, state, tokenizer), (Pieces{"<", "1", "</c>"}));
  EXPECT_FALSE(constraint->can_end(state));
  accept("</c>");
  EXPECT_EQ(next_pieces(*constraint, state, tokenizer), everything);
}

TEST(Constraint, MaskIsWhatTheGrammarSaysTokenByToken) {
  const CounterRng rng(5, 6);
  uint64_t draw = 0;
  std::set<std::string> pieces;
  while (pieces.size() < 300) {
    std::string piece;
    for (uint64_t n = 1 + rng.bits(draw++) % 4; n > 0; --n) {
      piece += "{}[]\",:01ab \xc3\xa9"[rng.bits(draw++) % 14];
    }
    pieces.insert(piece);
  }
  const VocabularyForTest tokenizer(std::vector<std::string>(pieces.begin(), pieces.end()));
  const char* json =
      "root ::= \"{\" (pair (\",\" pair)*)? \"}\"\n"
      "pair ::= string \":\" value\n"
      "value ::= root | string | [01]+ | \"[\" (value (\",\" value)*)? \"]\"\n"
      "string ::= \"\\\"\" [abé ]* \"\\\"\"";
  const auto grammar = grammar::gbnf_grammar(json);
  ASSERT_TRUE(grammar.ok());
  const auto constraint = make_constraint(*grammar, tokenizer);
  for (int round = 0; round < 10; ++round) {
    std::string text;
    auto state = constraint->start();
    for (int step = 0; step < 20 && !constraint->is_finished(state); ++step) {
      const auto mask = constraint->allowed(state);
      ASSERT_TRUE(mask.ok());
      std::vector<TokenId> allowed;
      for (TokenId id = 0; id < tokenizer.vocab_size(); ++id) {
        const std::string bytes = tokenizer.token_bytes(id, false);
        if (bytes.empty()) continue;
        EXPECT_EQ((*mask)->allows(id), (*grammar)->matches_prefix(text + bytes)) << text << bytes;
        if ((*mask)->allows(id)) allowed.push_back(id);
      }
      ASSERT_FALSE(allowed.empty()) << text;
      const TokenId token = allowed[rng.bits(draw++) % allowed.size()];
      ASSERT_TRUE(constraint->accept(state, token));
      text += tokenizer.token_bytes(token, false);
      EXPECT_EQ(constraint->can_end(state), (*grammar)->matches(text)) << text;
    }
  }
}

TEST(Constraint, AnAmbiguousGrammarIsAnErrorAndNoDeadEnd) {
  const VocabularyForTest tokenizer({"a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"});
  // Every split of the text between the two is kept apart.
  const auto constraint = constrain(tokenizer,
                                    "root ::= x{0,3000} y{0,3000} z{0,3000} \"b\"\n"
                                    "x ::= \"a\"{1,700}\ny ::= \"a\"{1,700}\nz ::= \"a\"{1,700}");
  auto state = constraint->start();
  std::string error;
  for (int i = 0; i < 60 && error.empty(); ++i) {
    const auto mask = constraint->allowed(state);
    if (!mask.ok()) {
      error = mask.error().message();
      EXPECT_EQ(mask.error().code(), ErrorCode::kResourceExhausted);
      break;
    }
    EXPECT_TRUE((*mask)->allows(1));
    ASSERT_TRUE(constraint->accept(state, 1));
  }
  EXPECT_NE(error.find("too ambiguous"), std::string::npos);
}

TEST(Constraint, AMaskThatWouldTakeTooLongIsAnError) {
  const CounterRng rng(9, 1);
  uint64_t draw = 0;
  std::set<std::string> pieces;
  while (pieces.size() < 20'000) {
    std::string piece;
    for (int i = 0; i < 6; ++i) piece += static_cast<char>('a' + rng.bits(draw++) % 20);
    pieces.insert(piece);
  }
  const VocabularyForTest tokenizer(std::vector<std::string>(pieces.begin(), pieces.end()));
  // Each step visits thousands of positions, and most tokens lead to states of their own.
  const auto constraint = constrain(
      tokenizer, "root ::= ([a-e]? [d-j]? [acegikmo]? [g-p]? [bdfhjlnp]? [l-t]? [aeiou]?){1000}");
  const auto mask = constraint->allowed(constraint->start());
  ASSERT_FALSE(mask.ok());
  EXPECT_EQ(mask.error().code(), ErrorCode::kResourceExhausted);
}

TEST(Constraint, ThreadsShareOne) {
  const VocabularyForTest tokenizer({"(", ")", "()", "(("});
  const auto constraint = constrain(tokenizer, "root ::= (\"(\" root \")\")*");
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const CounterRng rng(t, 0);
      auto state = constraint->start();
      for (uint64_t step = 0; step < 500; ++step) {
        const auto mask = constraint->allowed(state);
        ASSERT_TRUE(mask.ok());
        auto token = static_cast<TokenId>(rng.bits(step) % 4);
        while (!(*mask)->allows(token)) token = (token + 1) % 4;
        ASSERT_TRUE(constraint->accept(state, token));
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace whet
