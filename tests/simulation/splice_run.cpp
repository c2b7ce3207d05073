#include "tests/simulation/splice_run.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "tests/simulation/splice_client.h"
#include "tests/simulation/splice_world.h"

namespace quantstream::query::simulation {
namespace {

constexpr Subscription::Time kNow{};
// Owners are slow here, never gone: silence means nothing.
constexpr FanoutOptions kOptions{.progress_interval = std::chrono::seconds(1),
                                 .placement_wait = std::chrono::hours(24)};

// A stream as the service has it, without gRPC: the production Subscription behind the production
// Fanout.
class Stream final : public Subscriber {
 public:
  Stream(const StreamSpec& spec, const SpliceRules& rules)
      : spec_(spec), subscription_(spec, {}, {}, rules) {}

  void OnRegistered(const LiveState& live, std::string_view reason) override {
    lost_ |= !reason.empty();
    subscription_.Register(early_look ? *std::exchange(early_look, std::nullopt) : live, reason);
  }
  void OnPlaced(int32_t partition, int64_t committed) override {
    subscription_.OnPlaced(partition, committed);
  }
  void OnUpdate(const Update& update) override {
    if (update->closed()) offered_.push_back(update);
    subscription_.OnUpdate(update);
  }
  void OnProgress(std::optional<EventTime> watermark) override {
    subscription_.OnProgress(watermark);
  }
  void Send() override {}  // the run's own steps do

  // Starts a read of the store, or lets the one in flight arrive.
  void StepHistory(World* world, bool torn, RunResult* result) {
    if (!subscription_.splice().reading()) return;
    if (!in_flight_) {
      in_flight_ = {subscription_.splice().ticket(),
                    world->Read(subscription_.splice().Request(), torn)};
      return;
    }
    const auto [ticket, snapshot] = *std::exchange(in_flight_, std::nullopt);
    const auto outcome = subscription_.OnHistory(ticket, snapshot);
    if (outcome == Splice::Outcome::kBehind) ++result->behind;
    if (outcome == Splice::Outcome::kDelivered && !first_) first_ = snapshot;
  }

  std::string TakeOne(RunResult* result) {
    const auto message = subscription_.Take(kNow);
    if (!message) return "";
    ++result->messages;
    return client_.Take(*message);
  }

  bool live() const { return first_ && !subscription_.splice().reading(); }
  bool Drained() const { return live() && subscription_.empty(); }

  // Whether this stream's promise covers the candle.
  bool Covers(const CandleKey& key) const {
    if (spec_.start_time) return key.open_time >= *spec_.start_time;
    if (spec_.last == 0) {
      const auto newest = first_->newest_closed.find(SeriesOf(key));
      return newest == first_->newest_closed.end() || key.open_time > newest->second;
    }
    const auto oldest = std::ranges::find(first_->candles, SeriesOf(key),
                                          [](const Update& u) { return SeriesOf(u->key); });
    return oldest == first_->candles.end() || key.open_time >= (*oldest)->key.open_time;
  }

  // FINAL and REVISED are never conflated away.
  std::string MissedUpdate() const {
    if (lost_) return "";
    for (const Update& update : offered_) {
      const bool after = update->version >= first_->next_version.at(update->partition);
      if (after && Covers(update->key) && !client_.Got(update->key, update->version)) {
        return "never sent: " + update->key.instrument + " " + update->message;
      }
    }
    return "";
  }

  const Client& client() const { return client_; }
  std::optional<LiveState> early_look;  // only when registering takes two steps

 private:
  StreamSpec spec_;
  Subscription subscription_;
  Client client_;
  std::optional<std::pair<int64_t, Snapshot>> in_flight_;
  std::optional<Snapshot> first_;
  std::vector<Update> offered_;
  bool lost_ = false;
};

class Run {
 public:
  Run(uint64_t seed, const QueryRules& rules)
      : rules_(rules), world_(seed, DrawOptions(seed)), fanout_(kOptions, {}, rules.latest) {
    read_.resize(2);
  }
  ~Run() {
    if (stream_) fanout_.Remove(stream_.get());
  }

