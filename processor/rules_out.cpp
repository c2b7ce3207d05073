// What the fold of a partition does with a rule taken out (rules.h). Production never comes here.
#include <algorithm>

#include "processor/partition.h"

namespace quantstream::processor {

namespace {

// Nothing tells the order of trades without ids but the order of their arrival.
TradeBatch WithoutOrigin(const TradeBatch& batch) {
  TradeBatch without = batch;
  without.node = {};
  without.session = without.sequence = 0;
  for (Trade& trade : without.trades) trade.receive_time = trade.venue_time;
  return without;
}

}  // namespace

absl::Status Partition::FoldOtherwise(const TradeBatch& batch, Offset offset) {
  if (!rules_.trades_before_beats) {
    if (absl::Status status = FoldBeats(batch); !status.ok()) return status;
  }
  absl::Status folded = FoldTrades(rules_.origin_orders ? batch : WithoutOrigin(batch), offset);
  if (!folded.ok()) return folded;
  if (rules_.trades_before_beats) {
    if (absl::Status status = FoldBeats(batch); !status.ok()) return status;
  }
  for (uint32_t number = 0; !rules_.live_at_own_beat && number < state_.venues.size(); ++number) {
    absl::Status status = Advance(number, TargetOf(state_.venues[number]));
    if (!status.ok()) return status;
  }
  return CheckOpenBytes();
}

void Partition::FoldTradesOtherwise(const TradeBatch& batch, Offset offset) {
  const auto count = static_cast<uint32_t>(batch.trades.size());
  for (uint32_t i = 0; i < count; ++i) {
    FoldTrade(batch, rules_.trades_in_order ? i : count - 1 - i, offset);
    if (!rules_.net_marks) EndTrades(offset);
  }
}

bool Partition::IsHealedOtherwise(const Instrument& instrument, EventTime start,
                                  EventTime end) const {
  return std::any_of(healed_open_.begin(), healed_open_.end(), [&](const auto& moved) {
    return moved.first == instrument.number && moved.second >= start && moved.second < end;
  });
}

// Is the id no more among the last few of the pane?
bool Partition::IsForgotten(const Pane& pane, const Trade& trade) const {
  constexpr ptrdiff_t kRemembered = 2;
  const auto& trades = pane.trades();
  const auto recent = trades.end() - std::min(kRemembered, std::ssize(trades));
  return std::none_of(recent, trades.end(), [&](const PaneTrade& each) {
    return each.id == trade.id && pane.OriginOf(each).text_id == trade.text_id;
  });
}

}  // namespace quantstream::processor
