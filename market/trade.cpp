#include "market/trade.h"

#include <limits>

#include "market/exact_sum.h"
#include "market/instrument.h"
#include "market/utf8.h"

namespace quantstream {
namespace {

bool IsPositive(const Decimal& value) {
  return value.mantissa > 0 && value.scale <= Decimal::kScaleMax;
}

bool IsAhead(const Trade& trade, int64_t bound_us) {
  const __int128 ahead =
      static_cast<__int128>(trade.venue_time.us) - static_cast<__int128>(trade.receive_time.us);
  return ahead > bound_us;
}

bool HasNumbers(const Trade& trade) {
  constexpr uint64_t kIdMax = std::numeric_limits<uint64_t>::max();
  return trade.count >= 1 && (trade.id == 0 || trade.count - 1 <= kIdMax - trade.id);
}

}  // namespace

void TradeBatch::Clear() {
  node = {};
  session = 0;
  sequence = 0;
  trades.clear();
  heartbeats.clear();
}

std::string_view RefusalName(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNone:
      return "none";
    case Refusal::kNoInstrument:
      return "no_instrument";
    case Refusal::kPrice:
      return "price";
    case Refusal::kQuantity:
      return "quantity";
    case Refusal::kNotional:
      return "notional";
    case Refusal::kTime:
      return "time";
    case Refusal::kFuture:
      return "future";
    case Refusal::kCount:
      return "count";
    case Refusal::kTextId:
      return "text_id";
  }
  return "unknown";
}

Refusal CheckTrade(const Trade& trade, int64_t future_bound_us) {
  if (!IsLegalVenue(trade.venue) || !IsLegalSymbol(trade.symbol)) return Refusal::kNoInstrument;
  if (!IsPositive(trade.price)) return Refusal::kPrice;
  if (!IsPositive(trade.quantity)) return Refusal::kQuantity;
  if (!NotionalFits(trade.price, trade.quantity)) return Refusal::kNotional;
  if (trade.venue_time.us <= 0 || trade.venue_time.us > kTimeMax.us) return Refusal::kTime;
  if (IsAhead(trade, future_bound_us)) return Refusal::kFuture;
  if (!HasNumbers(trade)) return Refusal::kCount;
  if (!IsPlainText(trade.text_id, Trade::kTextIdMax)) return Refusal::kTextId;
  return Refusal::kNone;
}

}  // namespace quantstream
