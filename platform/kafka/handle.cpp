#include "platform/kafka/handle.h"

#include <algorithm>
#include <future>
#include <limits>
#include <memory>
#include <thread>

#include "platform/log.h"

namespace quantstream::kafka {
namespace {

using Configuration = std::unique_ptr<rd_kafka_conf_t, decltype(&rd_kafka_conf_destroy)>;

LogLevel LevelOf(int syslog_level) {
  if (syslog_level <= 3) return kError;
  if (syslog_level == 4) return kWarning;
  return syslog_level <= 6 ? kInfo : kDebug;
}

void OnLog(const rd_kafka_t* client, int level, const char* facility, const char* text) {
  Log(LevelOf(level), "librdkafka",
      {{"client", client == nullptr ? "" : rd_kafka_name(client)},
       {"facility", facility},
       {"text", text}});
}

absl::Status SetAll(rd_kafka_conf_t* conf, const config::Properties& properties) {
  char reason[512];
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason, sizeof reason) !=
        RD_KAFKA_CONF_OK) {
      return absl::InvalidArgumentError("kafka property " + name + ": " + reason);
    }
  }
  return absl::OkStatus();
}

absl::StatusCode CodeOf(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
      return absl::StatusCode::kDeadlineExceeded;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      return absl::StatusCode::kNotFound;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
      return absl::StatusCode::kResourceExhausted;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
      return absl::StatusCode::kInvalidArgument;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
      return absl::StatusCode::kAlreadyExists;
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
      return absl::StatusCode::kAborted;
    case RD_KAFKA_RESP_ERR__STATE:
      return absl::StatusCode::kFailedPrecondition;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

}  // namespace

int Milliseconds(std::chrono::milliseconds timeout) {
  return static_cast<int>(std::clamp<int64_t>(timeout.count(), 0, std::numeric_limits<int>::max()));
}

absl::Status MakeStatus(rd_kafka_resp_err_t error, const std::string& context) {
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return absl::OkStatus();
  return absl::Status(CodeOf(error), context + ": " + rd_kafka_err2str(error));
}

absl::Status MakeStatus(rd_kafka_error_t* taken_error, const std::string& context) {
  if (taken_error == nullptr) return absl::OkStatus();
  absl::Status status(CodeOf(rd_kafka_error_code(taken_error)),
                      context + ": " + rd_kafka_error_string(taken_error));
  rd_kafka_error_destroy(taken_error);
  return status;
}

absl::StatusOr<rd_kafka_t*> MakeClient(rd_kafka_type_t type, const config::Properties& client,
                                       const config::Properties& ours, const Callbacks& callbacks) {
  Configuration conf(rd_kafka_conf_new(), rd_kafka_conf_destroy);
  config::Properties all = {{"log.connection.close", "false"},
                            {"socket.keepalive.enable", "true"},
                            {"socket.timeout.ms", "20000"},
                            {"enable.metrics.push", "false"}};
  for (const auto& [name, value] : client) all[name] = value;
  for (const auto& [name, value] : ours) all[name] = value;
  if (absl::Status status = SetAll(conf.get(), all); !status.ok()) return status;
  rd_kafka_conf_set_log_cb(conf.get(), OnLog);
  rd_kafka_conf_set_opaque(conf.get(), callbacks.opaque);
  if (callbacks.error != nullptr) rd_kafka_conf_set_error_cb(conf.get(), callbacks.error);
  if (callbacks.rebalance != nullptr) {
    rd_kafka_conf_set_rebalance_cb(conf.get(), callbacks.rebalance);
  }
  if (callbacks.delivery != nullptr) rd_kafka_conf_set_dr_msg_cb(conf.get(), callbacks.delivery);
  char reason[512];
  rd_kafka_t* made = rd_kafka_new(type, conf.get(), reason, sizeof reason);
  if (made == nullptr) return absl::InvalidArgumentError(std::string("kafka client: ") + reason);
  [[maybe_unused]] rd_kafka_conf_t* now_owned_by_the_client = conf.release();
  return made;
}

bool DestroyWithin(rd_kafka_t* client, std::chrono::milliseconds timeout) {
  std::promise<void> done;
  std::future<void> destroyed = done.get_future();
  std::thread destroyer([client, done = std::move(done)]() mutable {
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    done.set_value();
  });
  if (destroyed.wait_for(timeout) == std::future_status::ready) {
    destroyer.join();
    return true;
  }
  destroyer.detach();
  Log(kError, "a Kafka client does not end; end the process soon");
  return false;
}

}  // namespace quantstream::kafka
