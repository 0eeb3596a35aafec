// A server whose every byte a test decides, on a port of this machine.
#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cctype>
#include <charconv>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"

namespace whet::http {

class ServerForTest {
 public:
  struct Asked {
    std::string method, target, head, body;  // head: lower-case header lines
    /// Of a header, by its lower-case name.
    std::string header(const std::string& name) const {
      const size_t at = head.find("\r\n" + name + ": ");
      if (at == head.npos) return "";
      const size_t begin = at + name.size() + 4;
      return head.substr(begin, head.find("\r\n", begin) - begin);
    }
  };
  class Answer {
   public:
    explicit Answer(int socket) : socket_(socket) {}
    /// False once the client is gone.
    bool write(std::string_view text) {
      while (!text.empty()) {
        const ssize_t n = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
        if (n <= 0) return false;
        text.remove_prefix(static_cast<size_t>(n));
      }
      return true;
    }
    bool reply(int status, std::string_view body, const std::string& headers = "") {
      return write(fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n{}\r\n{}", status,
                               body.size(), headers, body));
    }
    /// Ends the connection without a word more.
    void cut() { is_cut_ = true; }
    bool is_cut() const { return is_cut_; }
    /// Waits until the client has gone away.
    void wait_for_goodbye() const {
      char byte;
      while (::recv(socket_, &byte, 1, 0) > 0) {
      }
    }

   private:
    int socket_;
    bool is_cut_ = false;
  };
  using Handler = std::function<void(const Asked&, Answer&)>;

  explicit ServerForTest(Handler handler) : handler_(std::move(handler)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    WHET_CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    WHET_CHECK(::listen(listener_, 128) == 0);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~ServerForTest() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    ::close(listener_);
    {
      const std::lock_guard lock(mutex_);
      for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
    for (const int socket : sockets_) ::close(socket);
  }

  std::string url(const std::string& target = "") const {
    return fmt::format("http://127.0.0.1:{}{}", port_, target);
  }
  int port() const { return port_; }
  std::vector<Asked> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  size_t n_connections() const {
    const std::lock_guard lock(mutex_);
    return sockets_.size();
  }

 private:
  void accept_all() {
    while (true) {
      const int socket = ::accept(listener_, nullptr, nullptr);
      if (socket < 0) return;
      const std::lock_guard lock(mutex_);
      sockets_.push_back(socket);
      threads_.emplace_back([this, socket] { serve(socket); });
    }
  }

  void serve(int socket) {
    std::string bytes;
    const auto more = [&] {
      char buffer[16384];
      const ssize_t n = ::recv(socket, buffer, sizeof buffer, 0);
      if (n > 0) bytes.append(buffer, static_cast<size_t>(n));
      return n > 0;
    };
    while (true) {
      size_t end;
      while ((end = bytes.find("\r\n\r\n")) == bytes.npos) {
        if (!more()) return;
      }
      Asked asked;
      asked.head = bytes.substr(0, end + 2);
      asked.method = asked.head.substr(0, asked.head.find(' '));
      const size_t target = asked.method.size() + 1;
      asked.target = asked.head.substr(target, asked.head.find(' ', target) - target);
      bool is_name = false;  // of a header: in lower case
      for (char& c : asked.head) {
        if (c == '\n') is_name = true;
        if (c == ':') is_name = false;
        if (is_name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      }
      size_t length = 0;
      const std::string text = asked.header("content-length");
      std::from_chars(text.data(), text.data() + text.size(), length);
      while (bytes.size() < end + 4 + length) {
        if (!more()) return;
      }
      asked.body = bytes.substr(end + 4, length);
      bytes.erase(0, end + 4 + length);
      {
        const std::lock_guard lock(mutex_);
        asked_.push_back(asked);
      }
      Answer answer(socket);
      handler_(asked, answer);
      if (answer.is_cut()) {
        ::shutdown(socket, SHUT_RDWR);
        return;
      }
    }
  }

  const Handler handler_;
  int listener_ = -1, port_ = 0;
  mutable std::mutex mutex_;
  std::vector<int> sockets_;
  std::vector<std::thread> threads_;
  std::vector<Asked> asked_;
  std::thread acceptor_;
};

}  // namespace whet::http
