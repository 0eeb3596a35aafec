// The three standard streams of the program, which the caller may have closed or pointed anywhere.
#pragma once

#include "base/result.h"

namespace whet {

/// Puts something behind descriptors 0 to 2 that the caller has closed, so that no file which is
/// opened later gets their numbers and receives what is printed. Writing to a standard output that
/// was closed stays an error; messages to a closed standard error are lost.
void open_closed_streams();

/// Everything printed to stdout has arrived. Errors (kIo): some of it was lost, a full disk say.
Status flush_stdout();

}  // namespace whet
