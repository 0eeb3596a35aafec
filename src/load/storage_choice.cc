#include "load/storage_choice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "base/check.h"
#include "kernels/interleave.h"

namespace whet {

const char* weight_storage_name(WeightStorage storage) {
  switch (storage) {
    case WeightStorage::kMapped:
      return "mapped";
    case WeightStorage::kCopied:
      return "copied";
    case WeightStorage::kInterleaved:
      return "interleaved";
  }
  WHET_UNREACHABLE();
}

StorageChoice choose_storage(const ModelFile& file, kernels::Isa isa, int rows_per_step,
                             std::optional<uint64_t> available_bytes, bool copy) {
  uint64_t all = 0, faster = 0;
  std::set<std::string_view> faster_types;
  for (const TensorEntry& tensor : file.tensors) {
    all += tensor.bytes.size();
    if (tensor.shape.size() < 2 || !kernels::interleaving_pays(isa, tensor.type, rows_per_step))
      continue;
    faster += tensor.bytes.size();
    faster_types.insert(dtype_info(tensor.type).name);
  }
  const WeightStorage plain = copy ? WeightStorage::kCopied : WeightStorage::kMapped;
  const auto reason = [](WeightStorage storage, const std::string& why) {
    return StorageChoice{storage, fmt::format("weights {}: {}", weight_storage_name(storage), why)};
  };
  const std::string_view level = kernels::isa_name(isa);
  const char* several = rows_per_step > 1 ? " for several tokens at once" : "";
  if (faster <= all / 2) {
    return reason(plain,
                  fmt::format("interleaved rows would not decode faster on {}{}", level, several));
  }
  const double percent = 100 * static_cast<double>(faster) / static_cast<double>(all);
  if (available_bytes && all > *available_bytes / 2) {
    return reason(
        plain,
        fmt::format("an interleaved copy of {} MiB takes more than half of the {} MiB that are "
                    "free; --repack on makes it nevertheless",
                    all >> 20, *available_bytes >> 20));
  }
  return reason(
      WeightStorage::kInterleaved,
      fmt::format("{} ({:.0f} % of the bytes) decode faster so on {}{}; --repack off maps the file",
                  fmt::join(faster_types, ", "), percent, level, several));
}

}  // namespace whet
