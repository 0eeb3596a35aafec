#include "serve/http_connection.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "base/ascii.h"
#include "serve/http_server_state.h"

namespace whet::serve {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

// What a reply may hold unsent before its writer waits for the client.
constexpr size_t kMaxUnsentBytes = 1 << 20;
// A refused client may still be sending: what it sends is read and dropped for so long, because a
// socket that is closed with unread bytes is reset, and a reset takes the answer with it.
constexpr std::chrono::seconds kLinger(20);
constexpr size_t kDropBytes = 64 << 10;  // at a time
// One that is over the limit is to cost little: it says within so long what it wants, and is not
// waited for longer after its answer.
constexpr std::chrono::seconds kRefusedPatience(5);

/// One client. Everything but the Reply's methods runs on the I/O thread.
class Connection final : public HttpConnection, public std::enable_shared_from_this<Connection> {
 public:
  Connection(asio::ip::tcp::socket socket, HttpServer::State& server, bool is_over_limit)
      : stream_(std::move(socket)), server_(server), is_over_limit_(is_over_limit) {
    server_.connections.insert(this);
    if (is_over_limit_) {
      ++server_.n_refused;
    } else {
      ++server_.n_connections;
    }
  }
  ~Connection() {
    server_.connections.erase(this);
    if (is_over_limit_) {
      --server_.n_refused;
    } else {
      --server_.n_connections;
    }
  }

  void read() {
    if (server_.stopping) return close();
    parser_.emplace();
    parser_->header_limit(server_.limits.max_header_bytes);
    parser_->body_limit(server_.limits.max_body_bytes);
    const int timeout = n_requests_ == 0 || buffer_.size() > 0 ? server_.limits.header_timeout_s
                                                               : server_.limits.idle_timeout_s;
    stream_.expires_after(is_over_limit_ ? kRefusedPatience : std::chrono::seconds(timeout));
    http::async_read_header(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](beast::error_code error, size_t) { self->on_header(error); });
  }

  void close_if_idle() override {
    if (!busy_) close();
  }
  void cancel() override { cancelled_.cancel(); }

 private:
  class ReplyHandle;

  void on_header(beast::error_code error) {
    if (error) return on_read(error);
    if (is_over_limit_) {
      return refuse(503,
                    fmt::format("{} connections are open already, which is the most; try again "
                                "later",
                                server_.limits.max_connections),
                    {{"Retry-After", "5"}});
    }
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
  void refuse(int status, const std::string& message, const Headers& headers = {}) {
    stream_.expires_never();
    keep_alive_ = false;
    is_refused_ = true;
    busy_ = true;
    const std::string target(parser_->get().target());
    const std::string path = target.substr(0, target.find('?'));
    const std::string body = server_.error_body(path, status, message);
    send(head(status, "application/json", headers, body.size()) + body);
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
    stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    buffer_.clear();
    stream_.expires_after(is_over_limit_ ? kRefusedPatience : kLinger);
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
    stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    stream_.close();
  }

  beast::tcp_stream stream_;
  asio::steady_timer ping_{stream_.get_executor()};
  HttpServer::State& server_;
  const bool is_over_limit_;  // of connections: it is only told so
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
      asio::ip::tcp::socket::wait_read, [self = shared_from_this()](beast::error_code error) {
        if (error || !self->busy_) return;
        char byte = 0;
        const ssize_t n =
            ::recv(self->stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        // More bytes are the next request, sent ahead.
        if (n == 0 || (n < 0 && errno != EAGAIN)) self->lose();
      });
}

}  // namespace

void HttpConnection::begin(asio::ip::tcp::socket socket, HttpServer::State& server) {
  std::make_shared<Connection>(std::move(socket), server, /*is_over_limit=*/false)->read();
}

void HttpConnection::refuse(asio::ip::tcp::socket socket, HttpServer::State& server) {
  std::make_shared<Connection>(std::move(socket), server, /*is_over_limit=*/true)->read();
}

}  // namespace whet::serve
