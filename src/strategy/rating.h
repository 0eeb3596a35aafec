// Rating: numbers that a model was asked for, read without guessing.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace whet::strategy {

/// The share of full marks, 0 to 1: "8", "8/10", "Score: 8.5", "8 out of 10", "80/100" where `best`
/// is 10. Nothing for a number beyond `best`, for none, or for several of which none is marked.
std::optional<double> read_rating(std::string_view text, double best = 10);

/// Index (from 0) of the one of `n` that a text picks: the number behind its last "best", "pick",
/// "choose" or "answer", or the only one it names. Nothing if it names none, or several.
std::optional<size_t> read_pick(std::string_view text, size_t n);

}  // namespace whet::strategy
