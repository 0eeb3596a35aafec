// HttpServer: the one place that knows HTTP. Connections are asynchronous, so that thousands of
// idle and slow ones cost one thread; requests that compute run on workers, one each.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "serve/message.h"

namespace whet::serve {

struct HttpLimits {
  size_t max_body_bytes = 16 << 20;
  uint32_t max_header_bytes = 32 << 10;
  int max_connections = 4096;
  int max_refused = 256;      // connections over that number that are being told so at once
  int header_timeout_s = 30;  // also of the body
  int idle_timeout_s = 75;    // of a connection between requests
  int write_timeout_s = 60;   // in which a client must read something
  int max_active = 16;        // requests that compute at once
  int max_queue = 512;        // that wait for their turn
  int drain_s = 30;           // how long running requests may go on at the end
  /// Of silence, after which a stream of events gets a comment: proxies cut what is quiet longer.
  std::chrono::milliseconds ping_interval{15'000};
};

class HttpServer {
 public:
  /// Answers a request. Threads: called on several at once.
  using Handler = std::function<void(const Request&, Reply&)>;
  /// Whether a request is answered at once, without a worker: health, metrics.
  using IsQuick = std::function<bool(const Request&)>;
  /// The body of an error that the server itself gives, in the dialect of the path.
  using ErrorBody =
      std::function<std::string(const std::string& path, int status, const std::string& message)>;

  /// Binds and listens; port 0 = any. Errors: the address is taken or not ours.
  static Result<std::unique_ptr<HttpServer>> listen(const std::string& host, int port,
                                                    const HttpLimits& limits, Handler handler,
                                                    IsQuick is_quick, ErrorBody error_body);
  ~HttpServer();

  int port() const;
  /// From here on SIGINT and SIGTERM stop the server, also before run(); a second one cancels what
  /// is running. To be called before anybody learns the address.
  void stop_on_signals();
  /// Serves until stop() or a signal. Then no new request is taken, and running ones may end within
  /// drain_s.
  void run();
  /// From any thread.
  void stop();

  /// Without those that are refused.
  int64_t n_connections() const;
  int64_t n_queued() const;
  int64_t n_active() const;

  struct State;

 private:
  explicit HttpServer(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace whet::serve
