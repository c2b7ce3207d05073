// Random lives of a TradeFanout against a plain reference: for each listener the list of all that
// it should have heard. What it is told must walk that list from its begin to its end, by trades or
// by their number.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "quantstream/v1/market_data.pb.h"
#include "query/trade_fanout.h"
#include "tests/unit/query/trade_batches.h"

namespace quantstream::query {
namespace {

using testing::BatchOf;
using testing::DecodedBatch;
using testing::TradeOf;

constexpr int kPartitions = 3;
constexpr uint64_t kLoss = 0;  // in place of an id: nobody knows how many

std::string NameOf(int instrument) {
  return "venue:I" + std::to_string(instrument);
}
int32_t PartitionOfInstrument(int instrument) {
  return instrument % kPartitions;
}

struct Listener final : TradeListener {
  void Send() override { woken = true; }

  std::vector<TradeSource> sources;
  std::set<std::string> instruments;
  std::set<int32_t> active;      // partitions that it was promised
  std::vector<uint64_t> should;  // ids, in order
  size_t position = 0;           // in `should`: what it was told of
  bool woken = true;  // at first it comes by itself
  bool begun = false;
};

class World {
 public:
  World(uint32_t seed, TradeLimits limits)
      : random_(seed), limits_(limits), fanout_(limits) {}

  void Step() {
    const auto what = random_() % 100;
    if (what < 8) return AddListener();
    if (what < 12) return RemoveListener();
    if (what < 25) return Read();
    if (what < 28) return LosePlace(Partition());
    if (what < 80) return Record(Partition());
    if (!listeners_.empty()) TakeOne(AnyListener());
  }

  // Everybody hears all that waits.
  void Finish() {
    for (const auto& listener : listeners_) {
      while (TakeOne(listener.get())) {
      }
      EXPECT_EQ(listener->position, listener->should.size());
      EXPECT_EQ(listener->begun, listener->active.size() == Partitions(*listener).size());
    }
    EXPECT_EQ(fanout_.queued_bytes(), 0);
    while (!listeners_.empty()) RemoveListener();
    Read();
    EXPECT_EQ(fanout_.partitions_read(), 0);
  }

  int skipped() const { return skipped_; }
  int repeated() const { return repeated_; }

 private:
  int32_t Partition() { return static_cast<int32_t>(random_() % kPartitions); }
  Listener* AnyListener() { return listeners_[random_() % listeners_.size()].get(); }

  static std::set<int32_t> Partitions(const Listener& listener) {
    std::set<int32_t> partitions;
    for (const TradeSource& source : listener.sources) partitions.insert(source.partition);
    return partitions;
  }

  void AddListener() {
    auto listener = std::make_shared<Listener>();
    for (int i = 0; i < 6; ++i) {
      if (random_() % 3 != 0) continue;
      listener->sources.push_back({NameOf(i), PartitionOfInstrument(i)});
      listener->instruments.insert(NameOf(i));
    }
    if (listener->sources.empty()) return;
    for (const int32_t partition : Partitions(*listener)) {
      if (reading_.contains(partition)) listener->active.insert(partition);
    }
    listeners_.push_back(listener);
    fanout_.Add(listener, listener->sources);
  }

  void RemoveListener() {
    if (listeners_.empty()) return;
    const size_t index = random_() % listeners_.size();
    fanout_.Remove(listeners_[index].get());
    listeners_.erase(listeners_.begin() + static_cast<ptrdiff_t>(index));
    const auto wanted = Wanted();  // what nobody reads or wants is forgotten
    std::erase_if(seen_, [&](const auto& entry) {
      return !reading_.contains(entry.first) && !wanted.contains(entry.first);
    });
  }

  std::set<int32_t> Wanted() const {
    std::set<int32_t> wanted;
    for (const auto& listener : listeners_) wanted.merge(Partitions(*listener));
    return wanted;
  }

  void Read() {
    const auto wishes = fanout_.TakeWishes();
    std::set<int32_t> wanted = Wanted();
    for (const int32_t partition : wishes.stop) {
      EXPECT_FALSE(wanted.contains(partition));
      reading_.erase(partition);
      seen_.erase(partition);
    }
    for (const int32_t partition : reading_) EXPECT_TRUE(wanted.contains(partition));
    for (const int32_t partition : wishes.start) {
      EXPECT_TRUE(wanted.erase(partition) == 1 && !reading_.contains(partition));
      if (random_() % 4 == 0) continue;  // the broker does not answer
      fanout_.OnStarted(partition);
      reading_.insert(partition);
      for (const auto& listener : listeners_) {
        if (Partitions(*listener).contains(partition)) listener->active.insert(partition);
      }
    }
  }

