#include "http/client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <atomic>
#include <cstring>

#include "http/address.h"
#include "http/server_for_test.h"
#include "http/url.h"

namespace whet::http {
namespace {

using Asked = ServerForTest::Asked;
using Answer = ServerForTest::Answer;

struct Collected {
  Result<Reply> reply;
  std::string body;
};
Collected fetch(Client& client, const Request& request, const Cancelled& cancelled = nullptr) {
  std::string body;
  auto reply = client.send(
      request,
      [&](const Reply&, std::string_view piece) {
        body += piece;
        return true;
      },
      cancelled);
  return {std::move(reply), std::move(body)};
}

bool is_public(const char* text) {
  if (std::strchr(text, ':') == nullptr) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    EXPECT_EQ(::inet_pton(AF_INET, text, &v4.sin_addr), 1) << text;
    return is_public_address(reinterpret_cast<const sockaddr&>(v4));
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  EXPECT_EQ(::inet_pton(AF_INET6, text, &v6.sin6_addr), 1) << text;
  return is_public_address(reinterpret_cast<const sockaddr&>(v6));
}

TEST(AddressTest, PrivateAndReservedAddressesAreNotPublic) {
  for (const char* text : {"0.0.0.0",
                           "10.1.2.3",
                           "100.64.0.1",
                           "127.0.0.1",
                           "127.255.255.255",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.168.1.1",
                           "198.19.0.1",
                           "224.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.0.0.1",
                           "64:ff9b::7f00:1",
                           "2002:7f00:1::",
                           "fe80::1",
                           "fd00::1",
                           "ff02::1",
                           "2001:db8::1"}) {
    EXPECT_FALSE(is_public(text)) << text;
  }
  for (const char* text : {"1.1.1.1", "9.255.255.255", "100.63.0.1", "100.128.0.1", "172.15.0.1",
                           "172.32.0.1", "192.167.0.1", "223.255.255.255", "2606:4700::1111",
                           "::ffff:8.8.8.8", "2002:0808:0808::"}) {
    EXPECT_TRUE(is_public(text)) << text;
  }
}

TEST(UrlTest, ReadsAndWritesAddresses) {
  const auto url = parse_url("HTTPS://Example.COM/a/b?c=d#e");
  ASSERT_TRUE(url.ok()) << url.error().message();
  EXPECT_EQ(url->origin(), "https://example.com:443");
  EXPECT_EQ(url->text(), "https://example.com/a/b?c=d");
  const auto v6 = parse_url("http://[::1]:8080");
  ASSERT_TRUE(v6.ok()) << v6.error().message();
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(v6->text(), "http://[::1]:8080/");
  const auto other = resolve_url(*url, "//cdn.example.org/x");
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(other->text(), "https://cdn.example.org/x");
  EXPECT_EQ(resolve_url(*url, "../z")->text(), "https://example.com/z");
  EXPECT_EQ(percent_encoded("a b/ü"), "a%20b%2F%C3%BC");
}

TEST(UrlTest, RefusesWhatIsNoPlainAddress) {
  for (const char* text :
       {"", "example.com", "ftp://example.com/", "file:///etc/passwd", "http://", "http:///a",
        "https://user:secret@example.com/", "https://example.com/a b",
        "https://example.com/\r\nX: y", "http://example.com:99999/"}) {
    const auto url = parse_url(text);
    EXPECT_FALSE(url.ok()) << text;
    if (!url.ok()) {
      EXPECT_EQ(url.error().message().find("secret"), std::string::npos);
    }
  }
}

TEST(ClientTest, SendsHeadersAndBodyAndKeepsTheConnection) {
  ServerForTest server([](const Asked& asked, Answer& answer) {
    answer.reply(201, asked.method + asked.body + asked.header("x-a"), "X-Reply: Yes \r\n");
  });
  Client client;
  for (int i = 0; i < 3; ++i) {
    const Collected got = fetch(
        client,
        {.method = "POST", .url = server.url("/p"), .headers = {{"X-A", "b"}}, .body = "body"});
    ASSERT_TRUE(got.reply.ok()) << got.reply.error().message();
    EXPECT_EQ(got.reply->status, 201);
    EXPECT_EQ(got.reply->header("x-reply"), "Yes");
    EXPECT_EQ(got.body, "POSTbodyb");
  }
  EXPECT_EQ(server.n_connections(), 1u);
}

TEST(ClientTest, APieceIsThereBeforeTheNextIsSent) {
  std::atomic<int> n_seen{0};
  ServerForTest server([&](const Asked&, Answer& answer) {
    answer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 3; ++i) {
      answer.write("1\r\nx\r\n");
      for (int waited = 0; n_seen <= i && waited < 60'000; ++waited) {
        ::poll(nullptr, 0, 1);
      }
    }
    answer.write("0\r\n\r\n");
  });
  Client client;
  const auto reply = client.send({.url = server.url()}, [&](const Reply&, std::string_view piece) {
    n_seen += static_cast<int>(piece.size());
    return true;
  });
  ASSERT_TRUE(reply.ok()) << reply.error().message();
  EXPECT_EQ(n_seen, 3);
}

TEST(ClientTest, TheSinkEndsATransfer) {
  ServerForTest server([](const Asked&, Answer& answer) {
    answer.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nabc");
    answer.wait_for_goodbye();
    answer.cut();
  });
  Client client;
  const auto reply =
      client.send({.url = server.url()}, [](const Reply&, std::string_view) { return false; });
  ASSERT_TRUE(reply.ok()) << reply.error().message();
  EXPECT_FALSE(reply->whole);
}

TEST(ClientTest, CancellingEndsASilentTransfer) {
  ServerForTest server([](const Asked&, Answer& answer) {
    answer.wait_for_goodbye();
    answer.cut();
  });
  Client client;
  const Collected got =
      fetch(client, {.url = server.url()}, [&] { return !server.asked().empty(); });
  ASSERT_FALSE(got.reply.ok());
  EXPECT_EQ(got.reply.error().code(), ErrorCode::kCancelled);
}

TEST(ClientTest, ASilentServerIsAnErrorAfterItsTime) {
  ServerForTest server([](const Asked&, Answer& answer) {
    answer.wait_for_goodbye();
    answer.cut();
  });
  Client client;
  const Collected got = fetch(client, {.url = server.url(), .stall_timeout_ms = 100});
  ASSERT_FALSE(got.reply.ok());
  EXPECT_EQ(got.reply.error().code(), ErrorCode::kIo);
  EXPECT_NE(got.reply.error().message().find("0.1 s"), std::string::npos);
}

TEST(ClientTest, ACutReplyIsAnErrorAndNoConnectionIsAnother) {
  std::string gone;
  {
    ServerForTest server([](const Asked&, Answer& answer) {
      answer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
      answer.cut();
    });
    Client client;
    const Collected got = fetch(client, {.url = server.url()});
    ASSERT_FALSE(got.reply.ok());
    EXPECT_EQ(got.reply.error().code(), ErrorCode::kIo);
    gone = server.url();
  }
  Client client;
  const Collected got = fetch(client, {.url = gone});
  ASSERT_FALSE(got.reply.ok());
  EXPECT_EQ(got.reply.error().code(), ErrorCode::kUnavailable);
}

/// Redirects /go to wherever `to` says; answers /here with the token that it got.
class Redirecting {
 public:
  explicit Redirecting(std::string to = "/here")
      : to_(std::move(to)), server_([this](const Asked& asked, Answer& answer) {
          if (asked.target == "/go") {
            answer.reply(302, "moved", "Location: " + to_ + "\r\n");
          } else if (asked.target == "/round") {
            answer.reply(302, "", "Location: /round\r\n");
          } else {
            answer.reply(200, "token " + asked.header("authorization"));
          }
        }) {}
  ServerForTest& server() { return server_; }
  Request request(RedirectPolicy policy, const std::string& target = "/go") {
    return {.url = server_.url(target),
            .secrets = {{"Authorization", "Bearer t"}},
            .redirects = std::move(policy)};
  }

