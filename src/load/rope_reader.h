// The rotary embedding of a model, from either dialect.
#pragma once

#include "load/config_reader.h"
#include "model/model_config.h"

namespace whet {

/// Where an architecture departs from the usual words.
struct RopeWords {
  int64_t head_dim = 0;
  kernels::RopePairing pairing = kernels::RopePairing::kHalfSplit;
  double usual_theta = 10000;      // of config.json where it names none
  double rotary_factor = 1;        // "partial_rotary_factor" where config.json names none
  bool any_rotary_factor = false;  // config.json may name one though it usually is 1
  /// Part of "rope_parameters" by type of layer ("full_attention"), where they are so divided.
  const char* layer_type = nullptr;
  bool query_growth = false;  // "llama_4_scaling_beta" beside YaRN
  /// YaRN's "mscale_all_dim" is for the scores (RopeForm::score_scale); in GGUF, a tenth of it is
  /// "yarn_log_multiplier", and it is "mscale" too.
  bool scales_scores = false;
  bool sections = false;      // positions in time, height and width: of text all the same
  /// Type "proportional": of the whole head's frequencies only the first of "partial_rotary_factor"
  /// turn.
  bool proportional = false;
  bool yarn_truncates = true;  // GGUF cannot say it
};

/// Reads theta, rotated width and scaling, and all tensors of factors.
/// Errors: a scaling that whet does not know; names the word.
Result<RopeForm> read_rope(ConfigReader& reader, const ModelConfig& config, const RopeWords& words);

}  // namespace whet
