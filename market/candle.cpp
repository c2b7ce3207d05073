#include "market/candle.h"

namespace quantstream {
namespace {

// Of an aggregate the last of its ids.
OrderKey LastKeyOf(const Trade& trade, const OrderKey& key) {
  OrderKey last = key;
  if (last.id != 0) last.id += trade.count - 1;
  return last;
}

std::optional<ExactSum> BoughtBy(const Trade& trade, const ExactSum& quantity) {
  switch (trade.aggressor_side) {
    case Side::kBuy:
      return quantity;
    case Side::kSell:
      return ExactSum();
    case Side::kUnspecified:
      break;
  }
  return std::nullopt;
}

void WidenRange(CandleValues& whole, const Decimal& high, const Decimal& low) {
  if (CompareValue(high, whole.high) > 0) whole.high = high;
  if (CompareValue(low, whole.low) < 0) whole.low = low;
}

void MergeEdgesAndRange(CandleValues& whole, const CandleValues& part) {
  if (part.first.key < whole.first.key) whole.first = part.first;
  if (part.last.key > whole.last.key) whole.last = part.last;
  WidenRange(whole, part.high, part.low);
}

// `whole` was empty: all that is not of returns comes from the part.
void TakeSums(CandleValues& whole, const CandleValues& part) {
  whole.first = part.first;
  whole.last = part.last;
  whole.high = part.high;
  whole.low = part.low;
  whole.volume = part.volume;
  whole.quote_volume = part.quote_volume;
  whole.buy_volume = part.buy_volume;
  whole.trade_count = part.trade_count;
}

void TakePane(CandleValues& whole, const CandleValues& pane) {
  TakeSums(whole, pane);
  whole.returns = LogReturnSums{};
  whole.first_pane_close = pane.close();
}

// The returns over the panes' closes before -> middle -> after, as far as there are such.
class Chain {
 public:
  Chain(const std::optional<Decimal>& before, const std::optional<Decimal>& after)
      : before_(before), after_(after) {}

  void Remove(LogReturnSums& returns, const std::optional<Decimal>& middle) const {
    Each(middle, [&returns](int64_t log_return) { returns.Remove(log_return); });
  }
  void Add(LogReturnSums& returns, const std::optional<Decimal>& middle) const {
    Each(middle, [&returns](int64_t log_return) { returns.Add(log_return); });
  }

 private:
  template <typename Change>
  void Each(const std::optional<Decimal>& middle, Change change) const {
    if (!middle.has_value()) {
      if (before_.has_value() && after_.has_value()) change(LogReturn(*before_, *after_));
      return;
    }
    if (before_.has_value()) change(LogReturn(*before_, *middle));
    if (after_.has_value()) change(LogReturn(*middle, *after_));
  }

  const std::optional<Decimal>& before_;
  const std::optional<Decimal>& after_;
};

// Sums of `whole` grow from what `old` was to what `now` is.
void GrowSums(CandleValues& whole, const CandleValues& old, const CandleValues& now) {
  whole.volume += now.volume - old.volume;
  whole.quote_volume += now.quote_volume - old.quote_volume;
  whole.trade_count += now.trade_count - old.trade_count;
  if (whole.buy_volume.has_value() && now.buy_volume.has_value() && old.buy_volume.has_value()) {
    *whole.buy_volume += *now.buy_volume - *old.buy_volume;
  } else {
    whole.buy_volume.reset();
  }
}

}  // namespace

CandleValues OfTrade(const Trade& trade, const OrderKey& key) {
  CandleValues values;
  const Decimal price = trade.price.Canonical();
  values.first = EdgeTrade{key, std::string(trade.text_id), price};
  values.last = EdgeTrade{LastKeyOf(trade, key), std::string(trade.text_id), price};
  values.high = price;
  values.low = price;
  values.volume = ExactSum::Of(trade.quantity);
  values.quote_volume = ExactSum::Product(trade.price, trade.quantity);
  values.buy_volume = BoughtBy(trade, values.volume);
  values.trade_count = trade.count;
  values.returns = LogReturnSums{};
  values.first_pane_close = price;
  return values;
}

void AddTrade(CandleValues& whole, const Trade& trade, const OrderKey& key) {
  if (whole.trade_count == 0) {
    TakeSums(whole, OfTrade(trade, key));
    return;
  }
  const Decimal price = trade.price.Canonical();
  if (key < whole.first.key) whole.first = EdgeTrade{key, std::string(trade.text_id), price};
  const uint64_t more_ids = key.id == 0 ? 0 : trade.count - 1;
  if (key > whole.last.key || more_ids > 0) {
    EdgeTrade last{LastKeyOf(trade, key), std::string(trade.text_id), price};
    if (last.key > whole.last.key) whole.last = std::move(last);
  }
  WidenRange(whole, price, price);
  const ExactSum quantity = ExactSum::Of(trade.quantity);
  whole.volume += quantity;
  whole.quote_volume += ExactSum::Product(trade.price, trade.quantity);
  if (trade.aggressor_side == Side::kUnspecified) {
    whole.buy_volume.reset();
  } else if (trade.aggressor_side == Side::kBuy && whole.buy_volume.has_value()) {
    *whole.buy_volume += quantity;
  }
  whole.trade_count += trade.count;
}

void MergeSums(CandleValues& whole, const CandleValues& part) {
  if (part.trade_count == 0) return;
  if (whole.trade_count == 0) {
    TakeSums(whole, part);
    return;
  }
  MergeEdgesAndRange(whole, part);
  whole.volume += part.volume;
  whole.quote_volume += part.quote_volume;
  whole.trade_count += part.trade_count;
  if (whole.buy_volume.has_value() && part.buy_volume.has_value()) {
    *whole.buy_volume += *part.buy_volume;
  } else {
    whole.buy_volume.reset();
  }
}

void AppendPane(CandleValues& whole, const CandleValues& pane) {
  if (pane.trade_count == 0) return;
  if (whole.trade_count == 0) {
    TakePane(whole, pane);
    return;
  }
  if (whole.returns.has_value()) whole.returns->Add(LogReturn(whole.close(), pane.close()));
  MergeSums(whole, pane);
}

CandleValues Join(const CandleValues& a, const CandleValues& b) {
  if (a.trade_count == 0) return b;
  if (b.trade_count == 0) return a;
  CandleValues joined = a;
  MergeSums(joined, b);
  if (a.returns.has_value() && b.returns.has_value()) {
    *joined.returns += *b.returns;
    joined.returns->Add(LogReturn(a.close(), b.first_pane_close));
  } else {
    joined.returns.reset();
  }
  return joined;
}

void ReplacePane(CandleValues& whole, const std::optional<CandleValues>& old,
                 const CandleValues& now, const std::optional<Decimal>& before,
                 const std::optional<Decimal>& after) {
  if (whole.trade_count == 0) {
    TakePane(whole, now);
    return;
  }
  if (whole.returns.has_value()) {
    const Chain chain(before, after);
    chain.Remove(*whole.returns, old.has_value() ? std::optional(old->close()) : std::nullopt);
    chain.Add(*whole.returns, now.close());
  }
  if (!before.has_value()) whole.first_pane_close = now.close();
  if (!old.has_value()) {
    MergeSums(whole, now);
    return;
  }
  MergeEdgesAndRange(whole, now);
  GrowSums(whole, *old, now);
}

}  // namespace quantstream