  RunResult Go() {
    for (int step = 0; step < 1200 && result_.broken.empty(); ++step) Step();
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
  int32_t AnyPartition() { return static_cast<int32_t>(Below(2)); }

  void Step() {
    Below(100) < 45 ? world_.Step() : StepQuery(Below(100));
    if (result_.broken.empty() && Below(8) == 0 && Settled()) CheckNewest();
  }

  void StepQuery(int64_t dice) {
    if (dice < 40) {
      StepTail(AnyPartition());
    } else if (dice < 60) {
      StepStream();
    } else if (dice < 85) {
      if (stream_) result_.broken = stream_->TakeOne(&result_);
    } else if (dice < 90) {
      fanout_.Tick(now_ += std::chrono::seconds(1));
    } else if (dice == 90 && stream_ && Below(3) == 0) {
      EndStream();
    } else if (dice == 91 && Below(2) == 0) {
      LosePlace(AnyPartition());
    }
  }

  void StepTail(int32_t partition) {
    const auto& topic = world_.topic(partition);
    size_t& position = read_[static_cast<size_t>(partition)];
    if (position >= topic.size()) return;
    Remember(topic[position]);
    fanout_.OnEvent(topic[position++]);
  }

  // What the topic said last of each candle, as the tail read it.
  void Remember(const TailEvent& event) {
    if (const auto* open = std::get_if<OpenEvent>(&event.body)) {
      for (const Update& update : open->candles) {
        int64_t& newest = newest_open_.emplace(update->key, -1).first->second;
        newest = std::max(newest, update->version);
      }
    } else if (const auto* closed = std::get_if<ClosedEvent>(&event.body)) {
      for (const Update& update : closed->candles) {
        int64_t& newest = newest_version_.emplace(update->key, -1).first->second;
        newest = std::max(newest, update->version);
        EventTime& bar =
            newest_closed_.emplace(SeriesOf(update->key), update->key.open_time).first->second;
        bar = std::max(bar, update->key.open_time);
      }
    }
  }

  void StepStream() {
    if (stream_) return stream_->StepHistory(&world_, !rules_.one_statement, &result_);
    if (!next_) {
      next_ = std::make_shared<Stream>(DrawSpec(), rules_.splice);
      if (!rules_.register_in_one_step) {
        next_->early_look = fanout_.Look(world_.AllSeries());
        return;
      }
    }
    stream_ = std::move(next_);
    ++result_.streams;
    fanout_.Add(stream_, world_.AllSeries());
  }

  StreamSpec DrawSpec() {
    StreamSpec spec{world_.AllSeries(), std::nullopt, 0, false};
    const int64_t kind = Below(4);
    if (kind == 0) spec.start_time = EventTime{(90 + Below(30)) * kMicrosecondsPerSecond};
    if (kind == 1) spec.last = 2;
    if (kind == 2) spec.last = 1000;
    return spec;
  }

  void EndStream() {
    fanout_.Remove(stream_.get());
    stream_.reset();
  }

  // The tail jumps over messages: retention passed it, or the topic was made again.
  void LosePlace(int32_t partition) {
    size_t& position = read_[static_cast<size_t>(partition)];
    const auto left = static_cast<int64_t>(world_.topic(partition).size() - position);
    if (left < 2) return;
    position += static_cast<size_t>(1 + Below(left));
    ++result_.places_lost;
    fanout_.OnPlaceLost({partition}, "test", now_);
  }

  bool Settled() const {
    for (int32_t partition = 0; partition < 2; ++partition) {
      if (read_[static_cast<size_t>(partition)] < world_.topic(partition).size()) return false;
    }
    return stream_ && stream_->Drained();
  }

  // The client has the newest of everything that the tail has read.
  void CheckNewest() {
    const Client& client = stream_->client();
    for (const auto& [key, version] : newest_version_) {
      if (stream_->Covers(key) && client.SeenOf(key).version < version) {
        result_.broken =
            "hole: closed " + key.instrument + " " + std::to_string(key.interval.seconds);
      }
    }
    for (const auto& [key, version] : newest_open_) {
      const auto bar = newest_closed_.find(SeriesOf(key));
      const bool closes = (bar != newest_closed_.end() && key.open_time <= bar->second) ||
                          version < client.NewestOpen(key.instrument);
      if (!closes && stream_->Covers(key) && client.SeenOf(key).version < version) {
        result_.broken =
            "hole: open " + key.instrument + " " + std::to_string(key.interval.seconds);
      }
    }
  }

  void CheckEnd() {
    CheckNewest();
    for (int32_t partition = 0; partition < 2; ++partition) {
      for (const auto& [key, row] : world_.RowsAt(partition, world_.committed(partition))) {
        if (stream_->Covers(key) && stream_->client().SeenOf(key).version != row.version) {
          result_.broken =
              "at the end: " + key.instrument + " " + std::to_string(key.interval.seconds);
        }
      }
    }
    if (result_.broken.empty()) result_.broken = stream_->MissedUpdate();
  }

  QueryRules rules_;
  World world_;
  Fanout fanout_;
  std::shared_ptr<Stream> stream_;
  std::shared_ptr<Stream> next_;
  std::vector<size_t> read_;
  std::map<CandleKey, int64_t> newest_open_;
  std::map<CandleKey, int64_t> newest_version_;
  std::map<Series, EventTime> newest_closed_;
  Fanout::Time now_;
  RunResult result_;
};

}  // namespace

RunResult RunInterleaving(uint64_t seed, const QueryRules& rules) {
  return Run(seed, rules).Go();
}

}  // namespace quantstream::query::simulation
