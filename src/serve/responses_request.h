// The body of POST /v1/responses, said as the body of a chat completion.
#pragma once

#include "serve/fields.h"

namespace whet::serve {

/// The same request in the words of /v1/chat/completions. What is wrong stays in `fields`, under
/// the names that the client used.
Json responses_as_chat(Fields& fields);

}  // namespace whet::serve
