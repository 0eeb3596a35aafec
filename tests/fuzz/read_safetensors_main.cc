// libFuzzer's entry point for read_safetensors().
#include <cstddef>
#include <cstdint>

#include "targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  whet::fuzz::read_safetensors({reinterpret_cast<const char*>(data), size});
  return 0;
}
