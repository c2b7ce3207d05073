// One stream of one replica as the service has it, without gRPC: the production Subscription behind
// the production Fanout, moved by the run's steps.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "query/fanout.h"
#include "query/subscription.h"
#include "tests/simulation/splice_client.h"
#include "tests/simulation/splice_run.h"
#include "tests/simulation/splice_world.h"

namespace quantstream::query::simulation {

// What a client keeps to come back with.
struct Token {
  Resume resume;
  Places::Positions positions;
};

class Stream final : public Subscriber {
 public:
  static constexpr LegId kLeg = 1;
  static constexpr Subscription::Time kNow{};

  Stream(const StreamSpec& spec, const QueryRules& rules);

  void OnRegistered(LegId leg, const LiveState& live, std::string_view reason) override;
  void OnPlaced(int32_t partition, int64_t committed) override;
  void OnUpdates(LegId leg, std::span<const Update> updates) override;
  void OnProgress(std::optional<EventTime> watermark, std::string_view trouble) override;
  void Send() override {}  // the run's own steps do

  // Starts a read of the store, or lets the one in flight arrive.
  void StepHistory(World* world, RunResult* result);
  // The next message goes to the client, and with it what it would resume from.
  std::string TakeOne(Fanout* fanout, World* world, Client* client, std::optional<Token>* token,
                      RunResult* result);
  // The client was slow: what waits is let go, or skipped.
  void Park(RunResult* result);
  void Skip(RunResult* result);
  // The store was slow: what came meanwhile is let go.
  void DropBuffered();

  bool live() const { return first_ && !subscription_.splice(kLeg)->reading(); }
  bool Drained() const { return live() && subscription_.empty() && !subscription_.parked(); }
  bool parked() const { return subscription_.parked(); }

  const std::optional<Snapshot>& first() const { return first_; }
  // Closed candles that came from the live side, unless something was read again meanwhile.
  const std::vector<Update>* offered() const { return read_again_ ? nullptr : &offered_; }

  std::optional<LiveState> early_look;  // only when registering takes two steps

 private:
  QueryRules rules_;
  Subscription subscription_;
  std::optional<std::pair<int64_t, Snapshot>> in_flight_;
  std::optional<Snapshot> first_;
  std::vector<Update> offered_;
  bool read_again_ = false;
};

}  // namespace quantstream::query::simulation
