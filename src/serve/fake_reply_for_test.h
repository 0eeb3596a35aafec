// A Reply that keeps what it is given.
#pragma once

#include <memory>
#include <string>

#include "serve/fields.h"
#include "serve/message.h"

namespace whet::serve {

class FakeReply : public Reply {
 public:
  using Reply::send;
  void send(int s, std::string_view type, std::string text, const Headers& h) override {
    ++n_begun;
    status = s;
    content_type = type;
    body = std::move(text);
    headers = h;
  }
  void begin(int s, std::string_view type, const Headers& h) override {
    ++n_begun;
    status = s;
    content_type = type;
    headers = h;
  }
  bool write(std::string_view piece) override {
    body += piece;
    if (body.size() >= leaves_after) cancel->cancel();
    return !cancel->cancelled();
  }
  void end() override { ++n_ended; }
  const CancelFlag& cancelled() const override { return *cancel; }

  Json json() const { return Json::parse(body, nullptr, false); }
  std::string header(const std::string& name) const {
    for (const auto& [key, value] : headers) {
      if (key == name) return value;
    }
    return "";
  }

  int status = 0, n_begun = 0, n_ended = 0;
  std::string content_type, body;
  Headers headers;
  std::shared_ptr<CancelFlag> cancel = std::make_shared<CancelFlag>();
  size_t leaves_after = SIZE_MAX;  // bytes after which the client is gone
};

}  // namespace whet::serve
