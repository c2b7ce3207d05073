#include "processor/late_view.h"

#include <algorithm>

#include "market/instrument.h"
#include "market/trade_codec.h"

namespace quantstream::processor {

namespace {

using LateKey = std::pair<int64_t, uint32_t>;  // version, index

void AppendTrade(const LateTradeRow& row, bool by_index, std::map<LateKey, KeptTrade>& out) {
  TradeBatch batch;
  if (!DecodeTradeBatch(row.batch, batch).ok() || batch.trades.size() != 1) return;
  out.insert_or_assign(LateKey{row.version, by_index ? row.index : 0},
                       KeepTrade(batch.trades[0], batch, OffsetOf(row.version), row.index));
}

}  // namespace

absl::Status LateView::Load(LateReader& reader) {
  ReadBack request;
  const auto name = [this](uint32_t number) { return state_.instruments[number]->name; };
  for (const RowKey& key : candles_) {
    request.candles.push_back(CandleKey{name(key.instrument), Interval{key.seconds}, key.start()});
  }
  const Interval widest = state_.options.widest();
  for (const auto& [instrument, pane] : panes_) {
    const EventTime from = WindowStart(pane, widest);
    const PaneKey key{name(instrument), pane};
    request.neighbours.push_back({key, from, EventTime{from.us + widest.us()}});
    request.late_trades.push_back(key);
  }
  for (const auto& [instrument, id] : gaps_) request.gaps.push_back({name(instrument), id});
  absl::StatusOr<ReadBackAnswer> answer = reader.Read(request);
  if (!answer.ok()) return answer.status();
  if (answer->neighbours.size() != panes_.size() || answer->in_gap.size() != gaps_.size()) {
    return absl::InternalError("a read-back was answered in part");
  }
  std::map<std::string, uint32_t> numbers;
  for (const RowKey& key : candles_) numbers.emplace(name(key.instrument), key.instrument);
  for (const auto& [instrument, pane] : panes_) numbers.emplace(name(instrument), instrument);
  for (KeyedCandle& found : answer->candles) {
    const auto number = numbers.find(found.key.instrument);
    if (number == numbers.end()) continue;
    stored_[RowKey{number->second, found.key.interval.seconds, found.key.open_time.us}] =
        std::move(found.candle);
  }
  size_t at = 0;
  for (const PaneId& pane : panes_) neighbours_[pane] = answer->neighbours[at++];
  for (LateTradeRow& row : answer->late_trades) {
    const auto number = numbers.find(row.instrument);
    if (number == numbers.end()) continue;
    late_trades_[{number->second, row.open_time}].push_back(std::move(row));
  }
  in_gap_ = std::move(answer->in_gap);
  return absl::OkStatus();
}

const Candle* LateView::Find(const RowKey& key) const {
  if (rules_.overlay) {
    if (const CandleRow* row = batch_.Find(key)) return &row->candle;
    if (in_flight() != nullptr) {
      if (const CandleRow* row = in_flight()->Find(key)) return &row->candle;
    }
  }
  const auto place = stored_.find(key);
  return place == stored_.end() ? nullptr : &place->second;
}

NeighbourClose LateView::CloseAt(uint32_t instrument, EventTime open_time, Decimal stored) const {
  const Candle* candle = Find(RowKey{instrument, 1, open_time.us});
  return NeighbourClose{open_time, candle == nullptr ? stored : candle->values.close()};
}

std::optional<NeighbourClose> LateView::Before(const PaneId& pane) const {
  const auto place = neighbours_.find(pane);
  std::optional<NeighbourClose> best =
      place == neighbours_.end() ? std::nullopt : place->second.before;
  std::optional<EventTime> near;
  for (const Batch* over : {rules_.overlay ? &batch_ : nullptr, in_flight()}) {
    if (over == nullptr || !rules_.overlay_neighbours) continue;
    near = std::max(near, over->PaneBefore(pane.first, pane.second));
  }
  if (near && (!best || *near > best->open_time)) best = NeighbourClose{*near, {}};
  if (best) best = CloseAt(pane.first, best->open_time, best->close);
  return best;
}

std::optional<NeighbourClose> LateView::After(const PaneId& pane) const {
  const auto place = neighbours_.find(pane);
  std::optional<NeighbourClose> best =
      place == neighbours_.end() ? std::nullopt : place->second.after;
  for (const Batch* over : {rules_.overlay ? &batch_ : nullptr, in_flight()}) {
    if (over == nullptr || !rules_.overlay_neighbours) continue;
    const std::optional<EventTime> near = over->PaneAfter(pane.first, pane.second);
    if (near && (!best || *near < best->open_time)) best = NeighbourClose{*near, {}};
  }
  if (best) best = CloseAt(pane.first, best->open_time, best->close);
  return best;
}

std::vector<KeptTrade> LateView::LateTradesOf(const PaneId& pane) const {
  std::map<LateKey, KeptTrade> by_place;
  const auto append = [&](const LateTradeRow& row) {
    AppendTrade(row, rules_.late_by_index, by_place);
  };
  const auto stored = late_trades_.find(pane);
  if (stored != late_trades_.end()) {
    for (const LateTradeRow& row : stored->second) append(row);
  }
  if (in_flight() != nullptr) in_flight()->EachLate(pane.first, pane.second, append);
  if (rules_.overlay) batch_.EachLate(pane.first, pane.second, append);
  std::vector<KeptTrade> trades;
  for (auto& [place, trade] : by_place) trades.push_back(std::move(trade));
  return trades;
}

bool LateView::InUnknownGap(size_t question) const {
  const auto& [instrument, id] = gaps_[question];
  const std::string& name = state_.instruments[instrument]->name;
  return in_gap_[question] || batch_.HasUnknownGap(name, id) ||
         (in_flight_ != nullptr && in_flight_->HasUnknownGap(name, id));
}

}  // namespace quantstream::processor
