// A fold, its store, its topic and a client, all in memory: what a merger is run against.
#pragma once

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "query/io.h"
#include "query/merged_parts.h"
#include "tests/unit/query/pieces.h"
#include "tests/unit/query/updates.h"

namespace quantstream::query::testing {

inline constexpr EventTime kBeginning{std::numeric_limits<int64_t>::min()};
inline const std::vector<std::string> kInstruments = {"venue:A", "venue:B", "other:C"};

inline std::string VenueOf(const std::string& instrument) {
  return instrument.substr(0, instrument.find(':'));
}

inline EventTime At(int64_t second) {
  return EventTime{second * kMicrosecondsPerSecond};
}

using Rows = std::map<CandleKey, Update>;

// What the store holds after a commit.
struct Committed {
  Rows rows;
  int64_t next_version = 0;
};

// The fold, its store and what it publishes: two venues whose clocks stand apart, one partition.
class MergeWorld {
 public:
  explicit MergeWorld(std::mt19937_64* random, int32_t part_s) : random_(*random), part_s_(part_s) {
    commits.push_back({});
  }

  void Step() {
    const std::string& instrument = kInstruments[random_() % kInstruments.size()];
    const int64_t closed_until = closed_until_.at(VenueOf(instrument));
    switch (random_() % 8) {
      case 0:
      case 1:
      case 2:
      case 3:
        return Trade(instrument, closed_until + static_cast<int64_t>(random_() % 3));
      case 4:
        return Trade(instrument, closed_until - 1 - static_cast<int64_t>(random_() % 60));
      case 5:
      case 6:
        return Close(VenueOf(instrument), closed_until + 1 + static_cast<int64_t>(random_() % 3));
      default:
        return Commit();
    }
  }

  void Finish() {
    for (const auto& [venue, until] : std::map(closed_until_)) Close(venue, until + 100);
    Commit();
  }

  std::vector<TailEvent> topic;
  std::vector<Committed> commits;

 private:
  CandleKey Key(const std::string& instrument, int64_t part) const {
    return {instrument, Interval{part_s_}, At(part * part_s_)};
  }

  void Trade(const std::string& instrument, int64_t part) {
    if (part < 0) return;
    ++version_;
    const CandleKey key = Key(instrument, part);
    quantstream::Candle& candle = candles_[key];
    quantstream::Trade trade;
    trade.price = Decimal{static_cast<int64_t>(100 + random_() % 50), 0};
    trade.quantity = Decimal{1, 0};
    trade.venue_time = EventTime{key.open_time.us + static_cast<int64_t>(random_() % 1000)};
    trade.id = static_cast<uint64_t>(version_);
    const OrderKey order{trade.venue_time, trade.id};
    if (candle.values.trade_count == 0) {
      AppendPane(candle.values, OfTrade(trade, order));
    } else {
      AddTrade(candle.values, trade, order);
    }
    if (part < closed_until_.at(VenueOf(instrument))) {
      candle.state = CandleState::kRevised;
      ++candle.revision;
      candle.version = version_;
      uncommitted_[key] = UpdateOf({key, candle});
    } else {
      PublishOpen(instrument);
    }
  }

  // All open candles of the instrument, in one message.
  void PublishOpen(const std::string& instrument) {
    std::vector<Update> now;
    const EventTime closed_until = At(closed_until_.at(VenueOf(instrument)) * part_s_);
    for (auto& [key, candle] : candles_) {
      if (key.instrument != instrument || key.open_time < closed_until) continue;
      candle.state = CandleState::kPartial;
      candle.version = version_;
      now.push_back(UpdateOf({key, candle}));
    }
    if (random_() % 3 != 0) topic.push_back(OpenOf(std::move(now)));
  }

  void Close(const std::string& venue, int64_t until) {
    ++version_;
    closed_until_[venue] = until;
    for (auto& [key, candle] : candles_) {
      if (VenueOf(key.instrument) != venue) continue;
      if (candle.revision > 0 || key.close_time() > At(until * part_s_)) continue;
      if (candle.state == CandleState::kFinal) continue;
      candle.state = CandleState::kFinal;
      candle.version = version_;
      uncommitted_[key] = UpdateOf({key, candle});
    }
  }

  void Commit() {
    Committed commit = commits.back();
    std::vector<Update> published;
    for (const auto& [key, row] : uncommitted_) {
      commit.rows[key] = row;
      published.push_back(row);
    }
    uncommitted_.clear();
    commit.next_version = version_ + 1;
    commits.push_back(std::move(commit));
    std::ranges::shuffle(published, random_);
    std::ranges::stable_sort(published, {}, [](const Update& row) { return row->version; });
    while (!published.empty()) {
      const size_t size = 1 + random_() % published.size();
      const auto end = published.begin() + static_cast<ptrdiff_t>(size);
      topic.push_back(ClosedOf({published.begin(), end}));
      published.erase(published.begin(), end);
    }
    ProgressEvent progress{.venues = {}, .next_version = version_ + 1};
    for (const auto& [venue, until] : closed_until_) {
      progress.venues.push_back({venue, At(until * part_s_)});
    }
    topic.push_back({kPartition, 1, std::move(progress)});
  }

