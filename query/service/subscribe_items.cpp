#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "platform/status.h"
#include "quantstream/v1/market_data.pb.h"
#include "query/page_token.h"
#include "query/service/errors.h"
#include "query/service/subscribe_stream.h"

namespace quantstream::query {
namespace {

// `offers`: unknown ones that may still be told what is like them, which is looked for among all.
absl::StatusOr<Instrument> Find(const InstrumentDirectory& directory, const std::string& text,
                                int* offers) {
  InstrumentMatch match = directory.Find(text, *offers > 0);
  if (match.found) return *std::move(match.found);
  if (match.candidates.empty()) {
    *offers = std::max(0, *offers - 1);
    return InstrumentNotFound(text, match.nearest);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "'", text, "' names several instruments: ", absl::StrJoin(match.candidates, ", ")));
}

void AddInterval(const std::string& text, bool merged, Interval stored, Fingerprint* fingerprint) {
  if (merged) {
    fingerprint->Add(text);
  } else {
    fingerprint->Add(stored.seconds);
  }
}

}  // namespace

void SubscribeStream::AddStatus(const std::string& instrument, const std::string& interval,
                                const Answer& answer, v1::SubscribeResponse* answers) {
  auto* out = answers->add_statuses();
  out->mutable_item()->set_instrument(instrument);
  out->mutable_item()->set_interval(interval);
  out->mutable_item()->set_min_update_ms(static_cast<int32_t>(answer.update_interval.count()));
  out->set_code(static_cast<int32_t>(answer.status.code()));
  out->set_message(answer.status.ok() ? answer.note : Message(answer.status));
}

absl::Status SubscribeStream::Remove(const SubscribeItem& item,
                                     const InstrumentDirectory& directory) {
  const absl::Status missing = absl::NotFoundError(
      absl::StrCat(item.instrument, " at ", item.interval_text, " is not subscribed"));
  std::vector<Item> dropped;
  const std::string interval = item.grid.ToString();
  {
    std::lock_guard lock(mutex_);
    if (item.whole_venue()) {
      if (whole_venues_.erase({item.venue(), interval}) == 0) return missing;
      for (const auto& [place, active] : active_) {
        const bool its = place.second == interval && place.first.starts_with(item.venue() + ":");
        if (its && !active.by_name) dropped.push_back(place);
      }
    } else {
      const auto instrument = Find(directory, item.instrument, &offers_);
      if (!instrument.ok()) return instrument.status();
      const auto found = active_.find({instrument->name, interval});
      if (found == active_.end() || !found->second.by_name) return missing;
      found->second.by_name = false;
      if (!whole_venues_.contains({instrument->venue, interval})) {
        dropped.push_back(found->first);
      }
    }
  }
  for (const Item& each : dropped) DropItem(each);
  return absl::OkStatus();
}

void SubscribeStream::DropItem(const Item& item) {
  LegId leg = 0;
  Series series;
  {
    std::lock_guard lock(mutex_);
    const auto found = active_.find(item);
    if (found == active_.end()) return;
    leg = found->second.leg;
    series = found->second.series;
    active_.erase(found);
  }
  RemoveSeries(leg, series);
}

SubscribeStream::Answer SubscribeStream::Add(const SubscribeItem& item,
                                             const InstrumentDirectory& directory,
                                             Adding* adding) {
  if (!item.status.ok()) return {item.status, item.update_interval};
  if (item.whole_venue()) return AddVenue(item, directory, adding);
  const auto instrument = Find(directory, item.instrument, &offers_);
  if (!instrument.ok()) return {instrument.status(), item.update_interval};
  std::lock_guard lock(mutex_);
  const Active active{.by_name = true,
                      .closed_only = adding->history.closed_only,
                      .update_interval = item.update_interval};
  return AddItemLocked(instrument->name, instrument->partition, item.grid, active, adding);
}

// All that is known of it, or nothing.
SubscribeStream::Answer SubscribeStream::AddVenue(const SubscribeItem& item,
                                                  const InstrumentDirectory& directory,
                                                  Adding* adding) {
  const Item key{item.venue(), item.grid.ToString()};
  std::lock_guard lock(mutex_);
  if (const auto there = whole_venues_.find(key); there != whole_venues_.end()) {
    return {absl::OkStatus(), there->second.update_interval};
  }
  const auto all = directory.OfVenue(item.venue());
  const auto fresh = std::ranges::count_if(all, [&](const Instrument& instrument) {
    return !active_.contains({instrument.name, key.second});
  });
  const absl::Status room =
      RoomLocked(fresh, fresh + 1, LegKeyOf(item.grid, item.update_interval), item.grid, *adding);
  if (!room.ok()) return {room, item.update_interval};
  whole_venues_.emplace(key, WholeVenue{item.grid, item.update_interval, adding->history});
  const Active active{.by_name = false,
                      .closed_only = adding->history.closed_only,
                      .update_interval = item.update_interval};
  for (const Instrument& instrument : all) {
    AddItemLocked(instrument.name, instrument.partition, item.grid, active, adding);
  }
  return {absl::OkStatus(), item.update_interval,
          all.empty() ? NoteOnVenue(item.venue(), directory) : ""};
}

