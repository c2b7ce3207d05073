// The memory of newest closed candles against every state that the store ever had, under random
// commits, lags, repeats, losses and late answers; and the same with each rule taken out.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

#include "query/recent.h"
#include "tests/unit/query/updates.h"

namespace quantstream::query::testing {
namespace {

constexpr const char* kNames[] = {"venue:A", "venue:B"};
constexpr EventTime kBeginning{INT64_MIN};
constexpr EventTime kEnd{INT64_MAX};

using Rows = std::map<CandleKey, Update>;

Page Read(const Rows& rows, const PageRequest& request, int64_t next_version) {
  Page page;
  page.next_version = next_version;
  for (const auto& [key, row] : rows) {
    if (SeriesOf(key) != request.series) continue;
    if (!page.oldest_closed) page.oldest_closed = key.open_time;
    page.newest_closed = key.open_time;
    const bool wanted =
        row->state == CandleState::kFinal ? request.with_final : request.with_revised;
    if (wanted && key.open_time >= request.from && key.open_time < request.to) {
      page.candles.push_back(row);
    }
  }
  if (request.newest_first) std::ranges::reverse(page.candles);
  const auto most = static_cast<size_t>(request.candles_max);
  if (page.candles.size() > most) page.candles.resize(most);
  return page;
}

class World {
 public:
  World(uint32_t seed, RecentRules rules)
      : random_(seed), recent_({.candles_per_series = 5, .series_max = 2}, rules) {
    states_[0] = {};
  }

  // Empty, or the first answer that no state of the store explains.
  std::string Run(int steps) {
    for (int step = 0; step < steps && wrong_.empty(); ++step) {
      switch (Below(10)) {
        case 0:
          Commit();
          break;
        case 1:
          if (Below(20) == 0) LosePlace();
          break;
        case 2:
          if (!past_.empty()) recent_.OnEvent(past_[Below(past_.size())], now_);  // a zombie
          break;
        case 3:
        case 4:
          Answer();
          break;
        case 5:
        case 6:
          Ask();
          break;
        default:
          Deliver();
      }
    }
    return wrong_;
  }
  int64_t hits() const { return hits_; }

 private:
  struct Reading {
    Recent::Ticket ticket;
    PageRequest request;
    Page page;
  };

  size_t Below(size_t bound) {
    return std::uniform_int_distribution<size_t>(0, bound - 1)(random_);
  }

  // One to three records, each of which closes or revises some candles, each candle once.
  void Commit() {
    Rows rows = states_.rbegin()->second;
    for (size_t records = 1 + Below(3); records > 0; --records, ++next_version_) {
      std::vector<Update> changed;
      for (size_t changes = Below(4); changes > 0; --changes) {
        const std::string name = kNames[Below(2)];
        int64_t& newest = newest_[name];
        if (Below(3) != 0) newest += 1 + static_cast<int64_t>(Below(2));
        const int64_t open = std::max<int64_t>(1, newest - static_cast<int64_t>(Below(8)));
        const CandleKey key{name, Interval{1}, EventTime{open * kMicrosecondsPerSecond}};
        const auto old = rows.find(key);
        if (old != rows.end() && old->second->version == next_version_) continue;
        const bool is_new = !rows.contains(key) && open == newest;
        const Update row = is_new ? Final(name, open, next_version_)
                                  : Revised(name, open, next_version_);
        rows[key] = row;
        changed.push_back(row);
      }
      std::ranges::shuffle(changed, random_);
      while (!changed.empty()) {
        const size_t some = 1 + Below(changed.size());
        const auto from = changed.end() - static_cast<ptrdiff_t>(some);
        topic_.push_back(ClosedOf({from, changed.end()}, 2));
        changed.erase(from, changed.end());
      }
    }
    states_[next_version_] = std::move(rows);
    topic_.push_back(ProgressOf(next_version_, 0, 2));
  }

  void Deliver() {
    if (topic_.empty()) return;
    recent_.OnEvent(topic_.front(), now_);
    TailEvent repeated = topic_.front();
    repeated.epoch = 1;
    past_.push_back(std::move(repeated));
    topic_.pop_front();
  }

  void LosePlace() {
    for (size_t lost = Below(topic_.size() + 1); lost > 0; --lost) topic_.pop_front();
    recent_.OnPlaceLost({kPartition});
    past_.clear();
  }

