#include "cli/interrupt.h"

#include <unistd.h>
#include <csignal>

namespace whet {
namespace {

CancelFlag flag;

extern "C" void on_interrupt(int) {
  if (flag.cancelled()) ::_exit(130);
  flag.cancel();
}

}  // namespace

CancelFlag& interrupt_flag() {
  static const bool installed = [] {
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    sigemptyset(&action.sa_mask);
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
    return true;
  }();
  (void)installed;
  return flag;
}

}  // namespace whet
