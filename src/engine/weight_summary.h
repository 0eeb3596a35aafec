// WeightSummary: what a model's tensors are in sum.
#pragma once

#include <cstdint>
#include <string>

#include "load/loaded_model.h"

namespace whet {

struct WeightSummary {
  int64_t n_parameters = 0;  // values of all tensors, as they stand in the file
  std::string type = {};     // of most of them, "Q4_K"
};

WeightSummary summarise_weights(const LoadedModel& loaded);

}  // namespace whet
