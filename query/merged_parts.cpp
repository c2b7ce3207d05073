#include "query/merged_parts.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "market/precondition.h"
#include "query/candle_message.h"

namespace quantstream::query {
namespace {

Completeness Worse(Completeness a, Completeness b) {
  for (const Completeness found : {Completeness::kGapSuspected, Completeness::kHealed}) {
    if (a == found || b == found) return found;
  }
  return Completeness::kComplete;
}

void Widen(const std::optional<OffsetSpan>& by, std::optional<OffsetSpan>* span) {
  if (!by) return;
  if (!*span) *span = by;
  (*span)->first = std::min((*span)->first, by->first);
  (*span)->last = std::max((*span)->last, by->last);
}

CandleState Together(CandleState a, CandleState b) {
  if (a == CandleState::kPartial || b == CandleState::kPartial) return CandleState::kPartial;
  const bool revised = a == CandleState::kRevised || b == CandleState::kRevised;
  return revised ? CandleState::kRevised : CandleState::kFinal;
}

}  // namespace

void MergedParts::Append(const Candle& part) {
  const bool first = empty();
  if (part_.seconds == 1) {
    AppendPane(candle_.values, part.values);
  } else {
    candle_.values = Join(candle_.values, part.values);
  }
  candle_.state = first ? part.state : Together(candle_.state, part.state);
  candle_.revision += part.revision;
  const int64_t greatest = std::max(candle_.version, part.version);
  candle_.version = rules_.version_is_the_greatest ? greatest : part.version;
  candle_.completeness = Worse(candle_.completeness, part.completeness);
  Widen(part.lineage, &candle_.lineage);
}

Candle CandleOf(const Update& part) {
  auto decoded = DecodeCandle(part->scaled);
  Precondition(decoded.ok(), "a part of a merge was read without its scaled bytes");
  return std::move(decoded->candle);
}

Update MakeMerged(const WindowGrid& grid, const std::string& instrument, int32_t partition,
                  EventTime start, const MergedParts& parts, bool closed, int64_t version_min) {
  KeyedCandle merged{{instrument, grid.length(), start}, parts.candle()};
  if (!closed) merged.candle.state = CandleState::kPartial;
  merged.candle.version = std::max(merged.candle.version, version_min);
  return std::make_shared<CandleUpdate>(CandleUpdate{
      .key = merged.key,
      .state = merged.candle.state,
      .version = merged.candle.version,
      .partition = partition,
      .message = CandleMessage(merged, partition, {grid.End(start), grid.time_zone()})});
}

}  // namespace quantstream::query
