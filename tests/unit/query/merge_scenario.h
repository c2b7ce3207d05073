// A merger told step by step: what goes in, and what comes out as text.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "quantstream/v1/candle.pb.h"
#include "query/merge.h"
#include "tests/unit/query/updates.h"

namespace quantstream::query::testing {

inline const std::string kA = "venue:A";
inline constexpr EventTime kBeginning{std::numeric_limits<int64_t>::min()};

inline EventTime At(int64_t second) {
  return EventTime{second * kMicrosecondsPerSecond};
}
inline Update FinalPart(int64_t open_s, int64_t version) {
  return Part(kA, 1, open_s, CandleState::kFinal, version);
}
inline Update RevisedPart(int64_t open_s, int64_t version, int64_t price = 100) {
  return Part(kA, 1, open_s, CandleState::kRevised, version, price);
}
inline Update OpenPart(int64_t open_s, int64_t version) {
  return Part(kA, 1, open_s, CandleState::kPartial, version);
}

inline Snapshot Stored(std::vector<Update> candles, int64_t next_version) {
  Snapshot snapshot;
  for (const Update& update : candles) {
    EventTime& newest = snapshot.newest_closed[SeriesOf(update->key)];
    newest = std::max(newest, update->key.open_time);
  }
  snapshot.candles = std::move(candles);
  snapshot.next_version[kPartition] = next_version;
  return snapshot;
}

// A merger of 7 s of instrument A.
struct Scenario {
  explicit Scenario(MergeLimits limits = {}, MergeRules rules = {})
      : merger(*WindowGrid::Parse("7s", {Interval{1}}), limits, rules) {}

  // The first snapshot, or the one after a restart.
  void Read(std::vector<Update> candles, int64_t next_version) {
    for (const Update& part : candles) merger.OnPart(part);
    merger.OnSnapshot(Stored(std::move(candles), next_version));
  }
  void Begin(std::vector<Update> candles = {}, int64_t next_version = 0) {
    merger.AddFrom(kA, kPartition, kBeginning);
    Read(std::move(candles), next_version);
  }
  void Close(int64_t until_s) { merger.OnClosedUntil(kPartition, "venue", At(until_s)); }
  void Answer(std::vector<Update> parts, int64_t next_version) {
    merger.OnRead(merger.NeededRead(1000), Stored(std::move(parts), next_version));
  }

  // "A 7 v5 FINAL x3": with the number of trades.
  std::vector<std::string> Closed() { return Told(merger.TakeClosed()); }
  std::vector<std::string> Open() {
    std::vector<Update> taken;
    merger.TakeOpen([](const CandleKey&) { return true; },
                    [&](Update update) {
                      taken.push_back(std::move(update));
                      return true;
                    });
    return Told(taken);
  }
  static std::vector<std::string> Told(const std::vector<Update>& taken) {
    std::vector<std::string> told;
    for (const Update& update : taken) {
      v1::Candle candle;
      EXPECT_TRUE(candle.ParseFromString(update->message));
      told.push_back(Text(update) + " x" + std::to_string(candle.trade_count()));
    }
    return told;
  }
  // "7..14": windows that are asked for.
  std::vector<std::string> Needed() const {
    std::vector<std::string> needed;
    for (const WantedSeries& wanted : merger.NeededRead(1000).series) {
      EXPECT_TRUE(wanted.with_scaled);
      EXPECT_EQ(wanted.series, (Series{kA, Interval{1}}));
      needed.push_back(std::to_string(wanted.from.us / 1'000'000) + ".." +
                       std::to_string(wanted.to->us / 1'000'000));
    }
    return needed;
  }

  Merger merger;
};

}  // namespace quantstream::query::testing
