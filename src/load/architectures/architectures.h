// One architecture a file: each defines its entries of the table in load/architecture.cc.
#pragma once

#include "load/architecture.h"

namespace whet {

extern const Architecture kLlama;
extern const Architecture kMistral;
extern const Architecture kQwen2;
extern const Architecture kQwen3;
extern const Architecture kSmolLm3;
extern const Architecture kGranite;
extern const Architecture kPhi3;
extern const Architecture kPhi2;
extern const Architecture kGemma;
extern const Architecture kGemma2;
extern const Architecture kGemma3;
extern const Architecture kMixtral;
extern const Architecture kQwen2Moe;
extern const Architecture kQwen3Moe;
extern const Architecture kOlmoe;
extern const Architecture kGraniteMoe;
extern const Architecture kGptOss;
extern const Architecture kOlmo2;
extern const Architecture kExaone4;
extern const Architecture kCohere;
extern const Architecture kCohere2;
extern const Architecture kGlm4;
extern const Architecture kStarcoder2;
extern const Architecture kStableLm;
extern const Architecture kGptNeox;
extern const Architecture kGemma4;
extern const Architecture kGemma4Seeing;
extern const Architecture kGemma3Seeing;
extern const Architecture kMinistral3;
extern const Architecture kQwen2Vl;
extern const Architecture kQwen3Vl;
extern const Architecture kGpt2;
extern const Architecture kBloom;
extern const Architecture kMpt;
extern const Architecture kFalcon;
extern const Architecture kLfm2;
extern const Architecture kLfm2Moe;
extern const Architecture kQwen35;
extern const Architecture kQwen35Seeing;
extern const Architecture kQwen35Moe;
extern const Architecture kQwen35MoeSeeing;
extern const Architecture kGraniteHybrid;
extern const Architecture kNemotronH;
extern const Architecture kFalconH1;
extern const Architecture kDeepSeek2;
extern const Architecture kDeepSeek3;
extern const Architecture kGlm4MoeLite;

}  // namespace whet