  std::mt19937_64& random_;
  const int32_t part_s_;
  int64_t version_ = 0;
  // By venue, in parts; the second one is a replay.
  std::map<std::string, int64_t> closed_until_ = {{"other", 10}, {"venue", 40}};
  std::map<CandleKey, quantstream::Candle> candles_;
  std::map<CandleKey, Update> uncommitted_;
};

// What the live side knows of the topic, whatever a stream had.
class LiveSide {
 public:
  void Learn(const TailEvent& event) {
    if (const auto* closed = std::get_if<ClosedEvent>(&event.body)) {
      for (const Update& update : closed->candles) Close(update);
    } else if (const auto* open = std::get_if<OpenEvent>(&event.body)) {
      for (const Update& update : open->candles) latest_[update->key] = update;
    } else {
      const auto& progress = std::get<ProgressEvent>(event.body);
      committed_ = std::max(committed_, progress.next_version);
      for (const VenueClosedUntil& venue : progress.venues) {
        EventTime& until = closed_until_[venue.venue];
        until = std::max(until, venue.closed_until);
      }
    }
  }

  // For a stream that begins now; it is not behind `required`.
  LiveState State(int64_t required) const {
    LiveState live;
    for (const auto& [key, update] : latest_) live.open.push_back(update);
    live.committed[kPartition] = std::max(committed_, required);
    if (!closed_until_.empty()) live.closed_until[kPartition] = closed_until_;
    return live;
  }
  const std::map<std::string, EventTime>& closed_until() const { return closed_until_; }

 private:
  void Close(const Update& update) {
    committed_ = std::max(committed_, update->version + 1);
    std::erase_if(latest_, [&](const auto& open) {
      return SeriesOf(open.first) == SeriesOf(update->key) &&
             open.first.open_time <= update->key.open_time;
    });
  }

  std::map<CandleKey, Update> latest_;
  int64_t committed_ = 0;
  std::map<std::string, EventTime> closed_until_;  // by venue
};

// What a client saw of each candle.
class Client {
 public:
  void Take(const Update& update) {
    Update& seen = seen_[update->key];
    if (seen && update->version < seen->version) wrong_ = "a version went down: " + Text(update);
    if (seen && seen->closed() && !update->closed()) {
      wrong_ = "PARTIAL after FINAL: " + Text(update);
    }
    seen = update;
  }
  const std::map<CandleKey, Update>& seen() const { return seen_; }
  const std::string& wrong() const { return wrong_; }

 private:
  std::map<CandleKey, Update> seen_;
  std::string wrong_;
};

// In pieces: at most so many parts of an instrument.
inline Snapshot Read(const Committed& commit, const SnapshotRequest& request,
                     int64_t piece_rows = 1) {
  Snapshot snapshot;
  snapshot.next_version[kPartition] = commit.next_version;
  const auto series = static_cast<int64_t>(request.series.size());
  std::vector<std::vector<Update>> read;
  for (const WantedSeries& wanted : request.series) {
    std::vector<Update> found;
    for (const auto& [key, row] : commit.rows) {
      if (SeriesOf(key) != wanted.series) continue;
      snapshot.newest_closed[wanted.series] = key.open_time;
      const bool changed = !wanted.changed_since || row->version >= *wanted.changed_since;
      const bool before = !wanted.to || key.open_time < *wanted.to;
      if (changed && before && key.open_time >= wanted.from) found.push_back(row);
    }
    read.push_back(std::move(found));
  }
  PieceCut cut(request, 2 * piece_rows * series);
  ReadAtMost(request, read, &cut, &snapshot);
  cut.Apply(&snapshot);
  return snapshot;
}

// Windows that begin within [first, last], each merged anew from what is stored.
inline std::vector<Update> MergedRows(const WindowGrid& grid, const Rows& rows,
                                      const std::string& instrument, EventTime first,
                                      EventTime last) {
  std::map<EventTime, MergedParts> windows;
  for (const auto& [key, row] : rows) {
    if (SeriesOf(key) != Series{instrument, grid.part()}) continue;
    const EventTime start = grid.Start(key.open_time);
    if (start < first || start > last) continue;
    windows.try_emplace(start, grid.part()).first->second.Append(CandleOf(row));
  }
  std::vector<Update> merged;
  for (const auto& [start, parts] : windows)
    merged.push_back(MakeMerged(grid, instrument, kPartition, start, parts, true));
  return merged;
}

}  // namespace quantstream::query::testing
