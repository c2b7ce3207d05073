// Writes records with librdkafka: idempotent, acks=all, lz4, a bounded queue, nothing dropped in
// silence. What is produced is delivered, or reported as failed, or the queue says that it is full.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/config/option.h"
#include "platform/kafka/record.h"

namespace quantstream::kafka {

struct ProducerOptions {
  config::Properties client{};  // the service's `kafka:` section
  std::string client_id = "quantstream";
  int linger_ms = 0;  // how long librdkafka gathers records into one request
  int64_t queue_records_max = 100'000;
  int64_t queue_bytes_max = 64 << 20;
  int64_t record_bytes_max = 1'000'000;         // larger ones are refused with INVALID_ARGUMENT
  int64_t delivery_timeout_ms = 2'147'483'647;  // message.timeout.ms: as good as never (24 days)
  std::string compression = "lz4";
};

// The end of one record's way. Comes exactly once for each record that Produce took, but not after
// Close.
struct Delivery {
  uint64_t token = 0;  // as given to Produce
  int32_t partition = 0;
  int64_t offset = -1;  // where it landed; -1 = failed, or not known
  absl::Status
      status;  // OK: the broker's in-sync replicas have it. Failed: it may or may not be in the log
};

// Produce and Flush are thread-safe; deliveries are reported on the thread that calls Poll or
// Flush.
class Producer {
 public:
  using DeliveryCallback = std::function<void(const Delivery&)>;

  // An error names the property that librdkafka refused; brokers are not waited for.
  static absl::StatusOr<std::unique_ptr<Producer>> Create(const ProducerOptions& options,
                                                          DeliveryCallback on_delivery);
  ~Producer();  // Close(5 s), when it was not called.

  // Copies key and payload into the queue. Partition -1 = murmur2 of the key, as Java clients do.
  //   RESOURCE_EXHAUSTED   the queue is full: back-pressure. Keep the record, call Poll, try again;
  //   never drop it. INVALID_ARGUMENT     too large NOT_FOUND            no such partition ABORTED
  //   fatal_error(): close this producer, make a new one and send again what was not delivered
  absl::Status Produce(const std::string& topic, int32_t partition, std::string_view payload,
                       uint64_t token, std::string_view key = {}, const Headers& headers = {});

  // Reports deliveries, waiting up to `timeout` for the first. Returns how many events were served.
  int Poll(std::chrono::milliseconds timeout);

  // Not OK from the moment on that the idempotent producer cannot go on. Nothing produced with it
  // is delivered any more: make a new one and send again from your own ring, unchanged; the topic
  // may then hold duplicates. Thread-safe.
  absl::Status fatal_error() const;
  // OK while brokers can be reached, as far as the client knows; otherwise the last error.
  // Thread-safe.
  absl::Status connection_state() const;

  // Records taken and not yet reported. Thread-safe.
  int64_t queued_records() const;

  // Waits until everything taken is reported; DEADLINE_EXCEEDED says how many are left.
  absl::Status Flush(std::chrono::milliseconds timeout);

  // Frees everything without waiting for deliveries (Flush first). False: it took longer than
  // `timeout` and goes on in the background; end the process soon.
  bool Close(std::chrono::milliseconds timeout);

  // For tests: makes fatal_error() true, as if the broker had broken the sequence.
  void ForceFatalErrorForTest();

 private:
  class Client;
  explicit Producer(std::unique_ptr<Client> client);
  std::unique_ptr<Client> client_;
};

}  // namespace quantstream::kafka
