// What the commands that write a model look at before and after.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "formats/model_file.h"
#include "report/progress.h"

namespace whet {

/// Errors: writing to `output` would replace a file of the model, by whatever name or link it is
/// reached. All of a SafeTensors directory belongs to the model but the GGUF files that were
/// written into it.
Status refuse_input_as_output(const std::string& output, const ModelFile& model);

/// Shows on stderr how many weights are written.
class WeightProgress {
 public:
  explicit WeightProgress(std::string what) : what_(std::move(what)) {}
  void update(uint64_t n_done, uint64_t n_weights);
  void finish();

 private:
  std::string what_;
  std::optional<report::Progress> shown_;
};

/// Tells the user what the GGUF file says in words of whet's own, so that nobody is surprised
/// elsewhere.
void note_whet_keys(const std::string& path);

}  // namespace whet
