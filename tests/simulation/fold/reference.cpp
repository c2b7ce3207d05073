#include "tests/simulation/fold/reference.h"

#include <algorithm>
#include <set>

namespace quantstream::processor::simulation {

Reference::Reference(const SimLog& log, FoldOptions options) : options_(std::move(options)) {
  for (const SimRecord& record : log) Accept(record, records_++);
}

void Reference::Accept(const SimRecord& record, int64_t offset) {
  const TradeBatch batch = record.ToBatch();
  for (uint32_t index = 0; index < batch.trades.size(); ++index) {
    const Trade& trade = batch.trades[index];
    if (trade.venue_time.us - trade.receive_time.us > options_.future_bound_us) continue;
    const std::string instrument = std::string(trade.venue) + ":" + std::string(trade.symbol);
    Accepted accepted;
    accepted.record = offset;
    accepted.text_id = trade.text_id;
    accepted.price = trade.price;
    accepted.quantity = trade.quantity;
    accepted.side = trade.aggressor_side;
    accepted.count = trade.count;
    accepted.id = trade.id;
    accepted.key.time = trade.venue_time;
    accepted.key.id = trade.id;
    const int64_t pane = WindowStart(trade.venue_time, Interval{1}).us;
    std::string identity = std::to_string(trade.id) + "/" + std::string(trade.text_id);
    if (!options_.IsContiguous(trade.venue)) identity.append("@").append(std::to_string(pane));
    if (trade.id == 0) {
      accepted.key.receive_time = trade.receive_time;
      accepted.key.node = record.node;
      accepted.key.session = record.session;
      accepted.key.sequence = record.sequence;
      accepted.key.index = index;
      if (trade.text_id.empty()) {
        identity = record.node + "/" + std::to_string(record.session) + "/" +
                   std::to_string(record.sequence) + "/" + std::to_string(index);
      }
    }
    auto [place, first] = seen_[instrument].try_emplace(identity, trade.venue_time.us);
    restamped_ = restamped_ || place->second != trade.venue_time.us;
    if (first) accepted_[instrument].push_back(accepted);
  }
}

CandleValues Reference::ValuesOf(const std::vector<const Accepted*>& trades, Interval interval) {
  CandleValues values;
  values.first = EdgeTrade{trades.front()->key, trades.front()->text_id, trades.front()->price};
  values.last = EdgeTrade{trades.back()->key, trades.back()->text_id, trades.back()->price};
  if (values.last.key.id != 0) values.last.key.id += trades.back()->count - 1;
  values.high = values.low = trades.front()->price;
  values.buy_volume = ExactSum();
  values.returns = LogReturnSums{};
  std::map<int64_t, Decimal> pane_closes;
  for (size_t i = 0; i < trades.size(); ++i) {
    const Accepted& trade = *trades[i];
    if (CompareValue(trade.price, values.high) > 0) values.high = trade.price;
    if (CompareValue(trade.price, values.low) < 0) values.low = trade.price;
    values.volume += ExactSum::Of(trade.quantity);
    values.quote_volume += ExactSum::Product(trade.price, trade.quantity);
    if (trade.side == Side::kUnspecified) values.buy_volume.reset();
    if (values.buy_volume && trade.side == Side::kBuy)
      *values.buy_volume += ExactSum::Of(trade.quantity);
    values.trade_count += trade.count;
    pane_closes[WindowStart(trade.key.time, Interval{1}).us] = trade.price;
    if (interval.seconds == 1 && i > 0)
      values.returns->Add(LogReturn(trades[i - 1]->price, trade.price));
  }
  values.first_pane_close = pane_closes.begin()->second;
  for (auto pane = pane_closes.begin();
       interval.seconds > 1 && std::next(pane) != pane_closes.end(); ++pane) {
    values.returns->Add(LogReturn(pane->second, std::next(pane)->second));
  }
  return values;
}

// Is an id missing beside a trade of the candle, between the lowest and the highest id?
bool Reference::IsSuspect(const std::string& instrument, const std::vector<const Accepted*>& inside,
                          int64_t records) const {
  if (!options_.IsContiguous(instrument.substr(0, instrument.find(':')))) return false;
  std::set<uint64_t> ids;
  for (const Accepted& trade : accepted_.at(instrument)) {
    if (trade.record >= records) break;
    for (uint64_t i = 0; i < trade.count; ++i) ids.insert(trade.id + i);
  }
  return std::any_of(inside.begin(), inside.end(), [&](const Accepted* trade) {
    const uint64_t last = trade->id + trade->count - 1;
    return (trade->id > *ids.begin() && !ids.contains(trade->id - 1)) ||
           (last < *ids.rbegin() && !ids.contains(last + 1));
  });
}

std::optional<Candle> Reference::Make(const CandleKey& key, int64_t records) const {
  const auto accepted = accepted_.find(key.instrument);
  if (accepted == accepted_.end()) return std::nullopt;
  std::vector<const Accepted*> inside;
  for (const Accepted& trade : accepted->second) {
    if (trade.record < records && trade.key.time >= key.open_time &&
        trade.key.time < key.close_time()) {
      inside.push_back(&trade);
    }
  }
  if (inside.empty()) return std::nullopt;
  std::sort(inside.begin(), inside.end(),
            [](const Accepted* a, const Accepted* b) { return a->key < b->key; });
  Candle candle;
  candle.values = ValuesOf(inside, key.interval);
  if (IsSuspect(key.instrument, inside, records)) candle.completeness = Completeness::kGapSuspected;
  return candle;
}

const Candle* Reference::At(const CandleKey& key, int64_t records) {
  auto [place, fresh] = made_.try_emplace({key, records});
  if (fresh) place->second = Make(key, records);
  return place->second ? &*place->second : nullptr;
}

std::map<CandleKey, Candle> Reference::All() {
  std::map<CandleKey, Candle> all;
  for (const auto& [instrument, trades] : accepted_) {
    for (const Accepted& trade : trades) {
      for (Interval interval : options_.intervals) {
        const CandleKey key{instrument, interval, WindowStart(trade.key.time, interval)};
        if (!all.contains(key)) all[key] = *At(key, records_);
      }
    }
  }
  return all;
}

}  // namespace quantstream::processor::simulation
