#include "platform/kafka/client_properties.h"

#include <librdkafka/rdkafka.h>

#include <memory>

namespace quantstream::kafka {
namespace {

std::optional<std::string> CheckProperty(const std::string& name, const std::string& value) {
  const std::unique_ptr<rd_kafka_conf_t, decltype(&rd_kafka_conf_destroy)> conf(
      rd_kafka_conf_new(), rd_kafka_conf_destroy);
  char reason[512];
  const rd_kafka_conf_res_t set =
      rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), reason, sizeof reason);
  if (set == RD_KAFKA_CONF_OK) return std::nullopt;
  if (set == RD_KAFKA_CONF_UNKNOWN) return "is no librdkafka property";
  return std::string(reason);
}

constexpr const char* kChoosesOffsets = "the service chooses every start offset itself";
constexpr const char* kNoLoss = "no record may be lost or reordered";
constexpr const char* kBounds = "this library bounds its queues and waits itself";
constexpr const char* kGroup = "the service names its group and its members itself";
constexpr const char* kPlacement = "a record's partition is part of the contract";

}  // namespace

config::SectionOption ClientSection() {
  config::SectionOption section;
  section.name = "kafka";
  section.separator = '.';
  section.fallback = {{"bootstrap.servers", "127.0.0.1:19092"}};
  section.help = "any librdkafka property: bootstrap.servers, security.protocol, sasl.*, ssl.* ...";
  section.check = CheckProperty;
  section.secrets = {"sasl.password", "ssl.key.password", "ssl.key.pem", "ssl.keystore.password",
                     "sasl.oauthbearer.client.secret"};
  for (const char* name : {"auto.offset.reset", "enable.auto.commit", "auto.commit.enable",
                           "enable.auto.offset.store", "enable.partition.eof", "isolation.level"}) {
    section.forbidden.push_back({name, kChoosesOffsets});
  }
  for (const char* name :
       {"enable.idempotence", "acks", "request.required.acks", "message.timeout.ms",
        "delivery.timeout.ms", "retries", "message.send.max.retries", "transactional.id",
        "enable.gapless.guarantee", "max.in.flight", "max.in.flight.requests.per.connection",
        "delivery.report.only.error", "compression.codec", "compression.type"}) {
    section.forbidden.push_back({name, kNoLoss});
  }
  for (const char* name :
       {"queue.buffering.max.messages", "queue.buffering.max.kbytes", "queue.buffering.max.ms",
        "linger.ms", "queued.min.messages", "queued.max.messages.kbytes", "fetch.queue.backoff.ms",
        "fetch.message.max.bytes", "max.partition.fetch.bytes", "fetch.wait.max.ms",
        "message.max.bytes"}) {
    section.forbidden.push_back({name, kBounds});
  }
  for (const char* name : {"group.id", "group.instance.id", "group.protocol", "session.timeout.ms",
                           "max.poll.interval.ms", "partition.assignment.strategy"}) {
    section.forbidden.push_back({name, kGroup});
  }
  for (const char* name : {"partitioner", "allow.auto.create.topics"}) {
    section.forbidden.push_back({name, kPlacement});
  }
  return section;
}

std::string LibraryVersion() {
  return rd_kafka_version_str();
}

}  // namespace quantstream::kafka
