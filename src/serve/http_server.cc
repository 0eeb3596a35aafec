#include "serve/http_server.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <cctype>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include "base/ascii.h"

namespace whet::serve {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

// What a reply may hold unsent before its writer waits for the client.
constexpr size_t kMaxUnsentBytes = 1 << 20;
// A refused client may still be sending: what it sends is read and dropped for so long, because a
// socket that is closed with unread bytes is reset, and a reset takes the answer with it.
constexpr std::chrono::seconds kLinger(20);
constexpr size_t kDropBytes = 64 << 10;  // at a time

class Connection;

}  // namespace

struct HttpServer::State {
  State(const HttpLimits& l, Handler h, IsQuick q, ErrorBody e)
      : limits(l), handler(std::move(h)), is_quick(std::move(q)), error_body(std::move(e)) {}

  const HttpLimits limits;
  const Handler handler;
  const IsQuick is_quick;
  const ErrorBody error_body;
  std::set<Connection*> connections;  // of the I/O thread
  std::atomic<int64_t> n_connections{0}, n_active{0};
  asio::io_context io;  // destroyed before what its handlers use
  tcp::acceptor acceptor{io};
  asio::signal_set signals{io};
  asio::steady_timer drain{io}, last_check{io};
  bool stopping = false;  // of the I/O thread

  // Work for the workers.
  std::mutex mutex;
  std::condition_variable work;
  std::deque<std::function<void()>> queue;
  bool ended = false;
  std::vector<std::thread> workers;

  bool enqueue(std::function<void()> job) {
    {
      std::lock_guard lock(mutex);
      const size_t room = static_cast<size_t>(limits.max_queue) + workers.size() -
                          static_cast<size_t>(n_active.load());
      if (queue.size() >= room) return false;
      queue.push_back(std::move(job));
    }
    work.notify_one();
    return true;
  }

  void work_loop() {
    while (true) {
      std::function<void()> job;
      {
        std::unique_lock lock(mutex);
        work.wait(lock, [this] { return ended || !queue.empty(); });
        if (queue.empty()) return;
        job = std::move(queue.front());
        queue.pop_front();
        ++n_active;
      }
      job();
      --n_active;
    }
  }

  void accept();
  void await_signal();
  void begin_stop();
  void await_last_connection();
  void cancel_all();
};

namespace {

/// One client. Everything but the Reply's methods runs on the I/O thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, HttpServer::State& server)
      : stream_(std::move(socket)), server_(server) {
    server_.connections.insert(this);
    ++server_.n_connections;
  }
  ~Connection() {
    server_.connections.erase(this);
    --server_.n_connections;
  }

