// Perplexity by llama.cpp of given token ids, in the windows of `whet perplexity`: each window is
// scored on its own, all of it but its first token.
//
//   g++ -std=c++20 -O2 -I LLAMA/include -I LLAMA/ggml/include tools/llama_scores.cc \
//     -L LLAMA/build/bin -Wl,-rpath,LLAMA/build/bin -lllama -lggml -lggml-base -o llama_scores
//   llama_scores MODEL.gguf WINDOW < ids
//
// Prints nats per token. Threads: 2. Flash attention off.
#include <llama.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: llama_scores MODEL.gguf WINDOW < ids\n");
    return 2;
  }
  llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
  llama_backend_init();
  llama_model* model = llama_model_load_from_file(argv[1], llama_model_default_params());
  const auto window = static_cast<size_t>(std::atol(argv[2]));
  llama_context_params params = llama_context_default_params();
  params.n_ctx = params.n_batch = params.n_ubatch = static_cast<uint32_t>(window);
  params.n_threads = params.n_threads_batch = 2;
  params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
  llama_context* context = model == nullptr ? nullptr : llama_init_from_model(model, params);
  if (context == nullptr || window < 2) {
    std::fprintf(stderr, "llama_scores: cannot open %s with a window of %s\n", argv[1], argv[2]);
    return 3;
  }
  std::vector<llama_token> ids;
  for (llama_token id; std::cin >> id;) ids.push_back(id);
  const int n_vocab = llama_vocab_n_tokens(llama_model_get_vocab(model));
  double nats = 0;
  size_t scored = 0;
  for (size_t first = 0; first < ids.size(); first += window) {
    const size_t n = std::min(window, ids.size() - first);
    llama_memory_clear(llama_get_memory(context), true);
    llama_batch batch = llama_batch_init(static_cast<int32_t>(n), 0, 1);
    for (size_t i = 0; i < n; ++i) {
      batch.token[i] = ids[first + i];
      batch.pos[i] = static_cast<llama_pos>(i);
      batch.n_seq_id[i] = 1;
      batch.seq_id[i][0] = 0;
      batch.logits[i] = 1;
    }
    batch.n_tokens = static_cast<int32_t>(n);
    if (llama_decode(context, batch) != 0) return 4;
    for (size_t i = 0; i + 1 < n; ++i, ++scored) {
      const float* logits = llama_get_logits_ith(context, static_cast<int32_t>(i));
      const double top = *std::max_element(logits, logits + n_vocab);
      double sum = 0;
      for (int v = 0; v < n_vocab; ++v) sum += std::exp(logits[v] - top);
      nats += top + std::log(sum) - logits[ids[first + i + 1]];
    }
    llama_batch_free(batch);
  }
  std::printf("%.6f\n", nats / static_cast<double>(scored));
}
