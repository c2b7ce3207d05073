// The algebra of candles: everything in one merges exactly and in any order. Pure; knows nothing of
// windows or storage.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "market/decimal.h"
#include "market/exact_sum.h"
#include "market/interval.h"
#include "market/log_returns.h"
#include "market/time.h"
#include "market/trade.h"

namespace quantstream {

// What orders trades: (venue time, numeric id); without a numeric id (venue time, receive time,
// node, session, sequence, index in the record). A trade without a number comes before one with.
struct OrderKey {
  EventTime time;
  uint64_t id = 0;
  EventTime receive_time = {};  // from here on only where id = 0
  std::string node = {};
  uint64_t session = 0;
  uint64_t sequence = 0;
  uint32_t index = 0;

  auto operator<=>(const OrderKey&) const = default;
};

// A trade at an edge of a candle. Of an aggregate at the last edge, key.id is the last of its ids.
struct EdgeTrade {
  OrderKey key;
  std::string text_id;  // the venue's id where it is not a number; no part of the order
  Decimal price;

  bool operator==(const EdgeTrade&) const = default;
};

enum class CandleState : uint8_t { kPartial = 1, kFinal = 2, kRevised = 3 };
enum class Completeness : uint8_t { kComplete = 1, kGapSuspected = 2, kHealed = 3 };

// Offsets of the first and the last record with an on-time trade.
struct OffsetSpan {
  Offset first;
  Offset last;
  bool operator==(const OffsetSpan&) const = default;
};

// The values of a candle: a function of the set of its trades.
struct CandleValues {
  EdgeTrade first;
  EdgeTrade last;
  Decimal high;
  Decimal low;
  ExactSum volume;
  ExactSum quote_volume;
  std::optional<ExactSum> buy_volume;  // absent where the venue tells no sides
  uint64_t trade_count = 0;
  std::optional<LogReturnSums>
      returns;  // absent: not computed (a revised 1 s candle whose trades have left the log)
  Decimal first_pane_close;  // close of the first 1 s pane

  const Decimal& open() const { return first.price; }
  const Decimal& close() const { return last.price; }
  std::string Vwap() const { return DivideHalfEven12(quote_volume, volume); }
  bool operator==(const CandleValues&) const = default;
};

// A candle as stored and published; its key (instrument, interval, open_time) stands beside it.
struct Candle {
  CandleValues values;
  CandleState state = CandleState::kPartial;
  uint64_t revision = 0;
  int64_t version = 0;
  Completeness completeness = Completeness::kComplete;
  std::optional<OffsetSpan> lineage;  // absent when every trade came late

  bool operator==(const Candle&) const = default;
};

// Which candle.
struct CandleKey {
  std::string instrument;  // venue:symbol
  Interval interval;
  EventTime open_time;
  auto operator<=>(const CandleKey&) const = default;
  EventTime close_time() const { return EventTime{open_time.us + interval.us()}; }
};

// A candle of one trade: no returns yet (count 0), its pane close its own price. Prices become
// canonical, so that equal values are equal candles. REQUIRES, here and below: trades that
// CheckTrade lets pass.
CandleValues OfTrade(const Trade& trade, const OrderKey& key);

// Sums, edges, high and low of `part` go into `whole`; returns and first_pane_close are NOT touched
// (they depend on the neighbours: see AppendPane). A buy_volume absent on either side is absent in
// the result. A candle with trade_count 0 adds nothing and takes everything, here and below.
void MergeSums(CandleValues& whole, const CandleValues& part);

// MergeSums(whole, OfTrade(trade, key)), but faster.
void AddTrade(CandleValues& whole, const Trade& trade, const OrderKey& key);

// A longer candle grows by the next closed pane, later in time than all in it: sums as MergeSums,
// and the return from the close so far to the pane's close. A `whole` with trade_count 0 becomes
// the pane, with zero returns.
void AppendPane(CandleValues& whole, const CandleValues& pane);

// Two candles of adjacent ranges of time, `a` before `b`, both made of panes by AppendPane: the
// returns of both and the one across the seam (a.close -> b.first_pane_close). Absent returns on
// either side are absent in the result. Not for 1 s candles, whose returns are between trades.
CandleValues Join(const CandleValues& a, const CandleValues& b);

// In `whole`, pane `old` (nullopt: there was none) is replaced by `now`, which differs by added
// trades; `before` and `after` are the closes of the neighbouring panes within `whole`, where there
// are any. Sums grow by the difference, each return that had the pane's close in it is taken out
// and put back.
void ReplacePane(CandleValues& whole, const std::optional<CandleValues>& old,
                 const CandleValues& now, const std::optional<Decimal>& before,
                 const std::optional<Decimal>& after);

}  // namespace quantstream
