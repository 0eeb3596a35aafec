// libFuzzer's entry point for read_tokenizer_json().
#include <cstddef>
#include <cstdint>

#include "targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  whet::fuzz::read_tokenizer_json({reinterpret_cast<const char*>(data), size});
  return 0;
}
