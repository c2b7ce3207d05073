#include "processor/pane_reread.h"

#include <algorithm>
#include <utility>

namespace quantstream::processor {

bool PaneItems::Insert(const KeptTrade& kept) {
  if (kept.trade.id != 0) return ids_.insert(kept.trade.id).second;
  return identities_.insert(IdentityOf(kept.trade, kept.origin)).second;
}

bool PaneItems::Add(KeptTrade kept) {
  if (!Insert(kept)) return false;
  trade_count_ += kept.trade.count;
  trades_.push_back(std::move(kept));
  return true;
}

bool PaneItems::Has(const KeptTrade& kept) const {
  if (kept.trade.id != 0) return ids_.contains(kept.trade.id);
  return identities_.contains(IdentityOf(kept.trade, kept.origin));
}

bool PaneItems::HadAtFirst(const KeptTrade& kept) const {
  return Has(kept) && !added_.contains(IdentityOf(kept.trade, kept.origin));
}

void PaneItems::AddNew(KeptTrade kept) {
  std::string identity = IdentityOf(kept.trade, kept.origin);
  if (Add(std::move(kept))) added_.insert(std::move(identity));
}

CandleValues PaneItems::Sums() const {
  CandleValues values = ValuesOf(trades_.front());
  for (size_t i = 1; i < trades_.size(); ++i) MergeSums(values, ValuesOf(trades_[i]));
  values.first_pane_close = values.last.price;
  return values;
}

LogReturnSums PaneItems::Returns() const {
  std::vector<const KeptTrade*> ordered;
  ordered.reserve(trades_.size());
  for (const KeptTrade& kept : trades_) ordered.push_back(&kept);
  std::sort(ordered.begin(), ordered.end(), [](const KeptTrade* a, const KeptTrade* b) {
    if (a->trade.time != b->trade.time) return a->trade.time < b->trade.time;
    if (a->trade.id != 0 || b->trade.id != 0) return a->trade.id < b->trade.id;
    return KeyOf(a->trade, a->origin, false) < KeyOf(b->trade, b->origin, false);
  });
  LogReturnSums returns;
  for (size_t i = 1; i < ordered.size(); ++i) {
    const Decimal& before = ordered[i - 1]->trade.price;
    const Decimal& now = ordered[i]->trade.price;
    returns.Add(before == now ? 0 : LogReturn(before, now));
  }
  return returns;
}

void PaneReread::Want(const PaneId& pane, const OffsetSpan& lineage) {
  const bool too_far =
      lineage.last.value - lineage.first.value >= state_.options.reread_records_max;
  items_[pane].incomplete = too_far;
  if (too_far) return;
  const std::vector<ClosedTrade>* kept = closed_panes_.Find(pane.first, pane.second);
  if (kept == nullptr) {
    wanted_[pane] = lineage;
    return;
  }
  for (const ClosedTrade& trade : *kept) {
    KeptTrade item;
    item.trade.time = trade.time;
    item.trade.id = trade.id;
    item.trade.price = Decimal{trade.price_mantissa, trade.price_scale};
    item.trade.count = trade.count;
    items_[pane].Add(std::move(item));
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
    if (wanted == wanted_.end() || offset < wanted->second.first || offset > wanted->second.last ||
        CheckTrade(trade, state_.options.future_bound_us) != Refusal::kNone) {
      continue;
    }
    items_[pane].Add(KeepTrade(trade, batch, offset, index));
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
