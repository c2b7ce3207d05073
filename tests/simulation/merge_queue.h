// One client's stream with a merged interval as the service has it, queue and all, over a played
// world: reads lag, places are lost, the client stops reading, the bound is passed, a stream goes
// on elsewhere with its token.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "query/subscription.h"
#include "tests/simulation/merge_world.h"

namespace quantstream::query::testing {

enum class Slow { kConflate, kSkipAndTell };

struct QueueOptions {
  Slow policy = Slow::kConflate;
  int64_t bytes_max = 8 << 20;
  int64_t message_bytes_max = 4096;
  bool stored_too = false;  // a second leg: the parts themselves
  int32_t last = 0;         // 0: from the beginning
};

class QueueStream {
 public:
  // What a client has in hand: the token of a message, and how far the tail had read by then.
  struct Token {
    Resume resume;
    size_t position = 0;
  };

  // `fetched`: what the client fetches because it was skipped.
  QueueStream(const WindowGrid& grid, MergeWorld* world, Client* client, Rows* fetched,
              std::mt19937_64* random, const QueueOptions& options,
              const std::optional<Token>& token)
      : grid_(grid),
        world_(*world),
        client_(*client),
        fetched_(fetched),
        random_(*random),
        options_(options),
        subscription_({.message_bytes_max = options.message_bytes_max}),
        position_(PositionFrom(token)),
        token_(token) {
    for (size_t i = 0; i < position_; ++i) side_.Learn(world_.topic[i]);
    legs_ = subscription_.Add(SpecsOf());
    Register("");
  }

  // Reads a record of the topic. False: there is none.
  bool Advance() {
    if (position_ == world_.topic.size()) return false;
    const TailEvent& event = world_.topic[position_++];
    side_.Learn(event);
    if (const auto* closed = std::get_if<ClosedEvent>(&event.body)) {
      for (const Update& update : closed->candles) Hand(update);
    } else if (const auto* open = std::get_if<OpenEvent>(&event.body)) {
      for (const Update& update : open->candles) Hand(update);
    } else {
      for (const auto& [venue, until] : side_.closed_until()) {
        subscription_.OnClosedUntil(kPartition, {venue, until});
      }
    }
    Relieve();
    return true;
  }

  void LosePlace() {
    const size_t to = position_ + random_() % (world_.topic.size() - position_ + 1);
    for (; position_ < to; ++position_) side_.Learn(world_.topic[position_]);
    Register("lost");
  }

  // The store answers what is asked now, as it was a while ago.
  void AskHistory() {
    if (history_ || due_.empty()) return;
    const LegId leg = due_.begin()->first;
    if (subscription_.parked(leg)) return;
    due_.erase(leg);
    // More than one read holds, says the store.
    if (!whole_ && random_() % 3 == 0) subscription_.ReadInPieces(leg);
    const auto piece_rows = static_cast<int64_t>(1 + random_() % 40);
    holds_a_window_ = piece_rows > grid_.parts_max();
    history_ = {leg, subscription_.splice(leg)->ticket(),
                Read(SomeCommit(), subscription_.Request(leg), piece_rows)};
  }
  void AnswerHistory() {
    if (!history_) return;
    const auto [leg, ticket, snapshot] = *std::exchange(history_, {});
    const auto outcome = subscription_.OnHistory(leg, ticket, snapshot);
    due_.erase(leg);
    if (subscription_.splice(leg)->reading() && !subscription_.parked(leg)) due_[leg] = true;
    whole_ = outcome == Splice::Outcome::kTooLong;
    stuck_ |= whole_ && holds_a_window_;
    pieces_ += outcome == Splice::Outcome::kPiece ? 1 : 0;
    Relieve();
  }
  void AskRead() {
    if (read_) return;
    SnapshotRequest request =
        subscription_.NeededRead(legs_.front(), static_cast<int64_t>(random_() % 50));
    if (request.series.empty()) return;
    Snapshot snapshot = Read(SomeCommit(), request);
    read_.emplace(std::move(request), std::move(snapshot));
  }
  void AnswerRead() {
    if (!read_) return;
    const auto read = *std::exchange(read_, {});
    subscription_.OnRead(legs_.front(), read.first, read.second);
    Relieve();
  }

