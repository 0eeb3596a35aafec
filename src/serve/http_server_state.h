// What an HttpServer and its connections share: the sockets' loop, the workers and their queue.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "serve/http_server.h"

namespace whet::serve {

class HttpConnection;

struct HttpServer::State {
  State(const HttpLimits& l, Handler h, IsQuick q, ErrorBody e)
      : limits(l), handler(std::move(h)), is_quick(std::move(q)), error_body(std::move(e)) {}

  const HttpLimits limits;
  const Handler handler;
  const IsQuick is_quick;
  const ErrorBody error_body;
  std::set<HttpConnection*> connections;  // of the I/O thread
  std::atomic<int64_t> n_connections{0}, n_active{0};
  int64_t n_refused =
      0;  // connections that are only told that there are too many; the I/O thread's
  boost::asio::io_context io;  // destroyed before what its handlers use
  boost::asio::ip::tcp::acceptor acceptor{io};
  boost::asio::signal_set signals{io};
  boost::asio::steady_timer drain{io}, last_check{io};
  bool stopping = false;  // of the I/O thread

  // Work for the workers.
  std::mutex mutex;
  std::condition_variable work;
  std::deque<std::function<void()>> queue;
  bool ended = false;
  std::vector<std::thread> workers;

  /// False where the queue is full.
  bool enqueue(std::function<void()> job);
  void work_loop();

  void accept();
  void await_signal();
  void begin_stop();
  void await_last_connection();
  void cancel_all();
};

}  // namespace whet::serve
