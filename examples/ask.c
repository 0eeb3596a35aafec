/* Asks a model one question and prints the answer as it comes.
 *   ask MODEL QUESTION */
#include <stdio.h>
#include <whet/c.h>

static int print(void* user, size_t sample, const char* text, size_t n_bytes) {
  (void)user, (void)sample;
  fwrite(text, 1, n_bytes, stdout);
  return fflush(stdout) == 0; /* 0: stop */
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: ask MODEL QUESTION\n");
    return 2;
  }
  whet_model* model = whet_load(argv[1], 0, 0);
  whet_options options = whet_default_options();
  options.max_tokens = 200;
  options.temperature = 0;
  const whet_message question = {"user", argv[2]};
  whet_answer* answer = model == NULL ? NULL : whet_chat(model, &question, 1, &options, print, NULL);
  if (answer == NULL) {
    fprintf(stderr, "ask: %s\n", whet_error());
    whet_free(model);
    return 1;
  }
  printf("\n(%lld prompt tokens, %lld tokens, %s)\n", (long long)whet_answer_prompt_tokens(answer),
         (long long)whet_answer_tokens(answer, 0), whet_answer_finish_reason(answer, 0));
  whet_answer_free(answer);
  whet_free(model);
  return 0;
}
