#include "processor/panes.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace quantstream::processor {

namespace {

const Origin kNoOrigin;

bool IsEqual(const Decimal& a, const Decimal& b) {
  return a.mantissa == b.mantissa && a.scale == b.scale;
}

// CompareValue(a, b) > 0, quick for equal scales.
bool IsAbove(const Decimal& a, const Decimal& b) {
  return a.scale == b.scale ? a.mantissa > b.mantissa : CompareValue(a, b) > 0;
}

int64_t ReturnOf(const Decimal& a, const Decimal& b) {
  return IsEqual(a, b) ? 0 : LogReturn(a, b);
}

}  // namespace

void Pane::Reset(EventTime start) {
  start_ = start;
  stored_whole = false;
  trades_.clear();
  origins_.clear();
  ids_.Clear();
  text_ids_.clear();
  in_order_ = has_sides_ = is_plain_ = true;
  lineage_ = OffsetSpan{};
  volume_ = quote_volume_ = buy_volume_ = ExactSum();
  trade_count_ = 0;
  returns_ = LogReturnSums{};
}

const Origin& Pane::OriginOf(const PaneTrade& trade) const {
  return trade.origin == PaneTrade::kNoOrigin ? kNoOrigin : origins_[trade.origin];
}

bool Pane::Holds(const Trade& trade) const {
  if (trade.id != 0) return ids_.Overlaps(trade.id, trade.id + trade.count - 1);
  return !trade.text_id.empty() && text_ids_.contains(std::string(trade.text_id));
}

bool Pane::HoldsPlace(Place place) const {
  return std::any_of(trades_.begin(), trades_.end(), [place](const PaneTrade& trade) {
    return !trade.in_lost_log && trade.place() == place;
  });
}

void Pane::ForgetPlaces() {
  for (PaneTrade& trade : trades_) trade.in_lost_log = true;
}

bool Pane::Less(const PaneTrade& a, const PaneTrade& b) const {
  if (a.time != b.time) return a.time < b.time;
  if (a.id != b.id || a.id != 0) return a.id < b.id;
  return KeyOf(a, OriginOf(a), false) < KeyOf(b, OriginOf(b), false);
}

void Pane::Add(const Trade& trade, const TradeBatch& batch, Offset offset, uint32_t index) {
  if (trade.id == 0) return Add(KeepTrade(trade, batch, offset, index));
  AddTrade(PaneTrade{.time = trade.venue_time,
                     .id = trade.id,
                     .offset = offset,
                     .price = CanonicalPrice(trade.price),
                     .quantity = trade.quantity,
                     .index = index,
                     .count = trade.count,
                     .side = trade.aggressor_side});
}

void Pane::Add(const KeptTrade& kept) {
  PaneTrade trade = kept.trade;
  if (trade.id == 0) {
    trade.origin = static_cast<uint32_t>(origins_.size());
    origins_.push_back(kept.origin);
    if (!kept.origin.text_id.empty()) text_ids_.insert(kept.origin.text_id);
  }
  AddTrade(trade);
}

void Pane::AddTrade(const PaneTrade& trade) {
  assert(Contains(trade.time));
  if (trade.id != 0) ids_.Add(trade.id, trade.last_id());
  if (trades_.empty()) {
    lineage_ = OffsetSpan{trade.offset, trade.offset};
    high_ = low_ = trade.price;
  } else if (in_order_) {
    in_order_ = Less(trades_.back(), trade);
    if (in_order_) returns_.Add(ReturnOf(trades_.back().price, trade.price));
  }
  GrowSums(trade);
  trades_.push_back(trade);
}

void Pane::GrowSums(const PaneTrade& trade) {
  lineage_.first = std::min(lineage_.first, trade.offset);
  lineage_.last = std::max(lineage_.last, trade.offset);
  const ExactSum quantity = ExactSum::Of(trade.quantity);
  volume_ += quantity;
  quote_volume_ += ExactSum::Product(trade.price, trade.quantity);
  if (trade.side == Side::kBuy) buy_volume_ += quantity;
  has_sides_ = has_sides_ && trade.side != Side::kUnspecified;
  trade_count_ += trade.count;
  if (IsAbove(trade.price, high_)) high_ = trade.price;
  if (IsAbove(low_, trade.price)) low_ = trade.price;
}

void Pane::Sort() {
  std::sort(trades_.begin(), trades_.end(),
            [this](const PaneTrade& a, const PaneTrade& b) { return Less(a, b); });
  returns_ = LogReturnSums{};
  for (size_t i = 1; i < trades_.size(); ++i) {
    returns_.Add(ReturnOf(trades_[i - 1].price, trades_[i].price));
  }
  in_order_ = true;
}

CandleValues Pane::Values() {
  assert(!trades_.empty());
  if (!in_order_) Sort();
  CandleValues values;
  const PaneTrade& first = trades_.front();
  const PaneTrade& last = trades_.back();
  values.first =
      EdgeTrade{KeyOf(first, OriginOf(first), false), OriginOf(first).text_id, first.price};
  values.last = EdgeTrade{KeyOf(last, OriginOf(last), true), OriginOf(last).text_id, last.price};
  values.high = high_;
  values.low = low_;
  values.volume = volume_;
  values.quote_volume = quote_volume_;
  if (has_sides_) values.buy_volume = buy_volume_;
  values.trade_count = trade_count_;
  values.returns = returns_;
  values.first_pane_close = last.price;
  return values;
}

void Pane::Pack(Packer& out) const {
  out.Time(start_);
  out.Number(1);  // 0 once told that no place is of this log; now each trade tells
  out.Number(trades_.size());
  for (const PaneTrade& trade : trades_) PackTrade(trade, OriginOf(trade), out);
}

void Pane::Unpack(Unpacker& in) {
  Reset(in.Time());
  const bool in_this_log = in.Number() != 0;
  for (size_t left = in.Count(8); left > 0 && in.ok(); --left) {
    const KeptTrade kept = UnpackTrade(in);
    in.Require(Contains(kept.trade.time) &&
               (kept.trade.id == 0 || !ids_.Overlaps(kept.trade.id, kept.trade.last_id())));
    if (in.ok()) Add(kept);
  }
  if (!in_this_log) ForgetPlaces();
  stored_whole = true;
  is_plain_ = false;
}

Pane* Panes::FindSlowly(EventTime time) {
  for (size_t i = panes_.size(); i > 0; --i) {
    if (!panes_[i - 1]->Contains(time)) continue;
    last_ = i - 1;
    return panes_[i - 1].get();
  }
  return nullptr;
}

Pane& Panes::Open(EventTime time, std::unique_ptr<Pane> fresh) {
  fresh->Reset(WindowStart(time, Interval{1}));
  return Insert(std::move(fresh));
}

Pane& Panes::Insert(std::unique_ptr<Pane> pane) {
  auto place = std::find_if(panes_.begin(), panes_.end(), [&](const std::unique_ptr<Pane>& other) {
    return other->start() > pane->start();
  });
  place = panes_.insert(place, std::move(pane));
  last_ = static_cast<size_t>(place - panes_.begin());
  return **place;
}

std::unique_ptr<Pane> Panes::TakeFirst() {
  std::unique_ptr<Pane> first = std::move(panes_.front());
  panes_.erase(panes_.begin());
  if (last_ > 0) --last_;
  return first;
}

}  // namespace quantstream::processor
