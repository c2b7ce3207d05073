#include "ingest/simulator/rest.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "ingest/simulator/requests.h"

namespace quantstream::simulator {
namespace {

HttpAnswer Refuse(int code, std::string_view message) {
  return {400, absl::StrCat(R"({"code":)", code, R"(,"msg":")", std::string(message), "\"}")};
}

// An absent parameter keeps `value`.
bool ReadNumber(std::string_view target, std::string_view key, uint64_t* value) {
  const std::string text = QueryValue(target, key);
  return text.empty() || absl::SimpleAtoi(text, value);
}

HttpAnswer ExchangeInfo(const Venue& venue, std::string_view target, int64_t now_ms) {
  const std::string wanted = QueryValue(target, "symbol");
  if (!wanted.empty() && venue.History(wanted) == nullptr) return Refuse(-1121, "Invalid symbol.");
  std::string body = absl::StrCat(R"({"timezone":"UTC","serverTime":)", now_ms,
                                  R"(,"rateLimits":[],"exchangeFilters":[],"symbols":[)");
  bool first = true;
  for (const VenueSymbol& symbol : venue.source().symbols()) {
    if (!wanted.empty() && symbol.Name() != wanted) continue;
    absl::StrAppend(&body, first ? "" : ",", R"({"symbol":")", symbol.Name(),
                    R"(","status":"TRADING","baseAsset":")", symbol.base, R"(","quoteAsset":")",
                    symbol.quote, R"("})");
    first = false;
  }
  return {200, absl::StrCat(body, "]}")};
}

// The newest `limit` trades, or the first ones from `fromId` on.
HttpAnswer Trades(const Venue& venue, std::string_view target, bool historical) {
  const std::deque<VenueTrade>* history = venue.History(QueryValue(target, "symbol"));
  if (history == nullptr) return Refuse(-1121, "Invalid symbol.");
  uint64_t limit = 500;
  uint64_t from_id = 0;
  if (!ReadNumber(target, "limit", &limit) || limit == 0 || limit > 1000) {
    return Refuse(-1130, "Parameter limit is a number from 1 to 1000.");
  }
  if (historical && !ReadNumber(target, "fromId", &from_id)) {
    return Refuse(-1130, "Parameter fromId is a number.");
  }
  size_t first = history->size() - std::min<size_t>(limit, history->size());
  if (from_id > 0) {
    const auto found = std::lower_bound(history->begin(), history->end(), from_id,
                                        [](const VenueTrade& t, uint64_t id) { return t.id < id; });
    first = static_cast<size_t>(found - history->begin());
  }
  std::string body = "[";
  for (size_t i = first; i < history->size() && i < first + limit; ++i) {
    if (i > first) body.push_back(',');
    AppendRestTrade((*history)[i], &body);
  }
  return {200, body + "]"};
}

}  // namespace

HttpAnswer AnswerRest(const Venue& venue, std::string_view target, int64_t now_ms) {
  const std::string_view path = target.substr(0, target.find('?'));
  if (path == "/api/v3/ping") return {200, "{}"};
  if (path == "/api/v3/time") return {200, absl::StrCat(R"({"serverTime":)", now_ms, "}")};
  if (path == "/api/v3/exchangeInfo") return ExchangeInfo(venue, target, now_ms);
  if (path == "/api/v3/trades") return Trades(venue, target, false);
  if (path == "/api/v3/historicalTrades") return Trades(venue, target, true);
  return {404, R"({"code":-1100,"msg":"no such endpoint"})"};
}

}  // namespace quantstream::simulator
