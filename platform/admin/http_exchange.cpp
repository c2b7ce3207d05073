#include "platform/admin/http_exchange.h"

#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <sstream>

namespace quantstream::admin {
namespace {

HttpAnswer Ready(const Readiness& readiness) {
  const std::vector<UnmetCondition> unmet = readiness.unmet();
  if (unmet.empty()) return {200, "text/plain; charset=utf-8", "ready\n"};
  HttpAnswer answer{503};
  for (const UnmetCondition& condition : unmet) {
    answer.body += condition.name + ": " + condition.reason + "\n";
  }
  return answer;
}

HttpAnswer Metrics(const prometheus::Registry& registry) {
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, registry.Collect());
  return {200, "text/plain; version=0.0.4; charset=utf-8", text.str()};
}

}  // namespace

HttpAnswer AdminPages::Answer(std::string_view method, std::string_view target) const {
  if (method != "GET" && method != "HEAD") {
    return {405, "text/plain; charset=utf-8", "only GET and HEAD\n"};
  }
  const std::string_view path = target.substr(0, target.find('?'));
  if (path == "/metrics") return Metrics(*registry);
  if (path == "/readyz") return Ready(*readiness);
  if (path == "/healthz") {
    if (!healthy || healthy()) return {200, "text/plain; charset=utf-8", "alive\n"};
    return {503, "text/plain; charset=utf-8", "not alive\n"};
  }
  return {404, "text/plain; charset=utf-8", "there are /metrics, /healthz and /readyz\n"};
}

std::string WhatIsWrong(const HttpFacts& facts) {
  if (facts.has_body) return "requests here have no body\n";
  if (facts.host_headers > 1) return "more than one Host header\n";
  if (facts.http_1_1 && facts.host_headers == 0) return "no Host header\n";
  return "";
}

}  // namespace quantstream::admin
