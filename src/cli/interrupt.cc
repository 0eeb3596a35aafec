#include "cli/interrupt.h"

#include <unistd.h>

#include <csignal>

#include "sys/unfinished_file.h"

namespace whet {
namespace {

CancelFlag flag;
volatile std::sig_atomic_t last_signal = SIGINT;

extern "C" void on_interrupt(int signal) {
  last_signal = signal;
  if (flag.cancelled()) {
    remove_unfinished_files();
    ::_exit(128 + signal);
  }
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
    // A terminal that goes away; nohup's wish to outlive it stands.
    struct sigaction before {};
    ::sigaction(SIGHUP, nullptr, &before);
    if (before.sa_handler != SIG_IGN) ::sigaction(SIGHUP, &action, nullptr);
    return true;
  }();
  (void)installed;
  return flag;
}

int interrupted_status() {
  return 128 + last_signal;
}

}  // namespace whet
