#include "tests/support/kafka_server.h"

#include <librdkafka/rdkafka.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "tests/support/process.h"
#include "tests/support/wait.h"
#include "tests/support/watchdog.h"

namespace quantstream::test_support {
namespace {

std::string Script(std::string_view name) {
  return SourceDir() + "/deploy/kafka/" + std::string(name);
}

rd_kafka_t* Client(const std::string& bootstrap) {
  char error[256];
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap.c_str(), error, sizeof error);
  rd_kafka_conf_set(conf, "log_level", "0", error, sizeof error);
  return rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
}

std::vector<std::string> Topics(rd_kafka_t* client, const std::string& prefix) {
  std::vector<std::string> topics;
  const rd_kafka_metadata_t* metadata = nullptr;
  if (rd_kafka_metadata(client, 1, nullptr, &metadata, 5'000) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return topics;
  }
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    std::string name = metadata->topics[i].topic;
    if (name.starts_with(prefix)) topics.push_back(std::move(name));
  }
  rd_kafka_metadata_destroy(metadata);
  return topics;
}

void DeleteTopics(rd_kafka_t* client, const std::vector<std::string>& topics) {
  std::vector<rd_kafka_DeleteTopic_t*> requests;
  requests.reserve(topics.size());
  for (const auto& topic : topics) requests.push_back(rd_kafka_DeleteTopic_new(topic.c_str()));
  rd_kafka_queue_t* const queue = rd_kafka_queue_new(client);
  rd_kafka_DeleteTopics(client, requests.data(), requests.size(), nullptr, queue);
  if (rd_kafka_event_t* const event = rd_kafka_queue_poll(queue, 10'000)) {
    rd_kafka_event_destroy(event);
  }
  rd_kafka_queue_destroy(queue);
  rd_kafka_DeleteTopic_destroy_array(requests.data(), requests.size());
}

}  // namespace

KafkaServer& KafkaServer::Shared() {
  static KafkaServer server = [] {
    const char* const bootstrap = std::getenv("QUANTSTREAM_TEST_KAFKA");
    return bootstrap != nullptr && *bootstrap != '\0' ? KafkaServer(bootstrap) : KafkaServer();
  }();
  return server;
}

KafkaServer::KafkaServer(std::string bootstrap) : bootstrap_(std::move(bootstrap)) {}

KafkaServer::KafkaServer()
    : dir_(std::make_unique<TempDir>()),
      port_(FreePort()),
      controller_port_(FreePort()),
      on_death_(OnDeath(Script("stop") + " " + dir_->path() + " immediate")),
      bootstrap_("127.0.0.1:" + std::to_string(port_)) {
  Start();
}

KafkaServer::~KafkaServer() {
  if (!dir_) return;
  Kill();
  ForgetOnDeath(on_death_);
}

void KafkaServer::Start() {
  const auto result = RunCommand(
      {Script("start"), dir_->path(), std::to_string(port_), std::to_string(controller_port_)});
  if (result.exit_code == 0) return;
  std::cerr << "Kafka did not start:\n" << result.output << std::endl;
  std::abort();
}

void KafkaServer::Stop() {
  RunCommand({Script("stop"), dir_->path()});
}

void KafkaServer::Kill() {
  RunCommand({Script("stop"), dir_->path(), "immediate"});
}

void KafkaServer::Pause() {
  Signal(SIGSTOP);
}

void KafkaServer::Resume() {
  Signal(SIGCONT);
}

void KafkaServer::Signal(int signal) const {
  int pid = 0;
  std::ifstream(dir_->path() + "/kafka.pid") >> pid;
  if (pid > 0) kill(pid, signal);
}

TopicPrefix::TopicPrefix(const KafkaServer& server) : bootstrap_(server.bootstrap()) {
  static std::atomic<int> last{0};
  text_ = "test-" + std::to_string(getpid()) + "-" + std::to_string(++last) + ".";
}

TopicPrefix::~TopicPrefix() {
  rd_kafka_t* const client = Client(bootstrap_);
  if (client == nullptr) return;
  const auto topics = Topics(client, text_);
  if (!topics.empty()) DeleteTopics(client, topics);
  rd_kafka_destroy(client);
}

}  // namespace quantstream::test_support
