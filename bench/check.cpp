// Recomputes every candle of a benchmark's market flow by sorting its trades, and compares all rows
// of PostgreSQL with them: values and counts, nothing left out. Shares no code with the processor.
#include <libpq-fe.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "bench/market_flow.h"

namespace {

using quantstream::bench::FlowOptions;
using quantstream::bench::FlowTrade;
using quantstream::bench::MarketFlow;

struct Expected {
  int64_t open = 0, high = 0, low = 0, close = 0;
  __int128 volume = 0, quote_volume = 0, buy_volume = 0;
  int64_t trades = 0;
  bool operator==(const Expected&) const = default;
};
using Windows = std::map<int64_t, Expected>;  // open time in us

Windows CandlesOf(const std::vector<FlowTrade>& sorted, int64_t seconds) {
  Windows windows;
  for (const FlowTrade& trade : sorted) {
    int64_t start = trade.time_us - trade.time_us % (seconds * 1'000'000);
    Expected& candle = windows[start];
    if (candle.trades++ == 0) {
      candle.open = candle.high = candle.low = trade.price;
    }
    candle.high = std::max(candle.high, trade.price);
    candle.low = std::min(candle.low, trade.price);
    candle.close = trade.price;
    candle.volume += trade.quantity;
    candle.quote_volume += static_cast<__int128>(trade.price) * trade.quantity;
    if (trade.buy) candle.buy_volume += trade.quantity;
  }
  return windows;
}

// `12.3400000` as an integer of the given scale; everything beyond the scale must be zero.
__int128 Scaled(const char* text, int scale) {
  __int128 value = 0;
  int places = -1;
  for (; *text != '\0'; ++text) {
    if (*text == '.') {
      places = 0;
    } else if (places < scale) {
      value = value * 10 + (*text - '0');
      if (places >= 0) ++places;
    } else if (*text != '0') {
      return -1;
    }
  }
  for (int i = std::max(places, 0); i < scale; ++i) value *= 10;
  return value;
}

int64_t CompareSeries(PGconn* db, int instrument, const char* venue, int64_t seconds,
                      const Windows& want) {
  std::string sql =
      "SELECT (extract(epoch FROM open_time) * 1000000)::bigint, open, high, low, close, volume, "
      "quote_volume, "
      "buy_volume, trade_count FROM candles JOIN instruments USING (instrument_id) WHERE name = '" +
      std::string(venue) + ":" + MarketFlow::SymbolOf(instrument) +
      "' AND interval_s = " + std::to_string(seconds);
  PGresult* rows = PQexec(db, sql.c_str());
  if (PQresultStatus(rows) != PGRES_TUPLES_OK) {
    std::fprintf(stderr, "check: %s", PQerrorMessage(db));
    std::exit(2);
  }
  int64_t wrong = 0;
  Windows got;
  for (int row = 0; row < PQntuples(rows); ++row) {
    auto text = [&](int column) { return PQgetvalue(rows, row, column); };
    Expected candle;
    candle.open = static_cast<int64_t>(Scaled(text(1), 2));
    candle.high = static_cast<int64_t>(Scaled(text(2), 2));
    candle.low = static_cast<int64_t>(Scaled(text(3), 2));
    candle.close = static_cast<int64_t>(Scaled(text(4), 2));
    candle.volume = Scaled(text(5), 5);
    candle.quote_volume = Scaled(text(6), 7);
    candle.buy_volume = Scaled(text(7), 5);
    candle.trades = std::atoll(text(8));
    got[std::atoll(text(0))] = candle;
  }
  PQclear(rows);
  for (const auto& [start, candle] : want) {
    auto it = got.find(start);
    if (it != got.end() && it->second == candle) continue;
    if (wrong++ == 0) {
      std::fprintf(stderr, "check: %s %" PRId64 "s %" PRId64 ": %s\n",
                   MarketFlow::SymbolOf(instrument).c_str(), seconds, start,
                   it == got.end() ? "missing" : "differs");
    }
  }
  for (const auto& [start, candle] : got) wrong += want.count(start) == 0 ? 1 : 0;
  return wrong;
}

}  // namespace

// check CONNINFO VENUE TRADES INSTRUMENTS RATE SEED
int main(int argc, char** argv) {
  if (argc != 7) {
    std::fprintf(stderr, "usage: check CONNINFO VENUE TRADES INSTRUMENTS RATE SEED\n");
    return 2;
  }
  FlowOptions options;
  options.trades = std::atoll(argv[3]);
  options.instruments = std::atoi(argv[4]);
  options.trades_per_second = std::atoll(argv[5]);
  options.seed = static_cast<uint64_t>(std::atoll(argv[6]));
  MarketFlow flow(options);
  std::vector<std::vector<FlowTrade>> trades(static_cast<size_t>(options.instruments));
  for (FlowTrade trade; flow.Next(trade);)
    trades[static_cast<size_t>(trade.instrument)].push_back(trade);

  PGconn* db = PQconnectdb(argv[1]);
  int64_t windows = 0;
  int64_t wrong = 0;
  for (int i = 0; i < options.instruments; ++i) {
    auto& mine = trades[static_cast<size_t>(i)];
    std::sort(mine.begin(), mine.end(), [](const FlowTrade& a, const FlowTrade& b) {
      return a.time_us != b.time_us ? a.time_us < b.time_us : a.id < b.id;
    });
    for (int64_t seconds : {1, 5, 60, 300, 900, 3600, 86400}) {
      Windows want = CandlesOf(mine, seconds);
      windows += static_cast<int64_t>(want.size());
      wrong += CompareSeries(db, i, argv[2], seconds, want);
    }
  }
  PQfinish(db);
  std::printf("%" PRId64 " of %" PRId64 " candles equal\n", windows - wrong, windows);
  return wrong == 0 && windows > 0 ? 0 : 1;
}
