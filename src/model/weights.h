// The bound weights of a model: views into its files, shapes already checked by load/.
#pragma once

#include <vector>

#include "tensor/matrix.h"

namespace whet {

/// Gain and bias [D]; the bias is empty for Norm::kRms.
struct NormWeights {
  std::vector<float> gain, bias;
};

/// Biases are as long as their matrix has rows, and empty where the form has none.
struct LayerWeights {
  NormWeights attention_norm;
  Matrix q;  // [H*K, D]
  Matrix k;  // [G*K, D]
  Matrix v;  // [G*K, D]
  std::vector<float> q_bias, k_bias, v_bias;
  Matrix attention_output;  // [D, H*K]
  std::vector<float> attention_output_bias;
  NormWeights ffn_norm;  // empty where `parallel`
  Matrix gate;           // [F, D]; no rows without a gate
  Matrix up;             // [F, D]
  Matrix down;           // [D, F]
  std::vector<float> up_bias, down_bias;
};

struct Weights {
  Matrix embedding;  // [V, D]
  std::vector<LayerWeights> layers;
  NormWeights output_norm;
  Matrix head;  // [V, D]; the embedding where the model ties them
  std::vector<float> head_bias;
};

}  // namespace whet
