// What a user asks of sparsity, and the model made ready for it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "load/channel_copies.h"
#include "load/loaded_model.h"
#include "par/thread_pool.h"

namespace whet::adapt {

/// larosa: the largest of each input, by its rule; wina: those weighed by norms of columns; down:
/// of down's input alone; block: whole blocks of 32 channels, as the weights of the file have them;
/// teal: those above a threshold of each input; cats: those of down's input whose gate is.
inline constexpr std::string_view kSparsityMethods[] = {"larosa", "wina", "down",
                                                        "block",  "teal", "cats"};

struct SparsityChoice {
  enum class Kind { kOff, kOfFile, kShare } kind = Kind::kOff;
  std::string method = {};  // of kShare: one of kSparsityMethods
  double share = 0;         // of kShare: of the channels that the method looks at
};

/// "off", "plan" (the channels that the model's file says are kept), "0.4" (LaRoSA's rule),
/// "wina:0.4" and so on. Errors: anything else. Whether a share can be reached depends on the
/// model.
Result<SparsityChoice> parse_sparsity(std::string_view text);

/// Replaces the model's plan where a share is asked for; where `rows` are those decoded, the
/// weights that they meet are copied channel by channel, unless whole blocks are left out.
/// Precondition: the choice is not kOff. Errors: a file without a plan, or for thresholds without
/// quantiles of magnitudes; a model without these inputs, or for blocks without a matrix of a type
/// in blocks of 32; a share out of range, no memory.
Result<ChannelCopies> apply_sparsity(const SparsityChoice& choice, SparseRows rows,
                                     ThreadPool& pool, LoadedModel& model);

}  // namespace whet::adapt
