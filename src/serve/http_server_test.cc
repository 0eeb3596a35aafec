// The server over real sockets, with handlers that do what a test needs.
#include "serve/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <thread>

namespace whet::serve {
namespace {

constexpr std::chrono::seconds kPatience(60);  // only a failure takes so long

/// A client that writes bytes and reads until it has seen what it waits for.
class Client {
 public:
  explicit Client(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ~Client() { close(); }

  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }

  /// Whether all of it was taken.
  bool send(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t n = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }

  /// All up to and including `end`; what comes to the end of the connection where that is empty.
  std::string read(std::string_view end = "") {
    while (true) {
      const size_t found = end.empty() ? std::string::npos : pending_.find(end);
      if (found != std::string::npos) {
        std::string text = pending_.substr(0, found + end.size());
        pending_.erase(0, text.size());
        return text;
      }
      char bytes[4096];
      const ssize_t n = ::recv(socket_, bytes, sizeof bytes, 0);
      EXPECT_GE(n, 0) << "nothing came";
      if (n <= 0) return std::exchange(pending_, "");
      pending_.append(bytes, static_cast<size_t>(n));
    }
  }

 private:
  int socket_;
  std::string pending_;
};

std::string get(const std::string& path, const std::string& headers = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n";
}
std::string post(const std::string& path, const std::string& body) {
  return "POST " + path +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

/// Paths: /echo sends the body, /pieces streams "one", "two"; /hold begins a stream and writes
/// until its client is gone or the test releases it; /events and /fails are streams of events that
/// have nothing to say until the test releases them; /flood writes until its client is cut.
class HttpServerTest : public testing::Test {
 protected:
  void start(HttpLimits limits = {}, bool signals = false) {
    auto made = HttpServer::listen(
        "127.0.0.1", 0, limits,
        [this](const Request& request, Reply& reply) { answer(request, reply); },
        [](const Request& request) { return request.path == "/quick"; },
        [](const std::string& path, int status, const std::string& message) {
          return path + "|" + std::to_string(status) + "|" + message;
        });
    ASSERT_TRUE(made.ok()) << made.error().message();
    server_ = std::move(*made);
    port_ = server_->port();
    if (signals) server_->stop_on_signals();
    loop_ = std::thread([this] { server_->run(); });
  }

  void TearDown() override {
    release();
    if (server_ == nullptr) return;
    server_->stop();
    if (loop_.joinable()) loop_.join();
  }

  void answer(const Request& request, Reply& reply) {
    if (request.path == "/hold") return hold(reply);
    if (request.path == "/events" || request.path == "/fails") return think(request, reply);
    if (request.path == "/flood") return flood(reply);
    if (request.path == "/throw") throw std::runtime_error("broken");
    if (request.path != "/pieces") return reply.send(200, "text/plain", request.body + ".");
    reply.begin(200, "text/plain", {});
    reply.write("one");
    reply.write("two");
    reply.end();
  }

  void hold(Reply& reply) {
    reply.begin(200, "text/plain", {});
    reply.write("begun");
    await_release(reply);
    reply.write("ended");
    reply.end();
  }

  void think(const Request& request, Reply& reply) {
    reply.expect_events({{"X-Mark", "kept"}});
    await_release(reply);
    if (request.path == "/fails") return reply.send(400, "application/json", "{\"error\":1}");
    reply.begin(200, "text/event-stream", {{"X-Mark", "kept"}});
    reply.write("data: 1\n\n");
    reply.end();
  }

  void flood(Reply& reply) {
    reply.begin(200, "text/plain", {});
    while (reply.write(std::string(64 << 10, 'x'))) {
    }
    EXPECT_TRUE(reply.cancelled().cancelled());
    ++n_cancelled_;
    reply.end();
  }

  /// Until the test goes on or the client is gone.
  void await_release(const Reply& reply) {
    while (!released() && !reply.cancelled().cancelled()) std::this_thread::yield();
    if (reply.cancelled().cancelled()) ++n_cancelled_;
  }

  bool released() const {
    return released_future_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  void release() {
    if (!released()) released_.set_value();
  }

  template <typename Condition>
  static bool comes_true(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }

  std::promise<void> released_;
  std::shared_future<void> released_future_ = released_.get_future().share();
  std::atomic<int> n_cancelled_{0};
  std::unique_ptr<HttpServer> server_;
  std::thread loop_;
  int port_ = 0;
};

TEST_F(HttpServerTest, KeepsAConnectionAlive) {
  start();
  Client client(port_);
  for (const char* body : {"a", "b", "c"}) {
    ASSERT_TRUE(client.send(post("/echo", body)));
    const std::string reply = client.read(std::string(body) + ".");
    EXPECT_TRUE(reply.starts_with("HTTP/1.1 200 OK\r\n")) << reply;
    EXPECT_NE(reply.find("Content-Length: 2\r\n"), std::string::npos) << reply;
  }
  EXPECT_EQ(server_->n_connections(), 1);
}

TEST_F(HttpServerTest, AnswersRequestsSentAheadInTheirOrder) {
  start();
  Client client(port_);
  ASSERT_TRUE(client.send(post("/echo", "first") + post("/echo", "second")));
  EXPECT_TRUE(client.read("first.").starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(client.read("second.").starts_with("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, StreamsInChunks) {
  start();
  Client client(port_);
  ASSERT_TRUE(client.send(get("/pieces")));
  EXPECT_NE(client.read("\r\n\r\n").find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_EQ(client.read("0\r\n\r\n"), "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
}

TEST_F(HttpServerTest, Http10GetsNoChunks) {
  start();
  Client client(port_);
  ASSERT_TRUE(client.send("GET /pieces HTTP/1.0\r\n\r\n"));
  const std::string head = client.read("\r\n\r\n");
  EXPECT_TRUE(head.starts_with("HTTP/1.0 200")) << head;
  EXPECT_EQ(head.find("chunked"), std::string::npos) << head;
  EXPECT_EQ(client.read(), "onetwo");
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  start();
  Client client(port_);
  ASSERT_TRUE(client.send("HEAD /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
  const std::string reply = client.read();
  EXPECT_NE(reply.find("Content-Length: 1\r\n"), std::string::npos) << reply;
  EXPECT_TRUE(reply.ends_with("\r\n\r\n")) << reply;
}

TEST_F(HttpServerTest, ABodyOverTheLimitGets413EvenFromAClientThatDoesNotListen) {
  HttpLimits limits;
  limits.max_body_bytes = 1000;
  start(limits);
  Client client(port_);
  ASSERT_TRUE(client.send(post("/echo", std::string(8 << 20, 'x'))));
  const std::string reply = client.read();
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 413")) << reply;
  EXPECT_TRUE(reply.ends_with("/echo|413|the body is larger than 1000 bytes")) << reply;
}

TEST_F(HttpServerTest, WhatIsNoHttpGets400) {
  start();
  Client client(port_);
  ASSERT_TRUE(client.send("hello there\r\n\r\n"));
  EXPECT_TRUE(client.read().starts_with("HTTP/1.1 400"));
}

TEST_F(HttpServerTest, AHeaderOverTheLimitGets431) {
  HttpLimits limits;
  limits.max_header_bytes = 1000;
  start(limits);
  Client client(port_);
  ASSERT_TRUE(client.send(get("/echo", "X-Long: " + std::string(100000, 'x') + "\r\n")));
  EXPECT_TRUE(client.read().starts_with("HTTP/1.1 431"));
}

TEST_F(HttpServerTest, AsksForABodyThatIsHeldBack) {
  start();
  Client client(port_);
  ASSERT_TRUE(
      client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
                  "Content-Length: 2\r\n\r\n"));
  EXPECT_EQ(client.read("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(client.send("hi"));
  EXPECT_TRUE(client.read("hi.").starts_with("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, AHandlerThatThrowsGives500) {
  start();
  Client client(port_);
  ASSERT_TRUE(client.send(get("/throw", "Connection: close\r\n")));
  const std::string reply = client.read();
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 500")) << reply;
  EXPECT_TRUE(reply.ends_with("/throw|500|broken")) << reply;
}

TEST_F(HttpServerTest, AClientThatLeavesCancelsItsRequestAndFreesTheWorker) {
  HttpLimits limits;
  limits.max_active = 1;
  start(limits);
  Client leaver(port_), other(port_);
  ASSERT_TRUE(leaver.send(get("/hold")));
  leaver.read("begun");
  ASSERT_TRUE(other.send(post("/echo", "next")));
  leaver.close();
  EXPECT_TRUE(other.read("next.").starts_with("HTTP/1.1 200"));
  EXPECT_EQ(n_cancelled_, 1);
  EXPECT_TRUE(comes_true([this] { return server_->n_connections() == 1; }));
}

TEST_F(HttpServerTest, AReaderThatTakesNothingIsCut) {
  HttpLimits limits;
  limits.write_timeout_s = 1;
  start(limits);
  Client client(port_);
  ASSERT_TRUE(client.send(get("/flood")));
  EXPECT_TRUE(comes_true([this] { return n_cancelled_ == 1; }));
  EXPECT_TRUE(comes_true([this] { return server_->n_connections() == 0; }));
}

TEST_F(HttpServerTest, CommentsKeepASilentStreamOfEventsAlive) {
  HttpLimits limits;
  limits.ping_interval = std::chrono::milliseconds(2);
  start(limits);
  Client client(port_);
  for (int i = 0; i < 2; ++i) {  // the second on the same connection
    ASSERT_TRUE(client.send(get("/events")));
    const std::string head = client.read("\r\n\r\n");
    EXPECT_TRUE(head.starts_with("HTTP/1.1 200")) << head;
    EXPECT_NE(head.find("X-Mark: kept"), std::string::npos) << head;
    EXPECT_NE(head.find("text/event-stream"), std::string::npos) << head;
    if (i == 0) {
      for (int k = 0; k < 3; ++k)
        EXPECT_EQ(client.read("\n\n\r\n"), "13\r\n: still computing\n\n\r\n");
      release();
    }
    const std::string rest = client.read("0\r\n\r\n");
    EXPECT_TRUE(rest.ends_with("9\r\ndata: 1\n\n\r\n0\r\n\r\n")) << rest;
  }
}

TEST_F(HttpServerTest, AnErrorBehindACommentIsAnEventAndBeforeOneAStatus) {
  HttpLimits limits;
  limits.ping_interval = std::chrono::milliseconds(2);
  start(limits);
  Client late(port_);
  ASSERT_TRUE(late.send(get("/fails")));
  late.read(": still computing\n\n\r\n");
  release();
  const std::string rest = late.read("0\r\n\r\n");
  EXPECT_TRUE(rest.ends_with("13\r\ndata: {\"error\":1}\n\n\r\n0\r\n\r\n")) << rest;
  Client early(port_);
  ASSERT_TRUE(early.send(get("/fails", "Connection: close\r\n")));
  const std::string reply = early.read();
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 400")) << reply;
  EXPECT_TRUE(reply.ends_with("{\"error\":1}")) << reply;
}

TEST_F(HttpServerTest, ASilentStreamWhoseClientLeavesIsCancelled) {
  HttpLimits limits;
  limits.ping_interval = std::chrono::milliseconds(2);
  start(limits);
  Client client(port_);
  ASSERT_TRUE(client.send(get("/events")));
  client.read(": still computing");
  client.close();
  EXPECT_TRUE(comes_true([this] { return n_cancelled_ == 1; }));
  EXPECT_TRUE(comes_true([this] { return server_->n_connections() == 0; }));
}

TEST_F(HttpServerTest, AConnectionOverTheLimitIsToldSo) {
  HttpLimits limits;
  limits.max_connections = 1;
  start(limits);
  Client first(port_);
  ASSERT_TRUE(first.send(get("/echo")));
  first.read("\r\n\r\n.");
  for (const std::string path : {"/v1/models", "/api/chat"}) {
    Client next(port_);
    ASSERT_TRUE(next.send(post(path, std::string(1 << 20, 'x')))) << "its body is dropped";
    const std::string reply = next.read();
    EXPECT_TRUE(reply.starts_with("HTTP/1.1 503")) << reply;
    EXPECT_NE(reply.find("Retry-After: 5\r\n"), std::string::npos) << reply;
    EXPECT_NE(reply.find("Connection: close\r\n"), std::string::npos) << reply;
    EXPECT_TRUE(reply.ends_with(path + "|503|1 connections are open already, which is the most; "
                                       "try again later"))
        << reply;
    EXPECT_EQ(server_->n_connections(), 1);
  }
  first.close();
  EXPECT_TRUE(comes_true([this] { return server_->n_connections() == 0; }));
  Client served(port_);
  ASSERT_TRUE(served.send(get("/echo")));
  EXPECT_TRUE(served.read("\r\n\r\n").starts_with("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, AFloodOverTheLimitIsNotToldAnything) {
  HttpLimits limits;
  limits.max_connections = 1;
  limits.max_refused = 1;
  start(limits);
  Client first(port_), refused(port_), next(port_);
  EXPECT_EQ(next.read(), "") << "closed";
  ASSERT_TRUE(refused.send(get("/v1/models")));
  EXPECT_TRUE(refused.read().starts_with("HTTP/1.1 503"));
}

TEST_F(HttpServerTest, AFullQueueGives503ButQuickRequestsGoOn) {
  HttpLimits limits;
  limits.max_active = 1;
  limits.max_queue = 1;
  start(limits);
  Client running(port_), waiting(port_), refused(port_), quick(port_);
  ASSERT_TRUE(running.send(get("/hold")));
  running.read("begun");
  ASSERT_TRUE(waiting.send(post("/echo", "later")));
  ASSERT_TRUE(comes_true([this] { return server_->n_queued() == 1; }));
  ASSERT_TRUE(refused.send(post("/echo", "never")));
  const std::string head = refused.read("\r\n\r\n");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 503")) << head;
  EXPECT_NE(head.find("Retry-After: 5\r\n"), std::string::npos) << head;
  ASSERT_TRUE(quick.send(get("/quick")));
  EXPECT_TRUE(quick.read("\r\n\r\n").starts_with("HTTP/1.1 200"));
  release();
  EXPECT_TRUE(waiting.read("later.").starts_with("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, StopLetsARunningReplyEndAndTakesNothingNew) {
  start();
  Client running(port_), idle(port_);
  ASSERT_TRUE(running.send(get("/hold")));
  running.read("begun");
  server_->stop();
  EXPECT_EQ(idle.read(), "");  // closed
  release();
  EXPECT_TRUE(running.read().ends_with("5\r\nended\r\n0\r\n\r\n"));
  loop_.join();
  EXPECT_EQ(n_cancelled_, 0);
}

TEST_F(HttpServerTest, ASecondStopCancelsWhatRuns) {
  start();
  Client running(port_);
  ASSERT_TRUE(running.send(get("/hold")));
  running.read("begun");
  server_->stop();
  server_->stop();
  running.read();
  loop_.join();
  EXPECT_EQ(n_cancelled_, 1);
}

TEST_F(HttpServerTest, ASignalEndsAnIdleServer) {
  start({}, /*signals=*/true);
  Client client(port_);
  ASSERT_TRUE(client.send(get("/quick", "Connection: close\r\n")));
  client.read();  // so it runs, and has taken over the signal
  client.close();
  ASSERT_TRUE(comes_true([this] { return server_->n_connections() == 0; }));
  ASSERT_EQ(::kill(::getpid(), SIGTERM), 0);
  loop_.join();
}

TEST_F(HttpServerTest, AnAddressInUseIsAnError) {
  start();
  const auto second = HttpServer::listen("127.0.0.1", port_, {}, {}, {}, {});
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message().find("choose another --port"), std::string::npos);
}

}  // namespace
}  // namespace whet::serve
