#include "ingest/url.h"

#include <charconv>

#include "absl/strings/str_cat.h"

namespace quantstream::ingest {
namespace {

absl::Status Wrong(std::string_view url, const char* what) {
  return absl::InvalidArgumentError(absl::StrCat("'", std::string(url), "': ", what));
}

bool IsPort(std::string_view text) {
  int port = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  return error == std::errc() && stop == end && port >= 1 && port <= 65535;
}

bool HasIllegalBytes(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c == '\x7f' || c == '@') return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<WebSocketUrl> WebSocketUrl::Parse(std::string_view url) {
  WebSocketUrl parsed;
  std::string_view rest = url;
  if (rest.starts_with("wss://")) {
    parsed.tls = true;
    rest.remove_prefix(6);
  } else if (rest.starts_with("ws://")) {
    rest.remove_prefix(5);
  } else {
    return Wrong(url, "must begin with ws:// or wss://");
  }
  const size_t slash = rest.find_first_of("/?");
  std::string_view authority = rest.substr(0, slash);
  if (slash != std::string_view::npos) parsed.target = std::string(rest.substr(slash));
  if (!parsed.target.starts_with('/')) parsed.target.insert(parsed.target.begin(), '/');

  parsed.port = parsed.tls ? "443" : "80";
  const size_t bracket = authority.find(']');  // [::1]:9080
  const size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    parsed.port = std::string(authority.substr(colon + 1));
    authority = authority.substr(0, colon);
  }
  if (authority.starts_with('[') && authority.ends_with(']')) {
    authority = authority.substr(1, authority.size() - 2);
  }
  if (authority.empty() || HasIllegalBytes(authority)) return Wrong(url, "has no legal host");
  if (!IsPort(parsed.port)) return Wrong(url, "port must be 1 to 65535");
  if (parsed.target.find_first_of(" \r\n") != std::string::npos) return Wrong(url, "has spaces");
  parsed.host = std::string(authority);
  return parsed;
}

}  // namespace quantstream::ingest
