// The inside of Consumer: which partitions are read from where, and what librdkafka's messages
// mean.
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "platform/kafka/consumer.h"

namespace quantstream::kafka {

class Consumer::Client {
 public:
  Client(std::string topic, int batch_records_max, RebalanceListener* listener);
  ~Client();

  absl::Status Open(const config::Properties& client, const config::Properties& ours);
  absl::Status Subscribe();

  absl::Status Start(int32_t partition, Position from);
  void Stop(int32_t partition);
  void SetPaused(bool paused);
  PollResult Poll(std::chrono::milliseconds timeout);
  void Commit(int32_t partition, int64_t next_offset);
  std::vector<int32_t> partitions() const;
  bool Close(std::chrono::milliseconds timeout);

  rd_kafka_t* raw() const { return client_; }
  const std::string& topic() const { return topic_; }
  int64_t dropped_records() const { return dropped_records_; }

 private:
  static void OnError(rd_kafka_t* client, int error, const char* reason, void* self);
  static void OnRebalance(rd_kafka_t* client, rd_kafka_resp_err_t what,
                          rd_kafka_topic_partition_list_t* list, void* self);
  void Assigned(const rd_kafka_topic_partition_list_t* list);
  void Revoked();
  void TellRevoked();
  // Tells librdkafka what is read from where, when that has changed.
  void ApplyAssignment();
  void Gather(std::chrono::milliseconds timeout);
  void Sort(rd_kafka_message_t* message);
  void SortRecord(rd_kafka_message_t* message);
  void SortError(const rd_kafka_message_t* message);
  void ReleaseMessages();
  bool LeaveGroup(std::chrono::steady_clock::time_point until);

  std::string topic_;
  RebalanceListener* listener_;  // null = plain reader
  bool paused_ = false;
  bool assignment_changed_ = false;
  bool rebalanced_ = false;  // in the poll that runs
  // From then on the group is asked nothing: librdkafka drops questions, without an answer, once it
  // has ended (2.15.1, rd_kafka_cgrp_op_serve).
  bool leaving_ = false;
  std::set<int32_t> assigned_;           // group member only
  std::map<int32_t, Position> reading_;  // the next record that is expected
  int64_t dropped_records_ = 0;
  std::vector<rd_kafka_message_t*> messages_;  // behind the views of the last poll
  size_t message_count_ = 0;
  std::vector<RecordView> records_;
  std::vector<ConsumerError> errors_;
  rd_kafka_t* client_ = nullptr;
  rd_kafka_queue_t* queue_ = nullptr;
};

}  // namespace quantstream::kafka
