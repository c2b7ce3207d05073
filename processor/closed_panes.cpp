#include "processor/closed_panes.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace quantstream::processor {

namespace {

// The prices' mantissas at one scale; the least and the greatest of them.
struct PriceRange {
  uint8_t scale = 0;
  int64_t least = std::numeric_limits<int64_t>::max();
  int64_t greatest = 0;
};

__int128 MantissaAt(const Decimal& price, uint8_t scale) {
  return static_cast<__int128>(price.mantissa) * PowerOfTen(scale - price.scale);
}

std::optional<PriceRange> RangeOf(const std::vector<PaneTrade>& trades) {
  PriceRange range;
  for (const PaneTrade& trade : trades) range.scale = std::max(range.scale, trade.price.scale);
  for (const PaneTrade& trade : trades) {
    const __int128 mantissa = MantissaAt(trade.price, range.scale);
    if (mantissa > std::numeric_limits<int64_t>::max()) return std::nullopt;
    range.least = std::min(range.least, static_cast<int64_t>(mantissa));
    range.greatest = std::max(range.greatest, static_cast<int64_t>(mantissa));
  }
  if (range.greatest - range.least > std::numeric_limits<int32_t>::max()) return std::nullopt;
  return range;
}

}  // namespace

bool ClosedPanesBudget::Take(size_t bytes) {
  size_t used = used_.load(std::memory_order_relaxed);
  while (used + bytes <= bytes_max_) {
    if (used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed)) return true;
  }
  return false;
}

std::optional<ClosedPane> ClosedPane::Of(const Pane& pane) {
  const std::vector<PaneTrade>& trades = pane.trades();
  const std::optional<PriceRange> range = RangeOf(trades);
  if (!range || trades.empty()) return std::nullopt;
  ClosedPane closed;
  closed.start_ = pane.start();
  closed.least_id_ = trades.front().id;
  for (const PaneTrade& trade : trades) closed.least_id_ = std::min(closed.least_id_, trade.id);
  closed.least_price_ = range->least;
  closed.price_scale_ = range->scale;
  closed.trades_.reserve(trades.size());
  for (const PaneTrade& trade : trades) {
    const uint64_t id = trade.id - closed.least_id_;
    if (trade.id == 0 || id > std::numeric_limits<uint32_t>::max()) return std::nullopt;
    const auto price = static_cast<int64_t>(MantissaAt(trade.price, range->scale)) - range->least;
    closed.trades_.push_back(Packed{static_cast<uint32_t>(trade.time.us - closed.start_.us),
                                    static_cast<uint32_t>(id), static_cast<int32_t>(price)});
    closed.trade_count_ += trade.count;
  }
  return closed;
}

ClosedPane::Item ClosedPane::at(size_t i) const {
  const Packed& trade = trades_[i];
  return Item{EventTime{start_.us + trade.time_us}, least_id_ + trade.id,
              Decimal{least_price_ + trade.price, price_scale_}};
}

size_t ClosedPane::CountBefore(EventTime time, uint64_t id) const {
  const auto place =
      std::partition_point(trades_.begin(), trades_.end(), [&](const Packed& trade) {
        const int64_t trade_us = start_.us + trade.time_us;
        return std::tuple(trade_us, least_id_ + trade.id) < std::tuple(time.us, id);
      });
  return static_cast<size_t>(place - trades_.begin());
}

bool ClosedPane::HasId(uint64_t id) const {
  if (id < least_id_ || id - least_id_ > std::numeric_limits<uint32_t>::max()) return false;
  const auto wanted = static_cast<uint32_t>(id - least_id_);
  return std::any_of(trades_.begin(), trades_.end(),
                     [wanted](const Packed& trade) { return trade.id == wanted; });
}

ClosedPanes::~ClosedPanes() {
  while (!order_.empty()) DropFirst();
}

void ClosedPanes::Keep(uint32_t instrument, const Pane& pane, EventTime closed_until) {
  while (!order_.empty() && order_.front().second < closed_until.us - kKept_us) DropFirst();
  if (!pane.is_plain()) return;
  std::optional<ClosedPane> closed = ClosedPane::Of(pane);
  if (!closed) return;
  while (!budget_.Take(closed->bytes())) {
    if (order_.empty()) return;
    DropFirst();
  }
  const size_t bytes = closed->bytes();
  const Key key{instrument, pane.start().us};
  if (panes_.try_emplace(key, *std::move(closed)).second) {
    order_.push_back(key);
  } else {
    budget_.Give(bytes);
  }
}

const ClosedPane* ClosedPanes::Find(uint32_t instrument, EventTime pane) const {
  const auto place = panes_.find(Key{instrument, pane.us});
  return place == panes_.end() ? nullptr : &place->second;
}

void ClosedPanes::DropFirst() {
  const auto place = panes_.find(order_.front());
  budget_.Give(place->second.bytes());
  panes_.erase(place);
  order_.pop_front();
}

}  // namespace quantstream::processor