std::string SubscribeStream::NoteOnVenue(const std::string& venue,
                                         const InstrumentDirectory& directory) {
  std::string note = absl::StrCat("no instrument of venue '", venue, "' is known yet");
  if (offers_ == 0) return note;
  --offers_;
  const auto near = directory.VenuesNear(venue);
  if (!near.empty()) absl::StrAppend(&note, "; like it: ", absl::StrJoin(near, ", "));
  return note;
}

SubscribeStream::LegKey SubscribeStream::LegKeyOf(const WindowGrid& grid,
                                                  std::chrono::milliseconds update_interval) {
  return {update_interval, grid.merged() ? grid.ToString() : ""};
}

// OK: there is room for so many more series of one leg, which stand for so many `places`.
absl::Status SubscribeStream::RoomLocked(int64_t series, int64_t places, const LegKey& leg,
                                         const WindowGrid& grid, const Adding& adding) const {
  const RequestLimits& limits = parts_->limits.request;
  const auto taken = static_cast<int64_t>(active_.size() + whole_venues_.size());
  if (taken + places > limits.subscriptions_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the stream has room for ", limits.subscriptions_max,
                     " instruments x intervals, of which ", taken, " are taken"));
  }
  const int64_t legs = subscription_.legs() + static_cast<int64_t>(adding.legs.size());
  if (series > 0 && legs >= limits.legs_max && !adding.legs.contains(leg)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the stream has ", limits.legs_max,
                     " parts that were added apart: add more items in one request, with one "
                     "min_update_ms, or on another stream"));
  }
  const int64_t candles = adding.candles + series * CandlesOfLast(grid, adding.last);
  if (candles <= limits.snapshot_candles_max) return absl::OkStatus();
  return InvalidRequest(
      {{"last", absl::StrCat("asks for ", candles, " candles of history with this item; legal: "
                             "up to ", limits.snapshot_candles_max,
                             " for all items of a request, those that others are merged from")}});
}

SubscribeStream::Answer SubscribeStream::AddItemLocked(const std::string& instrument,
                                                       int32_t partition, const WindowGrid& grid,
                                                       Active active, Adding* adding) {
  const Item item{instrument, grid.ToString()};
  const auto found = active_.find(item);
  if (found != active_.end()) {
    found->second.by_name |= active.by_name;
    return {absl::OkStatus(), found->second.update_interval};
  }
  const LegKey leg = LegKeyOf(grid, active.update_interval);
  const absl::Status room = RoomLocked(1, 1, leg, grid, *adding);
  if (!room.ok()) return {room, active.update_interval};
  adding->candles += CandlesOfLast(grid, adding->last);
  active.series = {instrument, grid.part()};
  active.merged = grid.merged();
  Addition& addition = adding->legs[leg];
  if (active.merged) addition.grid = grid;
  addition.series.push_back({active.series, partition});
  addition.items.push_back(item);
  const auto pace = active.update_interval;
  active_[item] = std::move(active);
  return {absl::OkStatus(), pace};
}

// None while something is on its way in: the token would not stand for it.
uint64_t SubscribeStream::FingerprintLocked() const {
  return busy_ || !found_.empty() ? 0 : FingerprintOfItemsLocked();
}

// A sum: the order of items is of no account. What a whole venue brought is not an item.
uint64_t SubscribeStream::FingerprintOfItemsLocked() const {
  uint64_t sum = 1;
  for (const auto& [item, active] : active_) {
    if (!active.by_name) continue;
    Fingerprint fingerprint;
    fingerprint.Add("Subscribe").Add(item.first);
    AddInterval(item.second, active.merged, active.series.interval, &fingerprint);
    sum += fingerprint.Add(active.closed_only ? 1 : 0).value();
  }
  for (const auto& [item, whole] : whole_venues_) {
    Fingerprint fingerprint;
    fingerprint.Add("Subscribe venue").Add(item.first);
    AddInterval(item.second, whole.grid.merged(), whole.grid.part(), &fingerprint);
    sum += fingerprint.Add(whole.history.closed_only ? 1 : 0).value();
  }
  return sum;
}

}  // namespace quantstream::query
