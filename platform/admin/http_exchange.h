// What the admin port answers to a request. No socket and no HTTP library here.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "platform/admin/readiness.h"

namespace prometheus {
class Registry;
}

namespace quantstream::admin {

struct HttpAnswer {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body{};
};

// What the answers are made from.
struct AdminPages {
  std::shared_ptr<prometheus::Registry> registry;
  const Readiness* readiness;
  std::function<bool()> healthy;  // unset = always alive

  // `target` as in the request line; what follows a '?' is ignored. 404 and 405 included.
  HttpAnswer Answer(std::string_view method, std::string_view target) const;
};

// Beast takes requests whose length is ambiguous, or that have no or several Host headers. Empty =
// fine.
struct HttpFacts {
  bool http_1_1 = true;
  int host_headers = 0;
  bool has_body = false;  // Transfer-Encoding, or a Content-Length above zero
};
std::string WhatIsWrong(const HttpFacts& facts);

}  // namespace quantstream::admin