 private:
  const std::string to_;
  ServerForTest server_;
};

TEST(RedirectTest, ARedirectIsAReplyWhereNoneIsAllowed) {
  Redirecting home;
  Client client;
  const Collected got = fetch(client, home.request({}));
  ASSERT_TRUE(got.reply.ok());
  EXPECT_EQ(got.reply->status, 302);
  EXPECT_EQ(got.body, "moved");
}

TEST(RedirectTest, TheTokenStaysWithinItsOrigin) {
  Redirecting home;
  Client client;
  const Collected same = fetch(client, home.request({.most = 5}));
  ASSERT_TRUE(same.reply.ok()) << same.reply.error().message();
  EXPECT_EQ(same.body, "token Bearer t");

  Redirecting other(home.server().url("/here"));  // another port is another origin
  const Collected away =
      fetch(client, other.request({.most = 5, .origins = {home.server().url()}}));
  ASSERT_TRUE(away.reply.ok()) << away.reply.error().message();
  EXPECT_EQ(away.body, "token ");
  EXPECT_EQ(away.reply->url, home.server().url("/here"));
}

TEST(RedirectTest, LeadsOnlyWhereItMay) {
  Redirecting home;
  const std::string port = std::to_string(home.server().port());
  struct Case {
    std::string to;
    RedirectPolicy policy;
    std::string expected;
  };
  const std::vector<Case> cases = {
      {home.server().url("/here"), {.most = 5}, "not among the hosts"},
      // Allowed by name, but plain http.
      {home.server().url("/here"), {.most = 5, .hosts = {"127.0.0.1"}}, "not among the hosts"},
      // Allowed by name and over https, but this machine.
      {"https://127.0.0.1:" + port + "/", {.most = 5, .hosts = {"127.0.0.1"}}, "private"},
      {"https://localhost:" + port + "/", {.most = 5, .hosts = {"localhost"}}, "private"},
      {"https://evilhf.co/", {.most = 5, .hosts = {"*.hf.co"}}, "not among the hosts"},
      {"file:///etc/passwd", {.most = 5}, "expected an address"},
      {"", {.most = 5}, "expected"},
  };
  for (const Case& c : cases) {
    Redirecting other(c.to);
    Client client;
    const Collected got = fetch(client, other.request(c.policy));
    ASSERT_FALSE(got.reply.ok()) << c.to;
    EXPECT_EQ(got.reply.error().code(), ErrorCode::kInvalidArgument) << got.reply.error().message();
    EXPECT_NE(got.reply.error().message().find(c.expected), std::string::npos)
        << got.reply.error().message();
  }
  EXPECT_TRUE(home.server().asked().empty());
}

TEST(RedirectTest, EndsAfterTheMost) {
  Redirecting home;
  Client client;
  const Collected got = fetch(client, home.request({.most = 5}, "/round"));
  ASSERT_FALSE(got.reply.ok());
  EXPECT_NE(got.reply.error().message().find("at most 5"), std::string::npos);
  EXPECT_EQ(home.server().asked().size(), 6u);
}

}  // namespace
}  // namespace whet::http
