// Trades of CSV files, one a row, for replay. A row's time is its receive time too.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "ingest/symbols.h"
#include "ingest/venue/decoder.h"
#include "market/time.h"

namespace quantstream::ingest {

// A decoder of rows that can also tell a row's time alone, for merging and pace.
class CsvTrades : public Decoder {
 public:
  // Nothing for a row without a legal time.
  virtual std::optional<EventTime> TimeOf(std::string_view row) const = 0;
};

// `symbol,seq,trade_id,ts_ms,price,qty` with that header: symbols in the venue's spelling, ids are
// numbers.
std::unique_ptr<CsvTrades> MakeSymbolRows(SymbolTable& symbols);
// `unix seconds,price,amount`: one pair, no ids.
std::unique_ptr<CsvTrades> MakeBitcoinchartsRows(std::string venue, std::string symbol);
// `ms since midnight,price x 10000,shares,exchange,conditions,suspicious`: one ticker and day, no
// ids. Suspicious ones are trades too.
std::unique_ptr<CsvTrades> MakeStockTickRows(std::string venue, std::string symbol,
                                             EventTime midnight);

// Midnight of `yyyymmdd` in New York, where the tape's day begins. An error when the time zone is
// not installed.
absl::StatusOr<EventTime> NewYorkMidnight(std::string_view yyyymmdd);

}  // namespace quantstream::ingest