  void LosePlace(int32_t partition) {
    if (!reading_.contains(partition)) return;
    fanout_.OnPlaceLost(partition);
    reading_.erase(partition);
    for (const auto& listener : listeners_) {
      if (listener->active.contains(partition)) listener->should.push_back(kLoss);
    }
  }

  void Record(int32_t partition) {
    const bool again = next_sequence_ > 0 && random_() % 8 == 0;
    const uint64_t sequence = again ? random_() % next_sequence_ : next_sequence_++;
    std::vector<v1::Trade> trades;
    for (auto i = random_() % 6; i > 0; --i) {
      const int instrument = static_cast<int>(random_() % 2) * kPartitions + partition;
      trades.push_back(TradeOf(NameOf(instrument), ++last_id_));
    }
    fanout_.OnRecord(partition, DecodedBatch(BatchOf(sequence, trades)).record());
    EXPECT_LE(fanout_.queued_bytes(),
              limits_.queue_bytes_max * static_cast<int64_t>(listeners_.size()));
    if (!reading_.contains(partition)) return;
    if (!seen_[partition].insert(sequence).second) {
      ++repeated_;
      return;
    }
    for (const auto& listener : listeners_) Expect(listener.get(), trades);
  }

  // Instrument by instrument, in order of their first trades.
  static void Expect(Listener* listener, const std::vector<v1::Trade>& trades) {
    std::vector<std::string> names;
    for (const v1::Trade& trade : trades) {
      const std::string name = trade.venue() + ":" + trade.symbol();
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
    for (const std::string& name : names) {
      for (const v1::Trade& trade : trades) {
        if (trade.venue() + ":" + trade.symbol() != name) continue;
        if (listener->instruments.contains(name)) listener->should.push_back(trade.trade_id());
      }
    }
  }

  bool TakeOne(Listener* listener) {
    const auto news = fanout_.Take(listener);
    EXPECT_TRUE(!news || listener->woken) << "a listener that nobody woke";
    if (!news) listener->woken = false;
    if (!news) return false;
    if (const auto* message = std::get_if<TradeMessage>(&*news)) {
      Walk(listener, *message);
    } else {
      EXPECT_FALSE(std::exchange(listener->begun, true));
    }
    return true;
  }

  void Walk(Listener* listener, const TradeMessage& message) {
    for (uint64_t i = 0; i < message.skipped; ++i) {
      ASSERT_LT(listener->position, listener->should.size());
      if (listener->should[listener->position++] != kLoss) ++skipped_;
    }
    std::string bytes;
    for (const SharedTrades& chunk : message.chunks) bytes += chunk->fields;
    v1::StreamTradesResponse response;
    ASSERT_TRUE(response.ParseFromString(bytes));
    for (const v1::Trade& trade : response.trades()) {
      ASSERT_LT(listener->position, listener->should.size());
      ASSERT_EQ(trade.trade_id(), listener->should[listener->position++]);
    }
  }

  std::mt19937 random_;
  const TradeLimits limits_;
  TradeFanout fanout_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  std::set<int32_t> reading_;
  std::map<int32_t, std::set<uint64_t>> seen_;
  uint64_t next_sequence_ = 0;
  uint64_t last_id_ = 0;
  int skipped_ = 0;
  int repeated_ = 0;
};

constexpr uint32_t kLives = 300;
constexpr int kSteps = 400;

TEST(TradeFanoutProperty, WithRoomNothingButALossIsLeftOut) {
  int repeated = 0;
  for (uint32_t seed = 0; seed < kLives && !::testing::Test::HasFailure(); ++seed) {
    World world(seed, {});
    for (int step = 0; step < kSteps; ++step) world.Step();
    world.Finish();
    EXPECT_EQ(world.skipped(), 0) << "seed " << seed;
    repeated += world.repeated();
  }
  EXPECT_GT(repeated, 100);
}

TEST(TradeFanoutProperty, WithoutRoomAllThatIsLeftOutIsToldInItsPlace) {
  int skipped = 0;
  for (uint32_t seed = 0; seed < kLives && !::testing::Test::HasFailure(); ++seed) {
    World world(seed, {.queue_bytes_max = 2'000, .message_bytes_max = 1'000});
    for (int step = 0; step < kSteps; ++step) world.Step();
    world.Finish();
    skipped += world.skipped();
  }
  EXPECT_GT(skipped, 1'000);
}

}  // namespace
}  // namespace quantstream::query
