#include "processor/pane_reread.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

namespace quantstream::processor {

namespace {

bool Before(const KeptTrade& a, const KeptTrade& b) {
  if (a.trade.time != b.trade.time) return a.trade.time < b.trade.time;
  if (a.trade.id != 0 || b.trade.id != 0) return a.trade.id < b.trade.id;
  return KeyOf(a.trade, a.origin, false) < KeyOf(b.trade, b.origin, false);
}

ClosedPane::Item ItemOf(const KeptTrade& kept) {
  return {kept.trade.time, kept.trade.id, kept.trade.price};
}

// Those of memory all have numbers, so two that are equal in both are both read, and in order.
bool ComesAfter(const ClosedPane::Item& a, const ClosedPane::Item& b) {
  return std::tie(a.time, a.id) > std::tie(b.time, b.id);
}

}  // namespace

void PaneItems::Borrow(const ClosedPane& closed) {
  closed_ = &closed;
  trade_count_ += closed.trade_count();
}

bool PaneItems::Insert(const KeptTrade& kept) {
  if (kept.trade.id == 0) return identities_.insert(IdentityOf(kept.trade, kept.origin)).second;
  if (closed_ != nullptr && closed_->HasId(kept.trade.id)) return false;
  return ids_.insert(kept.trade.id).second;
}

bool PaneItems::Add(KeptTrade kept) {
  if (!Insert(kept)) return false;
  trade_count_ += kept.trade.count;
  in_order_ = in_order_ && (trades_.empty() || Before(trades_.back(), kept));
  trades_.push_back(std::move(kept));
  return true;
}

bool PaneItems::Has(const KeptTrade& kept) const {
  if (kept.trade.id == 0) return identities_.contains(IdentityOf(kept.trade, kept.origin));
  return ids_.contains(kept.trade.id) || (closed_ != nullptr && closed_->HasId(kept.trade.id));
}

bool PaneItems::HadAtFirst(const KeptTrade& kept) const {
  return Has(kept) && !added_.contains(IdentityOf(kept.trade, kept.origin));
}

void PaneItems::AddNew(KeptTrade kept) {
  if (!Insert(kept)) return;
  added_.insert(IdentityOf(kept.trade, kept.origin));
  trade_count_ += kept.trade.count;
  if (!in_order_) Sort();
  const auto place = std::upper_bound(trades_.begin(), trades_.end(), kept, Before);
  ChangeReturns(kept, static_cast<size_t>(place - trades_.begin()));
  trades_.insert(place, std::move(kept));
}

void PaneItems::Sort() {
  std::sort(trades_.begin(), trades_.end(), Before);
  in_order_ = true;
}

// The nearest on both sides, of memory or of `trades_`, whose element `place` comes next.
void PaneItems::ChangeReturns(const KeptTrade& kept, size_t place) {
  std::optional<ClosedPane::Item> before, after;
  if (place > 0) before = ItemOf(trades_[place - 1]);
  if (place < trades_.size()) after = ItemOf(trades_[place]);
  if (closed_ != nullptr) {
    const size_t closed = closed_->CountBefore(kept.trade.time, kept.trade.id);
    if (closed > 0 && (!before || ComesAfter(closed_->at(closed - 1), *before))) {
      before = closed_->at(closed - 1);
    }
    if (closed < closed_->size() && (!after || ComesAfter(*after, closed_->at(closed)))) {
      after = closed_->at(closed);
    }
  }
  if (before && after) returns_change_.Remove(LogReturn(before->price, after->price));
  if (before) returns_change_.Add(LogReturn(before->price, kept.trade.price));
  if (after) returns_change_.Add(LogReturn(kept.trade.price, after->price));
}

CandleValues PaneItems::Sums() const {
  CandleValues values = ValuesOf(trades_.front());
  for (size_t i = 1; i < trades_.size(); ++i) MergeSums(values, ValuesOf(trades_[i]));
  values.first_pane_close = values.last.price;
  return values;
}

void PaneReread::Want(const PaneId& pane, const OffsetSpan& lineage) {
  const bool too_far =
      lineage.last.value - lineage.first.value >= state_.options.reread_records_max;
  items_[pane].incomplete = too_far;
  if (too_far) return;
  const ClosedPane* kept =
      closed_panes_ == nullptr ? nullptr : closed_panes_->Find(pane.first, pane.second);
  if (kept == nullptr) {
    wanted_[pane] = lineage;
  } else {
    items_[pane].Borrow(*kept);
  }
}

// Only records of the pane's own lineage: a later one may hold a late trade that is not applied
// yet.
void PaneReread::Take(const TradeBatch& batch, Offset offset) {
  for (uint32_t index = 0; index < batch.trades.size(); ++index) {
    const Trade& trade = batch.trades[index];
    const Instrument* instrument = state_.FindInstrument(trade.venue, trade.symbol);
    if (instrument == nullptr) continue;
    const PaneId pane{instrument->number, WindowStart(trade.venue_time, Interval{1})};
    const auto wanted = wanted_.find(pane);
    if (wanted == wanted_.end()) continue;
    const bool in_span = offset >= wanted->second.first && offset <= wanted->second.last;
    if ((!in_span && rules_.reread_own_span) ||
        CheckTrade(trade, state_.options.future_bound_us) != Refusal::kNone) {
      continue;
    }
    const bool first = items_[pane].Add(KeepTrade(trade, batch, offset, index));
    if (!first && !rules_.reread_first_copy) items_[pane].incomplete = true;  // one too many
  }
}

absl::Status PaneReread::Load(LateReader& reader) {
  std::vector<std::pair<OffsetSpan, PaneId>> spans;
  for (const auto& [pane, lineage] : wanted_) spans.emplace_back(lineage, pane);
  std::sort(spans.begin(), spans.end(),
            [](const auto& a, const auto& b) { return a.first.first < b.first.first; });
  for (size_t begin = 0; begin < spans.size();) {
    OffsetSpan range = spans[begin].first;
    size_t end = begin + 1;
    for (; end < spans.size() && spans[end].first.first <= range.last; ++end) {
      range.last = std::max(range.last, spans[end].first.last);
    }
    ++counters_.log_reads;
    const absl::Status read =
        reader.ReadLog(range.first, range.last,
                       [this](const TradeBatch& batch, Offset offset) { Take(batch, offset); });
    if (!read.ok() && !absl::IsOutOfRange(read)) return read;
    for (; begin < end; ++begin) {
      if (!read.ok()) items_[spans[begin].second].incomplete = true;
    }
  }
  return absl::OkStatus();
}

}  // namespace quantstream::processor
