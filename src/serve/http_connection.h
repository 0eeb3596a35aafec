// One client of an HttpServer: its requests one after the other, and what they are answered.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "serve/http_server.h"

namespace whet::serve {

class HttpConnection {
 public:
  /// Serves `socket` until its client is gone or the server ends it. All on the I/O thread, as is
  /// everything below.
  static void begin(boost::asio::ip::tcp::socket socket, HttpServer::State& server);
  /// Answers the first request of `socket` that the server has too many connections, and closes it.
  /// Costs what an idle connection does, and no thread.
  static void refuse(boost::asio::ip::tcp::socket socket, HttpServer::State& server);

  /// Closes if nothing is being answered.
  virtual void close_if_idle() = 0;
  /// Whatever is being computed for it stops.
  virtual void cancel() = 0;

 protected:
  ~HttpConnection() = default;
};

}  // namespace whet::serve
