#include "http/client.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <mutex>

#include "base/clock.h"
#include "http/address.h"
#include "http/url.h"

namespace whet::http {
namespace {

constexpr int kPollMs = 50;
constexpr size_t kMaxHeaderBytes = size_t{256} << 10;
constexpr size_t kMaxIdleConnections = 64;

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

/// A handle whose connections stay open between requests. The multi handle owns them, so it goes
/// last.
struct Line {
  std::unique_ptr<CURLM, MultiDeleter> multi{curl_multi_init()};
  std::unique_ptr<CURL, EasyDeleter> easy{curl_easy_init()};
};

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool host_matches(std::string_view host, std::string_view pattern) {
  if (!pattern.starts_with("*.")) return host == pattern;
  const std::string_view end = pattern.substr(1);
  return host.size() > end.size() && host.ends_with(end);
}

/// Names go through a proxy where the environment has one; the sockets that we open are then its.
bool has_proxy() {
  for (const char* name : {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) {
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return true;
  }
  return false;
}

/// One request to one address.
class Transfer {
 public:
  /// `trusted`: the caller or the user named this origin, so it may be private.
  Transfer(const Request& request, std::string url, bool is_first, bool trusted,
           const BodySink& sink, const Cancelled& cancelled)
      : request_(request),
        is_first_(is_first),
        checks_address_(!trusted && !has_proxy()),
        sink_(sink),
        cancelled_(cancelled) {
    reply_.url = std::move(url);
  }

  Result<Reply> run(Line& line) {
    set_up(line.easy.get());
    WHET_CHECK(curl_multi_add_handle(line.multi.get(), line.easy.get()) == CURLM_OK);
    last_byte_ns_ = monotonic_ns();
    const CURLcode code = drive(line.multi.get());
    curl_multi_remove_handle(line.multi.get(), line.easy.get());
    return outcome(line.easy.get(), code);
  }

 private:
  enum class Stop { kNone, kCancelled, kStalled, kSink, kHeaders, kAddress };

  void add_line(const std::string& text) {
    list_.reset(curl_slist_append(list_.release(), text.c_str()));
  }
  void add_headers(const std::vector<Header>& headers) {
    // "Name;" is how libcurl is told to send an empty value.
    for (const auto& [name, value] : headers) {
      add_line(value.empty() ? name + ";" : name + ": " + value);
    }
  }

  void set_up(CURL* easy) {
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, reply_.url.c_str());
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "whet");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, long{request_.connect_timeout_ms});
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_text_);
    // A connection that was opened without the check must not serve a request that needs it.
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, checks_address_ ? 1L : 0L);
    if (const char* file = std::getenv("SSL_CERT_FILE"); file != nullptr && *file != '\0') {
      curl_easy_setopt(easy, CURLOPT_CAINFO, file);
    }
    add_headers(request_.headers);
    if (is_first_) add_headers(request_.secrets);
    if (request_.method == "HEAD") curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (request_.method == "POST") {
      add_line("Expect:");  // no round trip before the body
      curl_easy_setopt(easy, CURLOPT_POST, 1L);
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_.body.data());
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(request_.body.size()));
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list_.get());
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
  }

  CURLcode drive(CURLM* multi) {
    while (true) {
      int n_running = 0;
      if (curl_multi_perform(multi, &n_running) != CURLM_OK) return CURLE_FAILED_INIT;
      if (n_running == 0) break;
      if (cancelled_ && cancelled_()) stop_ = Stop::kCancelled;
      const int64_t silent_ms = (monotonic_ns() - last_byte_ns_) / 1'000'000;
      if (request_.stall_timeout_ms > 0 && silent_ms > request_.stall_timeout_ms) {
        stop_ = Stop::kStalled;
      }
      if (stop_ != Stop::kNone) return CURLE_ABORTED_BY_CALLBACK;
      curl_multi_poll(multi, nullptr, 0, kPollMs, nullptr);
    }
    int n_left = 0;
    const CURLMsg* message = curl_multi_info_read(multi, &n_left);
    return message == nullptr ? CURLE_FAILED_INIT : message->data.result;
  }

  Result<Reply> outcome(CURL* easy, CURLcode code) {
    const auto failed = [&](ErrorCode kind, std::string_view what) {
      return Error(kind, fmt::format("{}: {}", reply_.url, what));
    };
    switch (stop_) {
      case Stop::kNone:
        break;
      case Stop::kSink:
        reply_.whole = false;
        return std::move(reply_);
      case Stop::kCancelled:
        return failed(ErrorCode::kCancelled, "cancelled");
      case Stop::kStalled:
        return failed(ErrorCode::kIo,
                      fmt::format("expected some byte within {} s, none came",
                                  static_cast<double>(request_.stall_timeout_ms) * 1e-3));
      case Stop::kHeaders:
        return failed(ErrorCode::kIo, fmt::format("expected headers of at most {} bytes, more came",
                                                  kMaxHeaderBytes));
      case Stop::kAddress:
        return failed(ErrorCode::kInvalidArgument,
                      "a redirect leads to an address that is private or of this machine; not "
                      "followed");
    }
    if (code == CURLE_OK) return std::move(reply_);
    const char* text = error_text_[0] != '\0' ? error_text_ : curl_easy_strerror(code);
    long n_sent = 0;
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &n_sent);
    return failed(n_sent == 0 ? ErrorCode::kUnavailable : ErrorCode::kIo, text);
  }

  static size_t on_header(char* data, size_t, size_t size, void* self) {
    return static_cast<Transfer*>(self)->header({data, size});
  }
  static size_t on_body(char* data, size_t, size_t size, void* self) {
    return static_cast<Transfer*>(self)->body({data, size});
  }
  static curl_socket_t on_socket(void* self, curlsocktype, curl_sockaddr* address) {
    auto* transfer = static_cast<Transfer*>(self);
    if (transfer->checks_address_ && !is_public_address(address->addr)) {
      transfer->stop_ = Stop::kAddress;
      return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }

  size_t header(std::string_view line) {
    last_byte_ns_ = monotonic_ns();
    n_header_bytes_ += line.size();
    if (n_header_bytes_ > kMaxHeaderBytes) {
      stop_ = Stop::kHeaders;
      return 0;
    }
    if (line.starts_with("HTTP/")) {  // also after "100 Continue"
      reply_.headers.clear();
      const size_t space = line.find(' ');
      const std::string_view code = space == line.npos ? "" : line.substr(space + 1, 3);
      std::from_chars(code.data(), code.data() + code.size(), reply_.status);
      return line.size();
    }
    const size_t colon = line.find(':');
    if (colon == line.npos) return line.size();
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    std::string_view value = line.substr(colon + 1);
    const size_t begin = value.find_first_not_of(" \t\r\n");
    const size_t end = value.find_last_not_of(" \t\r\n");
    value = begin == value.npos ? "" : value.substr(begin, end - begin + 1);
    reply_.headers.emplace_back(std::move(name), value);
    return line.size();
  }

  size_t body(std::string_view piece) {
    last_byte_ns_ = monotonic_ns();
    // The body of a redirect that is followed is nobody's.
    const bool skipped = is_redirect(reply_.status) && request_.redirects.most > 0;
    if (!skipped && sink_ && !sink_(reply_, piece)) {
      stop_ = Stop::kSink;
      return 0;
    }
    return piece.size();
  }

  const Request& request_;
  const bool is_first_, checks_address_;
  const BodySink& sink_;
  const Cancelled& cancelled_;
  Reply reply_;
  std::unique_ptr<curl_slist, ListDeleter> list_;
  char error_text_[CURL_ERROR_SIZE] = {};
  size_t n_header_bytes_ = 0;
  int64_t last_byte_ns_ = 0;
  Stop stop_ = Stop::kNone;
};

