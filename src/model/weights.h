// The bound weights of a model: views into the mapped files, shapes already checked by load/.
#pragma once

#include <vector>

#include "tensor/matrix.h"

namespace whet {

struct LayerWeights {
  std::vector<float> attention_norm;  // [D]
  Matrix q;                           // [H*K, D]
  Matrix k;                           // [G*K, D]
  Matrix v;                           // [G*K, D]
  std::vector<float> q_bias;          // [H*K], k_bias and v_bias [G*K]; empty without has_qkv_bias
  std::vector<float> k_bias, v_bias;
  Matrix attention_output;      // [D, H*K]
  std::vector<float> ffn_norm;  // [D]
  Matrix gate;                  // [F, D]
  Matrix up;                    // [F, D]
  Matrix down;                  // [D, F]
};

struct Weights {
  Matrix embedding;  // [V, D]
  std::vector<LayerWeights> layers;
  std::vector<float> output_norm;  // [D]
  Matrix head;                     // [V, D]; the embedding where the model ties them
};

}  // namespace whet
