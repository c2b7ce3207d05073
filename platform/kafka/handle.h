// A librdkafka client in RAII: configuration with named errors, logs through ours, an end with a
// bound.
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/config/option.h"

namespace quantstream::kafka {

// The callbacks that a client may want; unset ones are left out. All are called on the thread that
// polls.
struct Callbacks {
  void* opaque = nullptr;
  void (*error)(rd_kafka_t*, int, const char*, void*) = nullptr;
  void (*rebalance)(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*,
                    void*) = nullptr;
  void (*delivery)(rd_kafka_t*, const rd_kafka_message_t*, void*) = nullptr;
};

// `ours` wins over `client`, which wins over a few defaults. An error names the property.
absl::StatusOr<rd_kafka_t*> MakeClient(rd_kafka_type_t type, const config::Properties& client,
                                       const config::Properties& ours, const Callbacks& callbacks);

// librdkafka's destroy may wait for ever: it runs on a thread of its own. False: it is still
// running.
bool DestroyWithin(rd_kafka_t* client, std::chrono::milliseconds timeout);

// "context: what librdkafka says".
absl::Status MakeStatus(rd_kafka_resp_err_t error, const std::string& context);
absl::Status MakeStatus(rd_kafka_error_t* taken_error, const std::string& context);

int Milliseconds(std::chrono::milliseconds timeout);

}  // namespace quantstream::kafka
