// whet eval --plan: what an experiment would cost and could show, before anything is run.
#pragma once

#include <cstdint>
#include <string>

namespace whet {

struct EvalDesign {
  int64_t n_tasks = 0, n_seeds = 0;
  int64_t n_groups = 0;      // of tasks that are drawn together, a task on its own being one
  int64_t n_strategies = 0;  // that are compared with the one baseline
  int64_t n_controls = 0;
};

std::string eval_design_text(const EvalDesign& design);

}  // namespace whet
