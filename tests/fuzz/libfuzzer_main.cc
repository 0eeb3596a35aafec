// libFuzzer's entry point for the target that the build names.
#include <cstddef>
#include <cstdint>

#include "targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  whet::fuzz::WHET_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
