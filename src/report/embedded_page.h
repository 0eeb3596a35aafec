// What the page of a report is made of: page.html.jinja and page.css.
#pragma once

#include <span>

#include "base/embedded_file.h"

namespace whet {

std::span<const EmbeddedFile> embedded_page();

}  // namespace whet
