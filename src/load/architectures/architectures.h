// One architecture a file: each defines its entry of the table in load/architecture.cc.
#pragma once

#include "load/architecture.h"

namespace whet {

extern const Architecture kLlama;
extern const Architecture kQwen2;
extern const Architecture kPhi2;

}  // namespace whet
