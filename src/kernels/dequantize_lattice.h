// Exact f32 values of the types whose codes are points of lattices, or of so few bits that only
// memory matters: IQ1 to IQ4_XS, ternary, NVFP4. By each format's definition.
#pragma once

#include "tensor/blocks.h"

namespace whet::kernels {

void dequantize(const BlockIQ4_XS& block, float* x);
void dequantize(const BlockIQ3_S& block, float* x);
void dequantize(const BlockIQ3_XXS& block, float* x);
void dequantize(const BlockIQ2_S& block, float* x);
void dequantize(const BlockIQ2_XS& block, float* x);
void dequantize(const BlockIQ2_XXS& block, float* x);
void dequantize(const BlockIQ1_M& block, float* x);
void dequantize(const BlockIQ1_S& block, float* x);
void dequantize(const BlockTQ1_0& block, float* x);
void dequantize(const BlockTQ2_0& block, float* x);
void dequantize(const BlockNVFP4& block, float* x);
void dequantize(const BlockQ1_0& block, float* x);
void dequantize(const BlockQ2_0& block, float* x);

}  // namespace whet::kernels
