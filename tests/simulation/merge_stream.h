// One client's stream of a merged interval over a played world: what a splice lets through goes
// into a merger, step by step. Reads lag, places are lost, a stream may go on where an earlier one
// was.
#pragma once

#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "query/merge.h"
#include "query/splice.h"
#include "tests/simulation/merge_world.h"

namespace quantstream::query::testing {

// One stream of a merged interval: a splice for the parts, then a merger.
class Stream final : private Outlet {
 public:
  struct Token {
    int64_t mark = -1;
    int64_t required = 0;
    VenueClocks clocks;
    std::map<std::string, EventTime> from;
  };

  Stream(WindowGrid grid, MergeWorld* world, Client* client, std::mt19937_64* random,
         MergeRules rules, int32_t last, std::optional<Token> token)
      : world_(*world),
        client_(*client),
        random_(*random),
        merger_(grid, {.parts_apart_max = static_cast<int64_t>((*random)() % 8)}, rules),
        splice_(SpecOf(grid)),
        last_(last),
        token_(std::move(token)),
        position_(world->topic.size()) {
    for (const std::string& instrument : kInstruments) {
      const std::pair<int32_t, std::string> clock{kPartition, VenueOf(instrument)};
      if (token_ && !token_->clocks.contains(clock)) {
        merger_.AddFrom(instrument, kPartition, token_->from.at(instrument));
      } else if (token_) {
        merger_.AddResumed(instrument, kPartition, token_->from.at(instrument),
                           token_->clocks.at(clock));
      } else if (last >= 0) {
        merger_.AddLast(instrument, kPartition, last);
      } else {
        merger_.AddFrom(instrument, kPartition, kBeginning);
      }
    }
    for (const TailEvent& event : world_.topic) side_.Learn(event);
    Register();
  }

  // Reads a record of the topic. False: there is none.
  bool Advance() {
    if (position_ == world_.topic.size()) return false;
    const TailEvent& event = world_.topic[position_++];
    side_.Learn(event);
    if (const auto* closed = std::get_if<ClosedEvent>(&event.body)) {
      for (const Update& update : closed->candles) splice_.OnUpdate(update, this);
    } else if (const auto* open = std::get_if<OpenEvent>(&event.body)) {
      for (const Update& update : open->candles) splice_.OnUpdate(update, this);
    } else if (!splice_.reading()) {
      TellClocks();
    }
    TakeClosed();
    return true;
  }

  void LosePlace() {
    if (splice_.reading()) return;
    const size_t to = position_ + random_() % (world_.topic.size() - position_ + 1);
    for (; position_ < to; ++position_) side_.Learn(world_.topic[position_]);
    rewind_ = merger_.PendingVersion(kPartition);
    merger_.Restart(settled_);
    Register();
  }

  // The store answers what is asked now, as it was a while ago.
  void AskHistory() {
    if (!splice_.reading() || history_) return;
    SnapshotRequest request = splice_.Request();
    for (WantedSeries& wanted : request.series) {
      if (token_) {
        wanted.from = token_->from.at(wanted.series.instrument);
        wanted.changed_since = wanted.changed_since.value_or(token_->mark);
      } else if (last_ >= 0 && !wanted.changed_since) {
        wanted.newest = static_cast<int32_t>(merger_.PartsOfLast(last_));
      }
      if (rewind_) wanted.changed_since = std::min(*rewind_, wanted.changed_since.value());
    }
    merger_.Complete(&request);
    history_ = Read(SomeCommit(), request);
    ticket_ = splice_.ticket();
  }
  void AnswerHistory() {
    if (!history_) return;
    const Snapshot snapshot = *std::exchange(history_, {});
    mark_of_snapshot_ = snapshot.next_version.at(kPartition) - 1;
    if (splice_.OnHistory(ticket_, snapshot, this) != Splice::Outcome::kDelivered) return;
    mark_ = std::max(mark_, mark_of_snapshot_);
    rewind_.reset();
    merger_.OnSnapshot(snapshot);
    TellClocks();
    TakeClosed();
  }
  void AskRead() {
    if (read_) return;
    SnapshotRequest request = merger_.NeededRead(static_cast<int64_t>(random_() % 50));
    if (request.series.empty()) return;
    Snapshot snapshot = Read(SomeCommit(), request);
    read_.emplace(std::move(request), std::move(snapshot));
  }
  void AnswerRead() {
    if (!read_) return;
    const auto read = *std::exchange(read_, {});
    merger_.OnRead(read.first, read.second);
    TakeClosed();
  }

