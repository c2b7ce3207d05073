#include "tests/simulation/splice_run.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "tests/simulation/splice_client.h"
#include "tests/simulation/splice_stream.h"
#include "tests/simulation/splice_world.h"

namespace quantstream::query::simulation {
namespace {

// Owners are slow here, never gone: silence means nothing.
constexpr FanoutOptions kOptions{.progress_interval = std::chrono::seconds(1),
                                 .placement_wait = std::chrono::hours(24)};
constexpr int32_t kPartitions = 2;

std::string Where(const CandleKey& key) {
  return key.instrument + " " + std::to_string(key.interval.seconds) + " @" +
         std::to_string(key.open_time.us / kMicrosecondsPerSecond);
}

// A query process: how far its tail is, and what that told so far.
struct Replica {
  explicit Replica(const LatestRules& rules) : fanout(kOptions, {}, rules) {}

  Fanout fanout;
  std::array<size_t, kPartitions> read{};
  bool lost_a_place = false;
  std::map<CandleKey, int64_t> newest_open;
  std::map<CandleKey, int64_t> newest_version;
  std::map<Series, EventTime> newest_closed;

  void StepTail(const World& world, int32_t partition) {
    const auto& topic = world.topic(partition);
    size_t& position = read[static_cast<size_t>(partition)];
    if (position >= topic.size()) return;
    TailEvent event = topic[position];
    event.offset = static_cast<int64_t>(position++);
    Remember(event);
    fanout.OnEvent(event);
  }

  // What the topic said last of each candle, as the tail read it.
  void Remember(const TailEvent& event) {
    if (const auto* open = std::get_if<OpenEvent>(&event.body)) {
      for (const Update& update : open->candles) Raise(update, &newest_open);
    } else if (const auto* closed = std::get_if<ClosedEvent>(&event.body)) {
      for (const Update& update : closed->candles) {
        Raise(update, &newest_version);
        EventTime& bar =
            newest_closed.emplace(SeriesOf(update->key), update->key.open_time).first->second;
        bar = std::max(bar, update->key.open_time);
      }
    }
  }

  void LosePlace(int32_t partition, size_t position, Fanout::Time now) {
    read[static_cast<size_t>(partition)] = position;
    lost_a_place = true;
    fanout.OnPlaceLost({partition}, "test", now);
  }

  static void Raise(const Update& update, std::map<CandleKey, int64_t>* newest) {
    int64_t& version = newest->emplace(update->key, -1).first->second;
    version = std::max(version, update->version);
  }
};

class Run {
 public:
  Run(uint64_t seed, const QueryRules& rules) : rules_(rules), world_(seed, DrawOptions(seed)) {
    for (auto& replica : replicas_) replica = std::make_unique<Replica>(rules.latest);
  }
  ~Run() { Cut(); }

  RunResult Go() {
    for (int step = 0; step < 1500 && result_.broken.empty(); ++step) Step();
    world_.Finish();
    for (int step = 0; result_.broken.empty() && !Settled() && step < 20'000; ++step) {
      StepQuery(Below(90));
    }
    if (result_.broken.empty() && !Settled()) result_.broken = "the stream never settled";
    if (result_.broken.empty()) CheckEnd();
    return result_;
  }

 private:
  static WorldOptions DrawOptions(uint64_t seed) {
    WorldOptions options;
    options.every_change_in_outbox = seed % 2 == 0;
    options.intervals = seed % 8 == 0 ? std::vector<int32_t>{1, 5, 60, 300, 900, 3600, 86400}
                                      : std::vector<int32_t>{1, 5, 60};
    options.records = seed % 3 == 0 ? 50 : 25;
    return options;
  }

  int64_t Below(int64_t bound) { return world_.Below(bound); }
  int32_t AnyPartition() { return static_cast<int32_t>(Below(kPartitions)); }
  Replica& AnyReplica() { return *replicas_[static_cast<size_t>(Below(2))]; }

  void Step() {
    Below(100) < 45 ? world_.Step() : StepQuery(Below(100));
    if (result_.broken.empty() && Below(8) == 0 && Settled()) CheckNewest();
  }

  void StepQuery(int64_t dice) {
    if (dice < 40) {
      AnyReplica().StepTail(world_, AnyPartition());
    } else if (dice < 60) {
      StepStream();
    } else if (dice < 85) {
      if (stream_) result_.broken = TakeOne();
    } else if (dice < 90) {
      now_ += std::chrono::seconds(1);
      for (auto& replica : replicas_) replica->fanout.Tick(now_);
    } else if (dice == 90 && Below(3) == 0) {
      Cut();
      if (Below(4) == 0) Forget();
    } else if (dice == 91 && Below(2) == 0) {
      LosePlace(AnyReplica(), AnyPartition());
    } else if (dice == 92 && stream_ && Below(2) == 0) {
      Below(2) == 0 ? stream_->Park(&result_) : stream_->Skip(&result_);
    } else if (dice == 93 && stream_) {
      stream_->DropBuffered();
    }
  }

  std::string TakeOne() {
    const int64_t before = result_.messages;
    std::string broken = stream_->TakeOne(&replica_->fanout, &world_, &client_, &token_, &result_);
    if (result_.messages > before) token_from_ = replica_;
    return broken;
  }

