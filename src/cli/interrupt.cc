#include "cli/interrupt.h"

#include <unistd.h>
#include <csignal>

namespace whet {
namespace {

CancelFlag flag;
volatile std::sig_atomic_t last_signal = SIGINT;

extern "C" void on_interrupt(int signal) {
  last_signal = signal;
  if (flag.cancelled()) ::_exit(128 + signal);
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

int interrupted_status() {
  return 128 + last_signal;
}

}  // namespace whet