  void read() {
    if (server_.stopping) return close();
    parser_.emplace();
    parser_->header_limit(server_.limits.max_header_bytes);
    parser_->body_limit(server_.limits.max_body_bytes);
    const int timeout = n_requests_ == 0 || buffer_.size() > 0 ? server_.limits.header_timeout_s
                                                               : server_.limits.idle_timeout_s;
    stream_.expires_after(std::chrono::seconds(timeout));
    http::async_read_header(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](beast::error_code error, size_t) { self->on_header(error); });
  }

  /// Closes if nothing is being answered.
  void close_if_idle() {
    if (!busy_) close();
  }
  void cancel() { cancelled_.cancel(); }

 private:
  class ReplyHandle;

  void on_header(beast::error_code error) {
    if (error) return on_read(error);
    const http::request<http::string_body>& message = parser_->get();
    if (parser_->is_done() ||
        lowered(std::string(message[http::field::expect])) != "100-continue") {
      return read_body();
    }
    // The client holds a large body back until it is asked for it.
    in_flight_ = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(stream_, asio::buffer(in_flight_),
                      [self = shared_from_this()](beast::error_code failed, size_t) {
                        if (failed) return self->close();
                        self->read_body();
                      });
  }

  void read_body() {
    http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](beast::error_code error, size_t) { self->on_read(error); });
  }

  void on_read(beast::error_code error) {
    if (error == http::error::body_limit) {
      return refuse(413,
                    fmt::format("the body is larger than {} bytes", server_.limits.max_body_bytes));
    }
    if (error == http::error::header_limit) {
      return refuse(
          431, fmt::format("the header is larger than {} bytes", server_.limits.max_header_bytes));
    }
    const bool is_http = error.category() == http::make_error_code(http::error{}).category();
    if (error == http::error::end_of_stream || (error && !is_http)) {
      return close();  // gone, or too slow to say anything
    }
    if (error) return refuse(400, fmt::format("no valid HTTP request: {}", error.message()));
    stream_.expires_never();
    ++n_requests_;
    http::request<http::string_body> message = parser_->release();
    keep_alive_ = message.keep_alive();
    is_http10_ = message.version() < 11;
    is_head_ = message.method() == http::verb::head;
    request_ = Request{};
    request_.method = std::string(message.method_string());
    const std::string target(message.target());
    const size_t question = target.find('?');
    request_.path = target.substr(0, question);
    if (question != std::string::npos) request_.query = target.substr(question + 1);
    for (const auto& field : message) {
      request_.headers[lowered(std::string(field.name_string()))] = std::string(field.value());
    }
    request_.body = std::move(message.body());
    answer();
  }

  void answer();
  void handle(ReplyHandle& reply);
  void watch();

  /// An error that the server gives before a handler sees the request; the connection ends.
  void refuse(int status, const std::string& message) {
    stream_.expires_never();
    keep_alive_ = false;
    is_refused_ = true;
    busy_ = true;
    const std::string target(parser_->get().target());
    const std::string path = target.substr(0, target.find('?'));
    const std::string body = server_.error_body(path, status, message);
    send(head(status, "application/json", {}, body.size()) + body);
    finish();
  }

  std::string head(int status, std::string_view content_type, const Headers& headers,
                   std::optional<size_t> length) const {
    http::response<http::empty_body> response;
    response.result(static_cast<unsigned>(status));
    response.version(is_http10_ ? 10 : 11);
    response.set(http::field::server, "whet");
    if (!content_type.empty()) {
      response.set(http::field::content_type,
                   beast::string_view(content_type.data(), content_type.size()));
    }
    response.set("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : headers) response.set(name, value);
    response.keep_alive(keep_alive_);
    if (length) {
      response.content_length(*length);
    } else if (!is_http10_) {
      response.chunked(true);
    }
    std::ostringstream text;
    text << response.base();
    return text.str();
  }

  /// Queues bytes; from any thread.
  void send(std::string bytes) {
    {
      std::lock_guard lock(mutex_);
      queue(std::move(bytes));
    }
    asio::post(stream_.get_executor(), [self = shared_from_this()] { self->write_next(); });
  }

  /// Queues the head of a reply and what comes with it; false, and nothing, if a stream that was
  /// expected has been begun already. `is_all`: no more follows.
  bool send_first(std::string bytes, bool is_all) {
    {
      std::lock_guard lock(mutex_);
      if (std::exchange(begun_, true)) return false;
      if (is_all) expected_.reset();
      queue(std::move(bytes));
    }
    asio::post(stream_.get_executor(), [self = shared_from_this()] { self->write_next(); });
    return true;
  }

  void queue(std::string bytes) {  // under the mutex
    if (gone_) return;
    last_sent_ = std::chrono::steady_clock::now();
    n_unsent_ += bytes.size();
    unsent_.push_back(std::move(bytes));
  }

  std::string chunk(std::string_view piece) const {
    return is_http10_ ? std::string(piece) : fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
  }

  void await_ping() {
    {
      std::lock_guard lock(mutex_);
      ping_.expires_at(last_sent_ + server_.limits.ping_interval);
    }
    ping_.async_wait([self = shared_from_this()](beast::error_code error) {
      if (!error) self->ping();
    });
  }

  /// Keeps an expected stream of events alive while it has nothing to say.
  void ping() {
    {
      std::lock_guard lock(mutex_);
      if (!expected_ || gone_) return;
      const auto silence = std::chrono::steady_clock::now() - last_sent_;
      if (silence >= server_.limits.ping_interval) {
        if (!std::exchange(begun_, true)) queue(*expected_);
        if (!is_head_) queue(chunk(": still computing\n\n"));
      }
    }
    write_next();
    await_ping();
  }

  /// The reply is complete; from any thread.
  void finish() {
    asio::post(stream_.get_executor(), [self = shared_from_this()] {
      self->ping_.cancel();
      self->replied_ = true;
      self->write_next();
    });
  }

  void write_next() {
    if (writing_) return;
    {
      std::lock_guard lock(mutex_);
      if (!unsent_.empty()) {
        writing_ = true;
        in_flight_ = std::move(unsent_.front());  // lose() may clear the queue meanwhile
        unsent_.pop_front();
      }
    }
    if (!writing_) {
      if (replied_) after_reply();
      return;
    }
    stream_.expires_after(std::chrono::seconds(server_.limits.write_timeout_s));
    asio::async_write(
        stream_, asio::buffer(in_flight_),
        [self = shared_from_this()](beast::error_code error, size_t) { self->on_written(error); });
  }

  void on_written(beast::error_code error) {
    writing_ = false;
    stream_.expires_never();
    if (error) {
      lose();
    } else {
      std::lock_guard lock(mutex_);
      if (!gone_) n_unsent_ -= in_flight_.size();
    }
    room_.notify_all();
    write_next();
  }

  /// The client is gone: whoever writes learns it, whoever computes stops.
  void lose() {
    {
      std::lock_guard lock(mutex_);
      gone_ = true;
      unsent_.clear();
      n_unsent_ = 0;
    }
    cancelled_.cancel();
    room_.notify_all();
  }

  void after_reply() {
    if (!busy_) return;
    busy_ = false;
    replied_ = false;
    bool gone = false;
    {
      std::lock_guard lock(mutex_);
      gone = gone_;
    }
    if (is_refused_ && !gone) return linger();
    if (gone || !keep_alive_ || server_.stopping) return close();
    read();
  }

  void linger() {
    beast::error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    buffer_.clear();
    stream_.expires_after(kLinger);
    drop_input();
  }

  void drop_input() {
    stream_.async_read_some(buffer_.prepare(kDropBytes),
                            [self = shared_from_this()](beast::error_code error, size_t) {
                              if (error) return self->close();
                              self->drop_input();
                            });
  }

  void close() {
    beast::error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
    stream_.close();
  }

  beast::tcp_stream stream_;
  asio::steady_timer ping_{stream_.get_executor()};
  HttpServer::State& server_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  Request request_;
  int64_t n_requests_ = 0;
  bool keep_alive_ = false, is_http10_ = false, is_head_ = false;
  bool busy_ = false, replied_ = false, writing_ = false, is_refused_ = false;
  std::string in_flight_;  // being written
  CancelFlag cancelled_;

  std::mutex mutex_;
  std::condition_variable room_;
  std::deque<std::string> unsent_;
  size_t n_unsent_ = 0;
  bool gone_ = false;
  bool begun_ = false;                   // the head is queued
  std::optional<std::string> expected_;  // head of a stream that was promised
  std::chrono::steady_clock::time_point last_sent_;
};

