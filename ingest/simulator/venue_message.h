// What the simulated venue has to say: trades, and recorded frames of other kinds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "market/decimal.h"

namespace quantstream::simulator {

// A symbol as the venue spells it.
struct VenueSymbol {
  std::string base{};    // "BTC"
  std::string quote{};   // "USDT"
  int price_places = 8;  // decimal places that prices and quantities are written with
  int quantity_places = 8;

  std::string Name() const { return base + quote; }  // "BTCUSDT"
};

// One trade. Its stamp is in whole milliseconds: clients that ask for microseconds get zeros, so
// that a trade has one time.
struct VenueTrade {
  uint32_t symbol = 0;  // index into the venue's symbols
  uint64_t id = 0;
  int64_t time_ms = 0;
  Decimal price{};
  Decimal quantity{};
  bool buyer_is_maker = false;  // the taker sold
};

// One message of one stream ("btcusdt@trade").
struct VenueMessage {
  uint32_t stream = 0;                // index into the venue's stream names
  std::optional<VenueTrade> trade{};  // of a trade stream
  std::string recorded_text{};        // the frame as recorded; empty: made from `trade`
};

}  // namespace quantstream::simulator
