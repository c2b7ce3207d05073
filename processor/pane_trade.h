// One accepted trade as a pane keeps it: small, without text. What a trade without a numeric id
// needs more stands in its Origin.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "market/candle.h"
#include "market/time.h"
#include "market/trade.h"
#include "processor/packing.h"

namespace quantstream::processor {

// What identifies and orders a trade whose venue gave no number: (receive time, node, session,
// sequence, index), or the venue's text.
struct Origin {
  EventTime receive_time;
  std::string node;
  uint64_t session = 0;
  uint64_t sequence = 0;
  std::string text_id;
  bool operator==(const Origin&) const = default;
};

struct PaneTrade {
  static constexpr uint32_t kNoOrigin = UINT32_MAX;

  EventTime time;
  uint64_t id = 0;
  Offset offset;
  Decimal price;
  Decimal quantity;
  uint32_t index = 0;  // within its record
  uint32_t count = 1;
  uint32_t origin = kNoOrigin;  // in the pane's origins; only without a numeric id
  Side side = Side::kUnspecified;
  bool in_lost_log = false;  // its place is of a log that was replaced

  Place place() const { return Place{offset, index}; }
  // The last of the ids it stands for.
  uint64_t last_id() const { return id == 0 ? 0 : id + count - 1; }
};

// A trade with its origin, for those that are kept outside a pane.
struct KeptTrade {
  PaneTrade trade;
  Origin origin;  // empty with a numeric id
};

// The same value with the least scale, so that a candle's prices do not depend on which of equal
// ones came first. Ingest sends it so.
inline Decimal CanonicalPrice(const Decimal& price) {
  return price.scale != 0 && price.mantissa % 10 == 0 ? price.Canonical() : price;
}

KeptTrade KeepTrade(const Trade& trade, const TradeBatch& batch, Offset offset, uint32_t index);
// How an order key of it reads; of the last edge of a candle when `last`.
OrderKey KeyOf(const PaneTrade& trade, const Origin& origin, bool last);
// The trade again, its text pointing into the instrument's names and the origin.
Trade ToTrade(const KeptTrade& kept, std::string_view venue, std::string_view symbol);
// A candle of this trade alone; one return-less pane.
CandleValues ValuesOf(const KeptTrade& kept);
// What tells it from other trades of its pane: venue's id or text, else its origin and index.
std::string IdentityOf(const PaneTrade& trade, const Origin& origin);

void PackTrade(const PaneTrade& trade, const Origin& origin, Packer& out);
KeptTrade UnpackTrade(Unpacker& in);

}  // namespace quantstream::processor
