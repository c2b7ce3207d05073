// librdkafka's own mock broker, which can be told to fail.
#pragma once

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>  // wants the one above

#include <cstdint>
#include <vector>

#include "platform/config/option.h"

namespace quantstream::processor {

class MockBroker {
 public:
  MockBroker() {
    char error[256];
    host_ = rd_kafka_new(RD_KAFKA_PRODUCER, nullptr, error, sizeof(error));
    cluster_ = rd_kafka_mock_cluster_new(host_, 1);
    rd_kafka_mock_group_initial_rebalance_delay_ms(cluster_, 0);
    rd_kafka_mock_topic_create(cluster_, "trades", 1, 1);
    rd_kafka_mock_topic_create(cluster_, "many", 8, 1);
    rd_kafka_mock_topic_create(cluster_, "candles", 2, 1);
    rd_kafka_mock_topic_create(cluster_, "dead-letter", 1, 1);
  }
  ~MockBroker() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(host_);
  }

  config::Properties client() const {
    return {{"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster_)}};
  }
  // The next thousands of requests of this kind are answered with `error`.
  void Refuse(int16_t request, rd_kafka_resp_err_t error) {
    std::vector<rd_kafka_resp_err_t> errors(100'000, error);
    rd_kafka_mock_push_request_errors_array(cluster_, request, errors.size(), errors.data());
  }
  // A topic without a leader: nothing is written to it, and nothing is refused.
  void GetStuck(const char* topic) { rd_kafka_mock_partition_set_leader(cluster_, topic, 0, -1); }
  void GetLoose(const char* topic) { rd_kafka_mock_partition_set_leader(cluster_, topic, 0, 1); }
  void GoDown() { rd_kafka_mock_broker_set_down(cluster_, 1); }
  void RefuseNoMore(int16_t request) { rd_kafka_mock_clear_request_errors(cluster_, request); }

 private:
  rd_kafka_t* host_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

}  // namespace quantstream::processor
