#include "serve/http_server.h"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <csignal>
#include <memory>
#include <utility>

#include "serve/http_connection.h"
#include "serve/http_server_state.h"

namespace whet::serve {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

}  // namespace

bool HttpServer::State::enqueue(std::function<void()> job) {
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

void HttpServer::State::work_loop() {
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

void HttpServer::State::accept() {
  acceptor.async_accept([this](error_code error, tcp::socket socket) {
    if (stopping) return;
    if (!error) {
      error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      if (n_connections < limits.max_connections) {
        HttpConnection::begin(std::move(socket), *this);
      } else if (n_refused < limits.max_refused) {
        HttpConnection::refuse(std::move(socket), *this);
      }  // else it is closed: telling all of a flood would be one, too
    }
    // Out of descriptors: others must close first.
    if (error && error != asio::error::operation_aborted) {
      auto pause = std::make_shared<asio::steady_timer>(io, std::chrono::milliseconds(100));
      pause->async_wait([this, pause](error_code) { accept(); });
      return;
    }
    accept();
  });
}

void HttpServer::State::begin_stop() {
  if (stopping) return cancel_all();
  stopping = true;
  error_code ignored;
  acceptor.close(ignored);
  const std::set<HttpConnection*> open = connections;  // closing takes them out
  for (HttpConnection* connection : open) connection->close_if_idle();
  drain.expires_after(std::chrono::seconds(limits.drain_s));
  drain.async_wait([this](error_code error) {
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
  last_check.async_wait([this](error_code) { await_last_connection(); });
}

void HttpServer::State::await_signal() {
  signals.async_wait([this](error_code error, int) {
    if (error) return;
    await_signal();  // first: a stop that finds nothing running ends the waiting
    begin_stop();
  });
}

void HttpServer::State::cancel_all() {
  for (HttpConnection* connection : connections) connection->cancel();
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
  error_code error;
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
  error_code ignored;
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
