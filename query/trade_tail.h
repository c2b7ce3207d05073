// Reads topic `trades` for those who listen to trades: a partition from the log's end on while
// somebody listens to it, and not at all while nobody does. A plain reader: no group, no stored
// offsets. Whoever loses the place in the log goes on at its end, and listeners are told.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "platform/kafka/consumer.h"
#include "query/trade_fanout.h"

namespace quantstream::query {

// Since the last report.
struct TradesRead {
  int64_t records = 0;
  int64_t bad_records = 0;       // of them, passed over as malformed
  int64_t repeated_records = 0;  // of them, sent twice by ingest
  int64_t trades_dropped = 0;    // for slow clients
};

// What happened, for metrics. Called on the tail's thread.
struct TradeTailObserver {
  std::function<void(const TradesRead& read)> read;
  std::function<void(int64_t partitions)> reading;  // so many, from now on
  std::function<void()> place_lost;                 // of one partition
};

class TradeTail {
 public:
  // `fanout` outlives the tail. An error names the Kafka property that was refused; that the topic
  // is not there, or no broker, is waited for.
  static absl::StatusOr<std::unique_ptr<TradeTail>> Start(const kafka::ConsumerOptions& options,
                                                          TradeFanout* fanout,
                                                          TradeTailObserver observer);
  ~TradeTail();

 private:
  using Clock = std::chrono::steady_clock;

  TradeTail(std::string topic, TradeFanout* fanout, TradeTailObserver observer,
            std::unique_ptr<kafka::Consumer> consumer);
  void Loop();
  void FollowWishes();
  void StopPartitions(const std::vector<int32_t>& partitions);
  absl::Status StartPartition(int32_t partition);
  absl::Status AskTopicId();
  bool SameTopic();
  void OnRecord(const kafka::RecordView& record);
  void OnError(const kafka::ConsumerError& error);
  void LosePlace(int32_t partition, const std::string& reason);
  void Report();

  const std::string topic_;
  TradeFanout* const fanout_;
  const TradeTailObserver observer_;
  std::unique_ptr<kafka::Consumer> consumer_;
  std::set<int32_t> reading_;
  std::map<int32_t, Clock::time_point> start_again_at_;  // those that could not be started
  std::string topic_id_;                                 // what is read now
  Clock::time_point next_topic_check_{};
  TradeRecord record_;
  TradesRead read_;
  int64_t reported_reading_ = -1;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

}  // namespace quantstream::query
