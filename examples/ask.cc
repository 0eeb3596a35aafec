// Asks a model one question and prints the answer as it comes.
//   ask MODEL QUESTION
#include <whet/whet.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: ask MODEL QUESTION\n");
    return 2;
  }
  auto model = whet::Model::load(argv[1]);
  if (!model) {
    std::fprintf(stderr, "ask: %s\n", model.error().c_str());
    return 1;
  }
  whet::GenerateOptions options;
  options.max_tokens = 200;
  options.temperature = 0;
  auto answer = model->chat({{"user", argv[2]}}, options, [](std::size_t, std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return std::fflush(stdout) == 0;  // false: stop
  });
  if (!answer) {
    std::fprintf(stderr, "ask: %s\n", answer.error().c_str());
    return 1;
  }
  std::printf(
      "\n(%lld prompt tokens, %lld tokens, %s)\n", static_cast<long long>(answer->prompt_tokens),
      static_cast<long long>(answer->samples[0].tokens), answer->samples[0].finish_reason.c_str());
  return 0;
}
