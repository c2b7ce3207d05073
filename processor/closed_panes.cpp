#include "processor/closed_panes.h"

namespace quantstream::processor {

void ClosedPanes::Keep(uint32_t instrument, const Pane& pane, EventTime closed_until) {
  while (!order_.empty() && order_.front().second < closed_until.us - kKept_us) DropFirst();
  const size_t size = pane.trades().size() * sizeof(ClosedTrade);
  if (!pane.is_plain() || size > bytes_max_) return;
  while (bytes_ + size > bytes_max_) DropFirst();
  std::vector<ClosedTrade> trades;
  trades.reserve(pane.trades().size());
  for (const PaneTrade& trade : pane.trades()) {
    trades.push_back({trade.time, trade.id, trade.price.mantissa, trade.count, trade.price.scale});
  }
  const Key key{instrument, pane.start().us};
  bytes_ += size;
  order_.push_back(key);
  panes_[key] = std::move(trades);
}

const std::vector<ClosedTrade>* ClosedPanes::Find(uint32_t instrument, EventTime pane) const {
  const auto place = panes_.find(Key{instrument, pane.us});
  return place == panes_.end() ? nullptr : &place->second;
}

void ClosedPanes::DropFirst() {
  const auto place = panes_.find(order_.front());
  bytes_ -= place->second.size() * sizeof(ClosedTrade);
  panes_.erase(place);
  order_.pop_front();
}

}  // namespace quantstream::processor
