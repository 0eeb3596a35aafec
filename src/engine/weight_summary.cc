#include "engine/weight_summary.h"

#include <map>
#include <string_view>

namespace whet {

WeightSummary summarise_weights(const LoadedModel& loaded) {
  WeightSummary summary;
  std::map<std::string_view, int64_t> by_type;
  for (const TensorEntry& tensor : loaded.file.tensors) {
    int64_t n = 1;
    for (const uint64_t size : tensor.shape) n *= static_cast<int64_t>(size);
    summary.n_parameters += n;
    by_type[dtype_info(tensor.type).name] += n;
  }
  int64_t most = 0;
  for (const auto& [type, n] : by_type) {
    if (n <= most) continue;
    most = n;
    summary.type = type;
  }
  return summary;
}

}  // namespace whet