class Connection::ReplyHandle : public Reply {
 public:
  explicit ReplyHandle(std::shared_ptr<Connection> connection)
      : connection_(std::move(connection)) {}
  ~ReplyHandle() override {
    if (!begun_) fail("no answer was given");
    if (!ended_) end();
    // A connection dies on the I/O thread.
    const auto executor = connection_->stream_.get_executor();
    asio::post(executor, [c = std::move(connection_)] {});
  }

  /// Answers an error, or ends a body that was begun without its proper end.
  void fail(const std::string& message) {
    if (begun_) return;
    send(500, "application/json",
         connection_->server_.error_body(connection_->request_.path, 500, message), {});
  }

  void send(int status, std::string_view content_type, std::string body,
            const Headers& headers) override {
    begun_ = true;
    std::string bytes = connection_->head(status, content_type, headers, body.size());
    if (!connection_->is_head_) bytes += body;
    if (!connection_->send_first(std::move(bytes), /*is_all=*/true)) {
      write(fmt::format("data: {}\n\n", body));
      return end();
    }
    ended_ = true;
    connection_->finish();
  }

  void expect_events(const Headers& headers) override {
    Connection& c = *connection_;
    if (c.is_http10_) c.keep_alive_ = false;
    std::string head = c.head(200, "text/event-stream", headers, std::nullopt);
    {
      std::lock_guard lock(c.mutex_);
      c.expected_ = std::move(head);
      c.last_sent_ = std::chrono::steady_clock::now();
    }
    asio::post(c.stream_.get_executor(), [self = connection_] { self->await_ping(); });
  }

  void begin(int status, std::string_view content_type, const Headers& headers) override {
    begun_ = true;
    if (connection_->is_http10_) connection_->keep_alive_ = false;
    connection_->send_first(connection_->head(status, content_type, headers, std::nullopt),
                            /*is_all=*/false);
  }

  bool write(std::string_view piece) override {
    Connection& c = *connection_;
    {
      std::unique_lock lock(c.mutex_);
      c.room_.wait(lock, [&c] { return c.gone_ || c.n_unsent_ < kMaxUnsentBytes; });
      if (c.gone_) return false;
    }
    if (piece.empty() || c.is_head_) return true;
    c.send(c.chunk(piece));
    return true;
  }

  void end() override {
    ended_ = true;
    Connection& c = *connection_;
    {
      std::lock_guard lock(c.mutex_);
      c.expected_.reset();
      if (!c.is_http10_ && !c.is_head_) c.queue("0\r\n\r\n");
    }
    c.finish();
  }

  const CancelFlag& cancelled() const override { return connection_->cancelled_; }

 private:
  std::shared_ptr<Connection> connection_;
  bool begun_ = false, ended_ = false;
};

void Connection::answer() {
  busy_ = true;
  cancelled_.clear();
  {
    std::lock_guard lock(mutex_);
    begun_ = false;
  }
  if (server_.is_quick(request_)) {
    ReplyHandle reply(shared_from_this());
    handle(reply);
    return;
  }
  watch();
  const bool queued = server_.enqueue([self = shared_from_this()]() mutable {
    Connection& connection = *self;
    ReplyHandle reply(std::move(self));
    connection.handle(reply);
  });
  if (queued) return;
  ReplyHandle reply(shared_from_this());
  reply.send(503, "application/json",
             server_.error_body(request_.path, 503,
                                fmt::format("{} requests wait already; try again later",
                                            server_.limits.max_queue)),
             {{"Retry-After", "5"}});
}

