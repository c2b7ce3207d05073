// A subscription with a merged interval against a store, a topic and a slow client in memory, in
// random interleavings: bounds that are passed under each policy, lost places, stores that are
// slow or lag, streams that go on elsewhere with their token. In the end the client holds the merge
// of what is stored; on the way no version goes down and no PARTIAL follows a FINAL.
// QUANTSTREAM_MERGE_INTERLEAVINGS says how many.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>

#include "tests/simulation/merge_queue.h"

namespace quantstream::query::testing {
namespace {

constexpr int kSteps = 400;

uint64_t Interleavings() {
  const char* wanted = std::getenv("QUANTSTREAM_MERGE_INTERLEAVINGS");
  return wanted == nullptr ? 1000 : std::strtoull(wanted, nullptr, 10);
}

struct Case {
  const char* interval;
  int32_t part_s;
};
constexpr Case kIntervals[] = {{"7s", 1}, {"3m", 60}, {"1d@America/New_York", 3600}};

QueueOptions SomeOptions(std::mt19937_64* random) {
  QueueOptions options;
  options.policy = (*random)() % 2 == 0 ? Slow::kConflate : Slow::kSkipAndTell;
  options.bytes_max = static_cast<int64_t>(2000 + (*random)() % 20'000);
  options.message_bytes_max = static_cast<int64_t>(100 + (*random)() % 2000);
  options.stored_too = (*random)() % 2 == 0;
  options.last = static_cast<int32_t>((*random)() % 4);
  return options;
}

// One interleaving.
class Interleaving {
 public:
  Interleaving(uint64_t seed, const Case& of)
      : random_(seed),
        grid_(*WindowGrid::Parse(of.interval, {Interval{of.part_s}})),
        world_(&random_, of.part_s),
        options_(SomeOptions(&random_)) {}

  int64_t pieces() const { return pieces_ + stream_->pieces(); }

  // What went wrong, or nothing.
  std::string Play() {
    for (int i = 0; i < 60; ++i) world_.Step();
    stream_ = Connect({});
    for (int i = 0; i < kSteps && client_.wrong().empty(); ++i) Step();
    world_.Finish();
    if (!stream_->Finish()) return "it does not come to an end";
    NoteStarts();
    return client_.wrong().empty() ? Compare() : client_.wrong();
  }

 private:
  std::unique_ptr<QueueStream> Connect(const std::optional<QueueStream::Token>& token) {
    return std::make_unique<QueueStream>(grid_, &world_, &client_, &fetched_, &random_, options_,
                                         token);
  }

  void Step() {
    switch (random_() % 16) {
      case 0:
        return stream_->AskHistory();
      case 1:
        return stream_->AnswerHistory();
      case 2:
        return stream_->AskRead();
      case 3:
        return stream_->AnswerRead();
      case 4:
        stream_->Take();
        return NoteStarts();
      case 5:
        if (random_() % 10 == 0) stream_->LosePlace();
        return;
      case 6:
        if (stream_->token() && random_() % 10 == 0) {
          NoteStarts();
          pieces_ += stream_->pieces();
          stream_ = Connect(stream_->token());
        }
        return;
      case 7:
      case 8:
      case 9:
      case 10:
        stream_->Advance();
        return;
      default:
        world_.Step();
    }
  }

  // What belongs to the stream is known once its first history has come.
  void NoteStarts() {
    if (!starts_.empty() || !stream_->token()) return;
    for (const std::string& instrument : kInstruments) {
      for (const Interval interval : {grid_.length(), grid_.part()}) {
        const auto first = client_.seen().lower_bound({instrument, interval, kBeginning});
        const bool any =
            first != client_.seen().end() && SeriesOf(first->first) == Series{instrument, interval};
        starts_[{instrument, interval}] = any ? first->first.open_time : kBeginning;
      }
    }
  }

  std::string Compare() const {
    const Rows& rows = world_.commits.back().rows;
    std::vector<Update> expected;
    for (const std::string& instrument : kInstruments) {
      const EventTime start = starts_.at({instrument, grid_.length()});
      constexpr EventTime kEnd{std::numeric_limits<int64_t>::max()};
      for (const Update& update : MergedRows(grid_, rows, instrument, start, kEnd))
        expected.push_back(update);
    }
    for (const auto& [key, row] : rows) {
      if (!options_.stored_too || key.open_time < starts_.at(SeriesOf(key))) continue;
      expected.push_back(row);
    }
    for (const Update& update : expected) {
      const Update held = Held(update->key);
      if (held == nullptr) return "never sent: " + Text(update);
      if (held->message.get() != update->message.get()) {
        return "sent " + Text(held) + ", stored " + Text(update);
      }
    }
    return "";
  }

  // The newer of what was sent and what was fetched.
  Update Held(const CandleKey& key) const {
    const auto seen = client_.seen().find(key);
    const auto fetched = fetched_.find(key);
    if (seen == client_.seen().end()) return fetched == fetched_.end() ? nullptr : fetched->second;
    const bool newer =
        fetched != fetched_.end() && fetched->second->version >= seen->second->version;
    return newer ? fetched->second : seen->second;
  }

  std::mt19937_64 random_;
  const WindowGrid grid_;
  MergeWorld world_;
  const QueueOptions options_;
  Client client_;
  Rows fetched_;
  std::unique_ptr<QueueStream> stream_;
  std::map<Series, EventTime> starts_;
  int64_t pieces_ = 0;
};

TEST(MergeQueueSimulation, TheClientEndsWithTheMergeOfWhatIsStored) {
  int64_t pieces = 0;
  for (uint64_t seed = 1; seed <= Interleavings(); ++seed) {
    Interleaving interleaving(seed, kIntervals[seed % 3]);
    ASSERT_EQ(interleaving.Play(), "") << "seed " << seed;
    pieces += interleaving.pieces();
  }
  EXPECT_GT(pieces, 0) << "of histories that are more than one read holds";
}

}  // namespace
}  // namespace quantstream::query::testing
