#include "processor/pane_trade.h"

namespace quantstream::processor {

KeptTrade KeepTrade(const Trade& trade, const TradeBatch& batch, Offset offset, uint32_t index) {
  KeptTrade kept;
  kept.trade = PaneTrade{.time = trade.venue_time,
                         .id = trade.id,
                         .offset = offset,
                         .price = CanonicalPrice(trade.price),
                         .quantity = trade.quantity,
                         .index = index,
                         .count = trade.count,
                         .side = trade.aggressor_side};
  if (trade.id == 0) {
    kept.origin = Origin{trade.receive_time, std::string(batch.node), batch.session, batch.sequence,
                         std::string(trade.text_id)};
  }
  return kept;
}

OrderKey KeyOf(const PaneTrade& trade, const Origin& origin, bool last) {
  OrderKey key;
  key.time = trade.time;
  if (trade.id != 0) {
    key.id = last ? trade.last_id() : trade.id;
    return key;
  }
  key.receive_time = origin.receive_time;
  key.node = origin.node;
  key.session = origin.session;
  key.sequence = origin.sequence;
  key.index = trade.index;
  return key;
}

Trade ToTrade(const KeptTrade& kept, std::string_view venue, std::string_view symbol) {
  Trade trade;
  trade.venue = venue;
  trade.symbol = symbol;
  trade.price = kept.trade.price;
  trade.quantity = kept.trade.quantity;
  trade.venue_time = kept.trade.time;
  trade.receive_time = kept.origin.receive_time;
  trade.aggressor_side = kept.trade.side;
  trade.id = kept.trade.id;
  trade.text_id = kept.origin.text_id;
  trade.count = kept.trade.count;
  return trade;
}

CandleValues ValuesOf(const KeptTrade& kept) {
  CandleValues values;
  const PaneTrade& trade = kept.trade;
  values.first = EdgeTrade{KeyOf(trade, kept.origin, false), kept.origin.text_id, trade.price};
  values.last = EdgeTrade{KeyOf(trade, kept.origin, true), kept.origin.text_id, trade.price};
  values.high = values.low = values.first_pane_close = trade.price;
  values.volume = ExactSum::Of(trade.quantity);
  values.quote_volume = ExactSum::Product(trade.price, trade.quantity);
  if (trade.side == Side::kBuy) values.buy_volume = values.volume;
  if (trade.side == Side::kSell) values.buy_volume = ExactSum();
  values.trade_count = trade.count;
  values.returns = LogReturnSums{};
  return values;
}

std::string IdentityOf(const PaneTrade& trade, const Origin& origin) {
  std::string identity;
  Packer out(identity);
  if (trade.id != 0) {
    out.Number(1);
    out.Number(trade.id);
  } else if (!origin.text_id.empty()) {
    out.Number(2);
    out.Text(origin.text_id);
  } else {
    out.Number(3);
    out.Time(origin.receive_time);
    out.Text(origin.node);
    out.Number(origin.session);
    out.Number(origin.sequence);
    out.Number(trade.index);
  }
  return identity;
}

void PackTrade(const PaneTrade& trade, const Origin& origin, Packer& out) {
  out.Time(trade.time);
  out.Number(trade.id);
  out.Signed(trade.in_lost_log ? -1 - trade.offset.value : trade.offset.value);
  out.Number(trade.index);
  out.Number(trade.count);
  out.Number(static_cast<uint64_t>(trade.side));
  out.Value(trade.price);
  out.Value(trade.quantity);
  if (trade.id != 0) return;
  out.Time(origin.receive_time);
  out.Text(origin.node);
  out.Number(origin.session);
  out.Number(origin.sequence);
  out.Text(origin.text_id);
}

KeptTrade UnpackTrade(Unpacker& in) {
  KeptTrade kept;
  kept.trade.time = in.Time();
  kept.trade.id = in.Number();
  const int64_t offset = in.Signed();
  kept.trade.in_lost_log = offset < 0;
  kept.trade.offset.value = offset < 0 ? -1 - offset : offset;
  kept.trade.index = static_cast<uint32_t>(in.Number());
  kept.trade.count = static_cast<uint32_t>(in.Number());
  const uint64_t side = in.Number();
  in.Require(side <= static_cast<uint64_t>(Side::kSell));
  kept.trade.side = in.ok() ? static_cast<Side>(side) : Side::kUnspecified;
  kept.trade.price = in.Value();
  kept.trade.quantity = in.Value();
  in.Require(kept.trade.price.mantissa > 0 && kept.trade.quantity.mantissa > 0 &&
             kept.trade.count > 0);
  if (kept.trade.id != 0) return kept;
  kept.origin.receive_time = in.Time();
  kept.origin.node = in.Text();
  kept.origin.session = in.Number();
  kept.origin.sequence = in.Number();
  kept.origin.text_id = in.Text();
  return kept;
}

}  // namespace quantstream::processor