void Connection::handle(ReplyHandle& reply) {
  try {
    server_.handler(request_, reply);
  } catch (const std::exception& error) {
    reply.fail(error.what());
  }
}

// While an answer is made nothing is read, so a client that leaves is noticed by looking.
void Connection::watch() {
  stream_.socket().async_wait(
      tcp::socket::wait_read, [self = shared_from_this()](beast::error_code error) {
        if (error || !self->busy_) return;
        char byte = 0;
        const ssize_t n =
            ::recv(self->stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        // More bytes are the next request, sent ahead.
        if (n == 0 || (n < 0 && errno != EAGAIN)) self->lose();
      });
}

}  // namespace

void HttpServer::State::accept() {
  acceptor.async_accept([this](beast::error_code error, tcp::socket socket) {
    if (stopping) return;
    if (!error && n_connections < limits.max_connections) {
      beast::error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      std::make_shared<Connection>(std::move(socket), *this)->read();
    }
    // Out of descriptors: others must close first.
    if (error && error != asio::error::operation_aborted) {
      auto pause = std::make_shared<asio::steady_timer>(io, std::chrono::milliseconds(100));
      pause->async_wait([this, pause](beast::error_code) { accept(); });
      return;
    }
    accept();
  });
}

void HttpServer::State::begin_stop() {
  if (stopping) return cancel_all();
  stopping = true;
  beast::error_code ignored;
  acceptor.close(ignored);
  for (Connection* connection : std::set<Connection*>(connections)) connection->close_if_idle();
  drain.expires_after(std::chrono::seconds(limits.drain_s));
  drain.async_wait([this](beast::error_code error) {
    if (!error) cancel_all();
  });
  await_last_connection();
}

// The timer and the signals would keep the loop alive.
void HttpServer::State::await_last_connection() {
  if (connections.empty()) {
    drain.cancel();
    signals.cancel();
    return;
  }
  last_check.expires_after(std::chrono::milliseconds(20));
  last_check.async_wait([this](beast::error_code) { await_last_connection(); });
}

void HttpServer::State::await_signal() {
  signals.async_wait([this](beast::error_code error, int) {
    if (error) return;
    await_signal();  // first: a stop that finds nothing running ends the waiting
    begin_stop();
  });
}

void HttpServer::State::cancel_all() {
  for (Connection* connection : connections) connection->cancel();
}

HttpServer::HttpServer(std::shared_ptr<State> state) : state_(std::move(state)) {}

HttpServer::~HttpServer() {
  {
    std::lock_guard lock(state_->mutex);
    state_->ended = true;
  }
  state_->work.notify_all();
  for (std::thread& worker : state_->workers) worker.join();
}

Result<std::unique_ptr<HttpServer>> HttpServer::listen(const std::string& host, int port,
                                                       const HttpLimits& limits, Handler handler,
                                                       IsQuick is_quick, ErrorBody error_body) {
  auto state = std::make_shared<State>(limits, std::move(handler), std::move(is_quick),
                                       std::move(error_body));
  beast::error_code error;
  tcp::resolver resolver(state->io);
  const auto found = resolver.resolve(host, std::to_string(port), error);
  if (error || found.empty()) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("--host {}: {}", host, error ? error.message() : "no such address"));
  }
  const tcp::endpoint endpoint = found.begin()->endpoint();
  tcp::acceptor& acceptor = state->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    return Error(ErrorCode::kIo, fmt::format("cannot listen on {}:{}: {}; choose another --port",
                                             host, port, error.message()));
  }
  for (int i = 0; i < limits.max_active; ++i) {
    state->workers.emplace_back([s = state.get()] { s->work_loop(); });
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

int HttpServer::port() const {
  beast::error_code ignored;
  return state_->acceptor.local_endpoint(ignored).port();
}

void HttpServer::stop_on_signals() {
  state_->signals.add(SIGINT);
  state_->signals.add(SIGTERM);
  state_->await_signal();
}

void HttpServer::run() {
  state_->accept();
  state_->io.run();
}

void HttpServer::stop() {
  asio::post(state_->io, [state = state_] { state->begin_stop(); });
}

int64_t HttpServer::n_connections() const {
  return state_->n_connections;
}
int64_t HttpServer::n_active() const {
  return state_->n_active;
}
int64_t HttpServer::n_queued() const {
  std::lock_guard lock(state_->mutex);
  return static_cast<int64_t>(state_->queue.size());
}

}  // namespace whet::serve
