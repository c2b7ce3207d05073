// The venue's REST endpoints, as far as a client of its trades needs them. Pure: a target in, an
// answer out.
//   /api/v3/ping  /api/v3/time  /api/v3/exchangeInfo[?symbol=]
//   /api/v3/trades?symbol=&limit=  /api/v3/historicalTrades?symbol=&limit=&fromId=
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ingest/simulator/venue.h"

namespace quantstream::simulator {

struct HttpAnswer {
  int status = 200;
  std::string body{};  // JSON
};

// Errors as Binance gives them: 400 with {"code":-1121,"msg":"..."}; 404 for another path.
HttpAnswer AnswerRest(const Venue& venue, std::string_view target, int64_t now_ms);

}  // namespace quantstream::simulator