  // The client takes a message. False: there is none.
  bool Take() {
    bool unpark = subscription_.parked();
    const auto message = subscription_.Take({});
    unpark |= !message && subscription_.parked();
    if (unpark) Register("");
    if (!message) return false;
    if (const auto* batch = std::get_if<CandlesMessage>(&*message)) {
      for (const Update& update : batch->candles) client_.Take(update);
    } else if (const auto* skipped = std::get_if<SkippedMessage>(&*message)) {
      Fetch(*skipped);
    }
    if (auto resume = subscription_.Resumable()) token_ = {*std::move(resume), position_};
    return true;
  }

  // Nothing more can come before the world goes on. False: it does not come to an end.
  bool Finish() {
    always_newest_ = true;
    for (int turn = 0; turn < 10'000; ++turn) {
      bool goes_on = history_ || read_;
      AnswerHistory();
      AnswerRead();
      goes_on |= Advance();
      goes_on |= Take();
      AskHistory();
      AskRead();
      if (stuck_) return false;
      if (!goes_on && !history_ && !read_ && due_.empty()) return true;
    }
    return false;
  }

  const std::optional<Token>& token() const { return token_; }
  int64_t pieces() const { return pieces_; }  // that histories came in

 private:
  struct History {
    LegId leg = 0;
    int64_t ticket = 0;
    Snapshot snapshot;
  };

  // Another replica may be further, never behind.
  size_t PositionFrom(const std::optional<Token>& token) {
    const size_t least = token ? token->position : world_.topic.size();
    return least + random_() % (world_.topic.size() - least + 1);
  }

  std::vector<LegSpec> SpecsOf() const {
    LegSpec spec;
    for (const std::string& instrument : kInstruments) {
      spec.stream.series.push_back({{instrument, grid_.part()}, kPartition});
    }
    spec.stream.last = options_.last;
    if (options_.last == 0) spec.stream.start_time = kBeginning;
    if (token_) spec.stream.resume = token_->resume;
    std::vector<LegSpec> specs{spec};
    specs.front().grid = grid_;
    if (options_.stored_too) specs.push_back(spec);
    return specs;
  }

  void Register(std::string_view reason) {
    const LiveState live = side_.State(0);
    for (const LegId leg : legs_) {
      subscription_.Register(leg, live, reason);
      if (subscription_.splice(leg)->reading() && !subscription_.parked(leg)) due_[leg] = true;
    }
  }

  void Hand(const Update& update) {
    for (const LegId leg : legs_) subscription_.OnUpdate(leg, update);
  }

  // As the service does it.
  void Relieve() {
    if (!subscription_.Overflows(options_.bytes_max)) return;
    if (subscription_.StoreIsSlow()) return subscription_.DropBuffered();
    if (options_.policy == Slow::kConflate) return subscription_.Park();
    subscription_.Skip(options_.bytes_max);
  }

  // GetCandles of what was skipped; it may be newer than what the stream sends next.
  void Fetch(const SkippedMessage& skipped) {
    const Rows& rows = world_.commits.back().rows;
    for (const auto& [series, range] : skipped.closed) {
      for (const auto& [key, row] : rows) {
        if (SeriesOf(key) == series && key.open_time >= range.first && key.open_time <= range.last)
          Fetched(row);
      }
    }
    for (const auto& [place, range] : skipped.merged) {
      for (const Update& update : MergedRows(grid_, rows, place.first, range.first, range.last))
        Fetched(update);
    }
  }
  void Fetched(const Update& update) {
    Update& fetched = (*fetched_)[update->key];
    if (!fetched || fetched->version <= update->version) fetched = update;
  }

  const Committed& SomeCommit() {
    const size_t newest = world_.commits.size() - 1;
    return world_.commits[always_newest_ ? newest : newest - std::min(newest, random_() % 3)];
  }

  const WindowGrid& grid_;
  MergeWorld& world_;
  Client& client_;
  Rows* const fetched_;
  std::mt19937_64& random_;
  const QueueOptions options_;
  Subscription subscription_;
  size_t position_;
  std::optional<Token> token_;
  std::vector<LegId> legs_;  // the merged one first
  std::map<LegId, bool> due_;
  std::optional<History> history_;
  std::optional<std::pair<SnapshotRequest, Snapshot>> read_;
  LiveSide side_;
  bool always_newest_ = false;
  bool holds_a_window_ = false;  // a piece
  bool whole_ = false;           // a piece led no further
  bool stuck_ = false;           // though it should
  int64_t pieces_ = 0;
};

}  // namespace quantstream::query::testing