  void TakeOpen() {
    merger_.TakeOpen([&](const CandleKey&) { return random_() % 4 != 0; },
                     [&](Update update) {
                       client_.Take(update);
                       return random_() % 4 != 0;
                     });
  }

  // Nothing more can come before the world goes on.
  void Finish() {
    always_newest_ = true;
    while (Advance() || splice_.reading() || !merger_.NeededRead(1).series.empty()) {
      AnswerHistory();
      AskHistory();
      AnswerRead();
      AskRead();
    }
    while (merger_.open_waits()) TakeOpen();
  }

  bool reading() const { return splice_.reading(); }
  const Merger& merger() const { return merger_; }
  // For a stream that goes on from here; absent before the first snapshot.
  std::optional<Token> Resumable() const {
    if (splice_.reading()) return std::nullopt;
    Token token{.mark = mark_,
                .required = merger_.RequiredVersion(kPartition),
                .clocks = settled_,
                .from = {}};
    const auto pending = merger_.PendingVersion(kPartition);
    if (pending) token.mark = std::min(token.mark, *pending);
    for (const std::string& name : kInstruments) token.from[name] = *merger_.from(name);
    return token;
  }

 private:
  // The merger knows what is the stream's: the splice lets everything through.
  static StreamSpec SpecOf(const WindowGrid& grid) {
    StreamSpec spec{
        .series = {}, .start_time = kBeginning, .last = 0, .closed_only = false, .resume = {}};
    for (const std::string& instrument : kInstruments) {
      spec.series.push_back({{instrument, grid.part()}, kPartition});
    }
    return spec;
  }

  void Register() {
    const int64_t token = token_ ? token_->required : 0;
    splice_.Register(side_.State(std::max(merger_.RequiredVersion(kPartition), token)), "lost",
                     this);
    history_.reset();
    read_.reset();
  }

  void TellClocks() {
    for (const auto& [venue, until] : side_.closed_until()) {
      merger_.OnClosedUntil(kPartition, venue, until);
    }
  }

  const Committed& SomeCommit() {
    const size_t newest = world_.commits.size() - 1;
    return world_.commits[always_newest_ ? newest : newest - std::min(newest, random_() % 3)];
  }

  void SendSnapshot(const Update& update) override { OnPart(update); }
  void SendLive(const Update& update) override { OnPart(update); }
  void SendSnapshotEnd() override {}
  void SendDiscontinuity(std::string_view) override {}
  void OnPart(const Update& update) {
    if (update->closed()) mark_ = std::max(mark_, update->version);
    merger_.OnPart(update);
  }
  void TakeClosed() {
    for (const Update& update : merger_.TakeClosed()) client_.Take(update);
    settled_ = merger_.clocks();
  }

  MergeWorld& world_;
  Client& client_;
  std::mt19937_64& random_;
  Merger merger_;
  Splice splice_;
  int32_t last_;
  std::optional<Token> token_;
  size_t position_;
  LiveSide side_;
  int64_t ticket_ = 0;
  int64_t mark_ = -1;
  std::optional<int64_t> rewind_;  // what a restart took back
  int64_t mark_of_snapshot_ = -1;
  bool always_newest_ = false;
  VenueClocks settled_;
  std::optional<Snapshot> history_;
  std::optional<std::pair<SnapshotRequest, Snapshot>> read_;
};

}  // namespace quantstream::query::testing