  PageRequest RandomRequest() {
    const std::string name = kNames[Below(2)];
    const auto near = [&] {
      return EventTime{(newest_[name] - static_cast<int64_t>(Below(10))) * kMicrosecondsPerSecond};
    };
    const size_t states = Below(4);
    return {.series = {name, Interval{1}},
            .partition = kPartition,
            .from = Below(3) == 0 ? kBeginning : near(),
            .to = Below(2) == 0 ? kEnd : near(),
            .newest_first = Below(2) == 0,
            .candles_max = 1 + static_cast<int64_t>(Below(6)),
            .with_final = states != 1,
            .with_revised = states != 2};
  }

  void Ask() {
    PageRequest request = RandomRequest();
    if (const auto hit = recent_.Find(request, now_)) return Check(request, *hit);
    const Recent::Ticket ticket = recent_.Begin(&request, now_);
    auto state = std::prev(states_.end());
    if (Below(4) == 0) {  // a standby that lags
      std::advance(state, -static_cast<ptrdiff_t>(Below(std::min<size_t>(4, states_.size()))));
    }
    readings_.push_back({ticket, request, Read(state->second, request, state->first)});
  }

  void Answer() {
    if (readings_.empty()) return;
    const auto at = readings_.begin() + static_cast<ptrdiff_t>(Below(readings_.size()));
    const bool failed = Below(8) == 0;
    recent_.End(at->ticket, at->request, failed ? nullptr : &at->page, now_);
    if (!failed) answered_ = std::max(answered_, at->page.next_version);
    readings_.erase(at);
  }

  void Check(const PageRequest& request, const Page& hit) {
    ++hits_;
    const auto state = states_.find(hit.next_version);
    if (state == states_.end()) {
      wrong_ = "no commit ended at " + std::to_string(hit.next_version);
      return;
    }
    const Page truth = Read(state->second, request, hit.next_version);
    if (Texts(hit.candles) != Texts(truth.candles)) {
      wrong_ = "other candles than the store had";
    } else if (hit.newest_closed != truth.newest_closed) {
      wrong_ = "another newest candle";
    } else if (hit.oldest_closed && hit.oldest_closed != truth.oldest_closed) {
      wrong_ = "another oldest candle";
    } else if (hit.next_version < answered_) {
      wrong_ = "older than a page that was read";
    }
  }

  std::mt19937 random_;
  Recent recent_;
  Recent::Time now_{};
  int64_t next_version_ = 1;
  std::map<int64_t, Rows> states_;  // by next_version
  std::map<std::string, int64_t> newest_;
  std::deque<TailEvent> topic_;  // committed, not read yet
  std::vector<TailEvent> past_;
  std::vector<Reading> readings_;
  int64_t answered_ = 0;
  int64_t hits_ = 0;
  std::string wrong_;
};

TEST(RecentProperty, EveryAnswerIsWhatTheStoreHeldAfterACommit) {
  int64_t hits = 0;
  for (uint32_t seed = 0; seed < 2'000; ++seed) {
    World world(seed, {});
    ASSERT_EQ(world.Run(400), "") << "seed " << seed;
    hits += world.hits();
  }
  EXPECT_GT(hits, 10'000);
}

struct Broken {
  const char* name;
  RecentRules rules;
};

class RecentWithoutARule : public ::testing::TestWithParam<Broken> {};

TEST_P(RecentWithoutARule, GivesAnswersThatTheStoreNeverHeld) {
  std::string wrong;
  for (uint32_t seed = 0; seed < 2'000 && wrong.empty(); ++seed) {
    wrong = World(seed, GetParam().rules).Run(400);
  }
  EXPECT_NE(wrong, "");
}

INSTANTIATE_TEST_SUITE_P(
    Rules, RecentWithoutARule,
    ::testing::Values(Broken{"BehindIsRefused", {.behind_is_refused = false}},
                      Broken{"HigherVersionWins", {.higher_version_wins = false}},
                      Broken{"LiveIsBuffered", {.live_is_buffered = false}},
                      Broken{"CommitsAreWhole", {.commits_are_whole = false}},
                      Broken{"NeverBeforeAPage", {.never_before_a_page = false}},
                      Broken{"LostPlaceForgets", {.lost_place_forgets = false}}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace quantstream::query::testing
