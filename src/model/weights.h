// The bound weights of a model: views into its files, shapes already checked by load/.
#pragma once

#include <memory>
#include <vector>

#include "tensor/matrix.h"

namespace whet {

class FileBytes;  // sys/file_bytes.h

/// The bias is empty for NormKind::kRms, and zeros for a kLayer without one.
struct NormWeights {
  std::vector<float> gain, bias;
};

/// The bias is as long as the matrix has rows, and empty where the form has none.
struct LinearWeights {
  Matrix matrix{};
  std::vector<float> bias;
};

/// One matrix for each expert or head, and (or empty) their biases one behind the other.
struct ExpertWeights {
  std::vector<Matrix> matrices;
  std::vector<float> bias;
};

/// What a layer's form does not have is empty.
struct LayerWeights {
  NormWeights attention_norm;                 // [D]
  LinearWeights q;                            // [H*K, D]
  LinearWeights k;                            // [G*K, D]
  LinearWeights v;                            // [G*K, D]
  NormWeights q_norm, k_norm;                 // [K], or all heads' elements
  std::vector<float> sinks;                   // [H]
  LinearWeights query_down;                   // [query_rank, D]
  NormWeights query_norm;                     // [query_rank]
  LinearWeights latent;                       // [R+P, D]
  NormWeights latent_norm;                    // [R]
  ExpertWeights key_up;                       // of each head [R, C], its key matrix transposed
  ExpertWeights value_up;                     // of each head [U, R]
  LinearWeights mixer_in;                     // [parts, D], as the mixer's block says
  LinearWeights mixer_gate;                   // [H*P, D]
  LinearWeights mixer_rate;                   // [H, D]
  LinearWeights mixer_decay;                  // [H, D]
  std::vector<float> convolution;             // [width][channels]
  std::vector<float> convolution_bias;        // [channels]
  std::vector<float> decay;                   // [H], negative
  std::vector<float> step_bias;               // [H]
  std::vector<float> skip;                    // [H]
  std::vector<float> mixer_norm;              // [P] or [H*P]
  LinearWeights mixer_output;                 // [D, H*P]
  LinearWeights attention_output;             // [D, H*K]
  NormWeights attention_post_norm, ffn_norm;  // [D]
  LinearWeights gate;                         // [F, D]
  LinearWeights up;                           // [F, D]
  LinearWeights down;                         // [D, F]
  LinearWeights router;                       // [E, D]
  std::vector<float> selection_bias;          // [E]
  ExpertWeights expert_gate, expert_up;       // [F, D] each
  ExpertWeights expert_down;                  // [D, F] each
  LinearWeights shared_gate;                  // [1, D]
  NormWeights ffn_post_norm;                  // [D]
  LinearWeights layer_input_gate;             // [P, D]
  LinearWeights layer_input_out;              // [D, P]
  NormWeights layer_input_norm;               // [D]
  std::vector<float> output_scale;            // [1]
};

struct Weights {
  Matrix embedding;            // [V, D]
  Matrix positions;            // [n_positions, D]
  NormWeights embedding_norm;  // [D]
  std::vector<LayerWeights> layers;
  NormWeights output_norm;  // [D]
  LinearWeights head;       // [V, D]; the embedding where the model ties them
  /// Matrices that the file has in another form lie here; not sealed.
  std::vector<std::shared_ptr<FileBytes>> made;
  // Where layers have an input of their own (ModelConfig::layer_input_dim):
  Matrix layer_embedding;             // [V, L*P], of which only rows are read
  LinearWeights layer_projection;     // [L*P, D]
  NormWeights layer_projection_norm;  // [P]
};

}  // namespace whet
