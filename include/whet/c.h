/* whet for C, and for what calls C (Python's ctypes, Go, Rust): the interface of whet/whet.h in
 * plain functions.
 *
 * Functions that can fail return NULL, and whet_error() says why: a message of the calling thread,
 * kept until its next call that fails. Texts are UTF-8 that ends with a 0, owned by what they were
 * asked of. A model may be used from several threads; it serves one request at a time. */
#ifndef WHET_C_H
#define WHET_C_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define WHET_C_EXPORT __attribute__((visibility("default")))
#else
#define WHET_C_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct whet_model whet_model;
typedef struct whet_answer whet_answer;

/* Meanings and defaults are those of whet::GenerateOptions; whet_default_options() fills them in.
 */
typedef struct whet_options {
  size_t samples;     /* completions, decoded together from one prefill */
  int64_t max_tokens; /* per completion; -1: until the context is full */
  double temperature; /* 0: greedy */
  int32_t top_k;      /* 0: off */
  double top_p;       /* 1: off */
  double min_p;       /* 0: off */
  double repeat_penalty;
  double presence_penalty;
  double frequency_penalty;
  int32_t repeat_last_n;
  const char* const* stop; /* texts that end a completion; NULL where n_stop is 0 */
  size_t n_stop;
  int32_t ignore_eos; /* other than 0: go on behind the end of the turn */
  uint64_t seed;
} whet_options;

typedef struct whet_message {
  const char* role; /* "system", "user", "assistant" */
  const char* content;
} whet_message;

/* Receives text as it becomes final: index of the sample, n_bytes of whole code points without a 0.
 * Returning 0 cancels the request, which then returns what it has. */
typedef int (*whet_on_text)(void* user, size_t sample, const char* text, size_t n_bytes);

/* What the last call of this thread that failed had to say; "" if none has. */
WHET_C_EXPORT const char* whet_error(void);

/* A GGUF or SafeTensors file, or a directory. threads, context: 0 as in whet::LoadOptions. */
WHET_C_EXPORT whet_model* whet_load(const char* path, int32_t threads, int64_t context);
WHET_C_EXPORT void whet_free(whet_model* model);

WHET_C_EXPORT whet_options whet_default_options(void);
/* Completes a raw prompt; answers a conversation. options and on_text may be NULL. */
WHET_C_EXPORT whet_answer* whet_generate(whet_model* model, const char* prompt,
                                         const whet_options* options, whet_on_text on_text,
                                         void* user);
WHET_C_EXPORT whet_answer* whet_chat(whet_model* model, const whet_message* messages,
                                     size_t n_messages, const whet_options* options,
                                     whet_on_text on_text, void* user);
/* Stops the requests of this model that run now, from any thread; they return what they have. */
WHET_C_EXPORT void whet_cancel(whet_model* model);

WHET_C_EXPORT size_t whet_answer_samples(const whet_answer* answer);
/* Of one sample, NULL (or -1) outside of them. */
WHET_C_EXPORT const char* whet_answer_text(const whet_answer* answer, size_t sample);
WHET_C_EXPORT const char* whet_answer_finish_reason(const whet_answer* answer, size_t sample);
WHET_C_EXPORT int64_t whet_answer_tokens(const whet_answer* answer, size_t sample);
WHET_C_EXPORT int64_t whet_answer_prompt_tokens(const whet_answer* answer);
WHET_C_EXPORT void whet_answer_free(whet_answer* answer);

#ifdef __cplusplus
}
#endif
#endif
