// POST /v1/responses, without memory of earlier ones.
#pragma once

#include "serve/server.h"

namespace whet::serve {

void responses(Exchange& exchange);

}  // namespace whet::serve
