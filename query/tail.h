// Reads all partitions of topic `candles`, from a minute back, and hands each event to the fanout
// in order. A plain reader: no group, no stored offsets; every query process sees everything. Whose
// topic is deleted and made again has lost its place, though the new one may have its offsets.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "platform/kafka/consumer.h"
#include "platform/kafka/topics.h"
#include "query/fanout.h"
#include "query/topic_watch.h"

namespace quantstream::query {

struct TailOptions {
  kafka::ConsumerOptions consumer;
  int32_t partitions = 0;  // of the topic
  // Open candles are repeated at least every 30 s: twice that shows them all.
  std::chrono::milliseconds lookback{60'000};
};

// What happened, for metrics and readiness. Called on the tail's thread.
struct TailObserver {
  std::function<void(int64_t records, int64_t bad_records)> read;
  std::function<void(int32_t partition, const std::string& reason)> place_lost;
  std::function<void(const TailEvent& event)> event;  // before the fanout has it
  // Events of these may have been missed.
  std::function<void(const std::vector<int32_t>& partitions)> missed;
  std::function<void()> caught_up;  // everything that was there at the start was read
  std::function<void(const std::string& reason)> unreachable;
  std::function<void()> reachable;
  std::function<void(int64_t records)> lag;
};

class Tail {
 public:
  // `fanout` outlives the tail. An error names the Kafka property that was refused.
  static absl::StatusOr<std::unique_ptr<Tail>> Start(TailOptions options, Fanout* fanout,
                                                     TailObserver observer);
  ~Tail();

  bool caught_up() const { return caught_up_; }

 private:
  // One partition's way. Positions are offsets of the next record.
  struct Place {
    bool reading = false;
    int64_t position = 0;
    int64_t target = 0;  // the log's end when it started
  };

  Tail(TailOptions options, Fanout* fanout, TailObserver observer,
       std::unique_ptr<kafka::Consumer> consumer, std::unique_ptr<kafka::Topics> topics);
  void Loop();
  void StartPartitions();
  void LookForBroker();
  void LookForSoughtPlaces();
  absl::Status AskTopicId();
  absl::Status StartPartition(int32_t partition, Place* place);
  bool SameTopic();
  absl::StatusOr<std::string> TopicId();  // on the watch's thread
  void OnRecord(const kafka::RecordView& record);
  void OnError(const kafka::ConsumerError& error);
  void LosePlaces(const std::vector<int32_t>& partitions, const std::string& reason);
  void CheckCaughtUp();
  void ReportLag();

  const TailOptions options_;
  Fanout* const fanout_;
  const TailObserver observer_;
  std::unique_ptr<kafka::Consumer> consumer_;
  std::unique_ptr<kafka::Topics> topics_;
  std::map<int32_t, Place> places_;
  std::chrono::steady_clock::time_point next_start_{};
  std::chrono::steady_clock::time_point next_report_{};
  std::chrono::steady_clock::time_point next_look_{};
  std::string topic_id_;  // what is read now
  std::chrono::steady_clock::time_point topic_id_since_{};
  std::chrono::steady_clock::time_point next_topic_check_{};
  int64_t bad_records_ = 0;  // since the last report
  bool unreachable_ = true;  // until the first partition is read
  std::atomic<bool> caught_up_ = false;
  std::atomic<bool> ended_ = false;
  TopicWatch watch_;
  std::thread thread_;
};

}  // namespace quantstream::query
