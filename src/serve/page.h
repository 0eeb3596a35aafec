// The web page that the server shows at /.
#pragma once

#include <string_view>

namespace whet::serve {

std::string_view page();

}  // namespace whet::serve