  void StepStream() {
    if (stream_) {
      stream_->StepHistory(&world_, &result_);
      if (!origin_ && stream_->first()) origin_ = stream_->first();
      return;
    }
    if (!next_) return Connect();
    if (token_ && rules_.resume_waits_for_the_tail &&
        replica_->fanout.places().To(token_->positions) != Places::Way::kRead) {
      return;
    }
    stream_ = std::move(next_);
    ++result_.streams;
    replica_->fanout.Add(stream_);
    replica_->fanout.Listen(stream_.get(), {.leg = Stream::kLeg, .series = world_.AllSeries()});
  }

  // With what the client has, on whichever replica.
  void Connect() {
    Replica* chosen = &AnyReplica();
    // A tail that has lost its place starts a minute back, where all open candles were repeated;
    // here they are not.
    if (token_ && chosen != token_from_ && chosen->lost_a_place) return;
    replica_ = chosen;
    if (!token_) {
      Forget();
      spec_ = DrawSpec();
    } else {
      spec_.resume = token_->resume;
      client_.Resume();
      ++result_.resumes;
    }
    next_ = std::make_shared<Stream>(spec_, rules_);
    if (!rules_.register_in_one_step) {
      next_->early_look = replica_->fanout.Look(world_.AllSeries());
    }
  }

  StreamSpec DrawSpec() {
    StreamSpec spec{world_.AllSeries(), std::nullopt, 0, false, std::nullopt};
    const int64_t kind = Below(4);
    if (kind == 0) spec.start_time = EventTime{(90 + Below(30)) * kMicrosecondsPerSecond};
    if (kind == 1) spec.last = 2;
    if (kind == 2) spec.last = 1000;
    return spec;
  }

  // The connection is gone, and what was on its way with it.
  void Cut() {
    if (stream_) replica_->fanout.Remove(stream_.get());
    stream_.reset();
    next_.reset();
  }

  // A client that starts anew.
  void Forget() {
    client_ = {};
    token_.reset();
    origin_.reset();
  }

  // The tail jumps over messages: retention passed it, or the topic was made again.
  void LosePlace(Replica& replica, int32_t partition) {
    const size_t position = replica.read[static_cast<size_t>(partition)];
    const auto left = static_cast<int64_t>(world_.topic(partition).size() - position);
    if (left < 2 || (next_ && &replica == replica_)) return;
    ++result_.places_lost;
    replica.LosePlace(partition, position + static_cast<size_t>(1 + Below(left)), now_);
  }

  bool Settled() const {
    if (!stream_ || !stream_->Drained() || !origin_) return false;
    for (int32_t partition = 0; partition < kPartitions; ++partition) {
      const size_t position = replica_->read[static_cast<size_t>(partition)];
      if (position < world_.topic(partition).size()) return false;
    }
    return true;
  }

  // Whether the promise of the client's first stream covers the candle.
  bool Covers(const CandleKey& key) const {
    if (spec_.start_time) return key.open_time >= *spec_.start_time;
    if (spec_.last == 0) {
      const auto newest = origin_->newest_closed.find(SeriesOf(key));
      return newest == origin_->newest_closed.end() || key.open_time > newest->second;
    }
    const auto oldest = std::ranges::find(origin_->candles, SeriesOf(key),
                                          [](const Update& u) { return SeriesOf(u->key); });
    return oldest == origin_->candles.end() || key.open_time >= (*oldest)->key.open_time;
  }

  // The client has the newest of everything that the tail has read.
  void CheckNewest() {
    for (const auto& [key, version] : replica_->newest_version) {
      if (Covers(key) && client_.SeenOf(key).version < version) {
        result_.broken = "hole: closed " + Where(key);
      }
    }
    for (const auto& [key, version] : replica_->newest_open) {
      const auto bar = replica_->newest_closed.find(SeriesOf(key));
      const bool closes = (bar != replica_->newest_closed.end() && key.open_time <= bar->second) ||
                          version < client_.NewestOpen(key.instrument);
      if (!closes && Covers(key) && client_.SeenOf(key).version < version) {
        result_.broken = "hole: open " + Where(key);
      }
    }
  }

  void CheckEnd() {
    CheckNewest();
    for (int32_t partition = 0; partition < kPartitions; ++partition) {
      for (const auto& [key, row] : world_.RowsAt(partition, world_.committed(partition))) {
        if (Covers(key) && client_.SeenOf(key).version != row.version) {
          result_.broken = "at the end: " + Where(key);
        }
      }
    }
    if (result_.broken.empty()) result_.broken = MissedUpdate();
  }

  // FINAL and REVISED are never conflated away.
  std::string MissedUpdate() const {
    if (stream_->offered() == nullptr) return "";
    for (const Update& update : *stream_->offered()) {
      const bool after = update->version >= origin_->next_version.at(update->partition);
      if (after && Covers(update->key) && !client_.Got(update->key, update->version)) {
        return "never sent: " + Where(update->key) + " v" + update->message.get();
      }
    }
    return "";
  }

  QueryRules rules_;
  World world_;
  std::array<std::unique_ptr<Replica>, 2> replicas_;
  Replica* replica_ = nullptr;  // that the stream is on
  std::shared_ptr<Stream> stream_;
  std::shared_ptr<Stream> next_;
  StreamSpec spec_;
  Client client_;
  std::optional<Token> token_;
  const Replica* token_from_ = nullptr;
  std::optional<Snapshot> origin_;  // the client's first history
  Fanout::Time now_;
  RunResult result_;
};

}  // namespace

RunResult RunInterleaving(uint64_t seed, const QueryRules& rules) {
  return Run(seed, rules).Go();
}

}  // namespace quantstream::query::simulation
