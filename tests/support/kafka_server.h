// A real Kafka broker for tests, on a free port of loopback, in a temporary folder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/paths.h"

namespace quantstream::test_support {

class KafkaServer {
 public:
  // The broker that the whole test run shares ($QUANTSTREAM_TEST_KAFKA, see
  // tests/support/services); run by hand, one that this process starts on first use. Never stop it:
  // tests that break a broker start their own.
  static KafkaServer& Shared();

  // Starts a broker of its own and waits until it answers. Aborts the test process when that fails.
  KafkaServer();
  ~KafkaServer();
  KafkaServer(const KafkaServer&) = delete;
  KafkaServer& operator=(const KafkaServer&) = delete;

  // "127.0.0.1:PORT", for bootstrap.servers.
  const std::string& bootstrap() const { return bootstrap_; }

  // REQUIRES for all below: not Shared().
  void Stop();    // as an operator does; clients see a closing broker
  void Start();   // again, same port, same data
  void Kill();    // SIGKILL
  void Pause();   // SIGSTOP: connections stay open and nothing answers
  void Resume();  // SIGCONT

 private:
  explicit KafkaServer(std::string bootstrap);
  void Signal(int signal) const;

  std::unique_ptr<TempDir> dir_;  // absent: somebody else's broker
  int port_ = 0;
  int controller_port_ = 0;
  int on_death_ = 0;
  std::string bootstrap_;
};

// A prefix for topic and group names that no other test has; at the end the topics that begin with
// it are deleted.
class TopicPrefix {
 public:
  explicit TopicPrefix(const KafkaServer& server);
  ~TopicPrefix();
  TopicPrefix(const TopicPrefix&) = delete;
  TopicPrefix& operator=(const TopicPrefix&) = delete;

  // Ends in a dot, as the `topic_prefix` option of the services does.
  const std::string& text() const { return text_; }
  // prefix + name
  std::string Topic(std::string_view name) const { return text_ + std::string(name); }

 private:
  std::string bootstrap_;
  std::string text_;
};

}  // namespace quantstream::test_support