/// Whether a redirect from the request may lead to `url`, and whether that may be private.
struct Permission {
  bool allowed = false, trusted = false;
};
Permission permission(const Request& request, const Url& first, const Url& url) {
  const auto& origins = request.redirects.origins;
  if (url.origin() == first.origin() ||
      std::find(origins.begin(), origins.end(), url.origin()) != origins.end()) {
    return {true, true};
  }
  const auto& hosts = request.redirects.hosts;
  const bool listed = std::any_of(hosts.begin(), hosts.end(), [&](const std::string& pattern) {
    return host_matches(url.host, pattern);
  });
  return {listed && url.is_secure(), false};
}

}  // namespace

std::string_view Reply::header(std::string_view name) const {
  for (const Header& h : headers) {
    if (h.first == name) return h.second;
  }
  return {};
}

struct Client::Pool {
  std::mutex mutex;
  std::vector<std::unique_ptr<Line>> idle;

  std::unique_ptr<Line> take() {
    const std::lock_guard lock(mutex);
    if (idle.empty()) return std::make_unique<Line>();
    auto line = std::move(idle.back());
    idle.pop_back();
    return line;
  }
  void give_back(std::unique_ptr<Line> line) {
    const std::lock_guard lock(mutex);
    if (idle.size() < kMaxIdleConnections) idle.push_back(std::move(line));
  }
};

Client::Client() : pool_(std::make_unique<Pool>()) {
  // Once for the process, before any thread of ours uses it.
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  WHET_CHECK(global == CURLE_OK);
}
Client::~Client() = default;

Result<Reply> Client::send(const Request& request, const BodySink& sink,
                           const Cancelled& cancelled) {
  WHET_CHECK(request.method == "GET" || request.method == "HEAD" || request.method == "POST");
  WHET_TRY(const Url first, parse_url(request.url));
  Url url = first;
  Permission allowed{true, true};
  bool keeps_secrets = true;  // once away from the first origin they never come back
  for (int n_redirects = 0;; ++n_redirects) {
    auto line = pool_->take();
    Transfer transfer(request, url.text(), keeps_secrets, allowed.trusted, sink, cancelled);
    WHET_TRY(Reply reply, transfer.run(*line));
    if (reply.whole) pool_->give_back(std::move(line));
    const bool follows = request.redirects.most > 0 && is_redirect(reply.status);
    if (!follows) return reply;
    const auto refused = [&](std::string_view why) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("{}: redirected to {}: {}", url.text(),
                                                            reply.header("location"), why));
    };
    if (request.method == "POST") return refused("a POST is not sent on");
    if (n_redirects == request.redirects.most) {
      return refused(fmt::format("expected at most {} redirects", request.redirects.most));
    }
    if (reply.header("location").empty()) return refused("expected a Location header, found none");
    auto next = resolve_url(url, reply.header("location"));
    if (!next.ok()) return refused(next.error().message());
    if (url.is_secure() && !next->is_secure()) return refused("from https to plain http");
    allowed = permission(request, first, *next);
    if (!allowed.allowed) {
      return refused(
          fmt::format("{} is not among the hosts that this may lead to", next->origin()));
    }
    keeps_secrets = keeps_secrets && next->origin() == first.origin();
    url = std::move(*next);
  }
}

}  // namespace whet::http
