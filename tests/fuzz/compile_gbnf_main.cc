// libFuzzer's entry point for compile_gbnf().
#include <cstddef>
#include <cstdint>

#include "targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  whet::fuzz::compile_gbnf({reinterpret_cast<const char*>(data), size});
  return 0;
}
