// Real Kafka and PostgreSQL: they start, break and come back with their data.
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <librdkafka/rdkafka.h>

#include "tests/support/kafka_server.h"
#include "tests/support/postgres_server.h"
#include "tests/support/wait.h"

namespace quantstream::test_support {
namespace {

// Whether a produced message is acknowledged within the time-out.
bool Produce(const std::string& bootstrap, const std::string& topic, const char* timeout_ms) {
  char error[256];
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap.c_str(), error, sizeof error);
  rd_kafka_conf_set(conf, "message.timeout.ms", timeout_ms, error, sizeof error);
  rd_kafka_conf_set(conf, "log_level", "0", error, sizeof error);
  bool acknowledged = false;
  rd_kafka_conf_set_opaque(conf, &acknowledged);
  rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void* to) {
    *static_cast<bool*>(to) = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
  });
  rd_kafka_t* const producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
  rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic.c_str()),
                    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                    RD_KAFKA_V_VALUE(const_cast<char*>("x"), 1), RD_KAFKA_V_END);
  rd_kafka_flush(producer, 20'000);
  rd_kafka_destroy(producer);
  return acknowledged;
}

void CreateTopic(const std::string& bootstrap, const std::string& topic) {
  char error[256];
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap.c_str(), error, sizeof error);
  rd_kafka_t* const client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
  rd_kafka_NewTopic_t* request = rd_kafka_NewTopic_new(topic.c_str(), 1, 1, error, sizeof error);
  rd_kafka_queue_t* const queue = rd_kafka_queue_new(client);
  rd_kafka_CreateTopics(client, &request, 1, nullptr, queue);
  rd_kafka_event_destroy(rd_kafka_queue_poll(queue, 20'000));
  rd_kafka_queue_destroy(queue);
  rd_kafka_NewTopic_destroy(request);
  rd_kafka_destroy(client);
}

TEST(KafkaServer, SurvivesAKillAndAnswersNothingWhilePaused) {
  KafkaServer server;
  const TopicPrefix prefix(server);
  const std::string topic = prefix.Topic("trades");
  CreateTopic(server.bootstrap(), topic);
  EXPECT_TRUE(Produce(server.bootstrap(), topic, "20000"));
  server.Kill();
  EXPECT_FALSE(Produce(server.bootstrap(), topic, "300"));
  server.Start();
  EXPECT_TRUE(Produce(server.bootstrap(), topic, "20000"));
  server.Pause();
  EXPECT_FALSE(Produce(server.bootstrap(), topic, "300"));
  server.Resume();
  EXPECT_TRUE(Produce(server.bootstrap(), topic, "20000"));
}

TEST(KafkaServer, RefusesATopicThatNobodyCreated) {
  const TopicPrefix prefix(KafkaServer::Shared());
  EXPECT_FALSE(Produce(KafkaServer::Shared().bootstrap(), prefix.Topic("absent"), "2000"));
}

TEST(PostgresServer, KeepsCommittedRowsThroughACrash) {
  PostgresServer server;
  const TestDatabase database(server);
  const std::string connection = database.ConnectionString();
  Query(connection, "create table rows (value int)");
  Query(connection, "insert into rows values (7)");
  server.Stop(PostgresServer::Mode::kImmediate);
  EXPECT_EQ(PQping(connection.c_str()), PQPING_NO_RESPONSE);
  server.Start();
  EXPECT_EQ(Query(connection, "select value from rows"), "7");
}

TEST(PostgresServer, AnswersNothingWhilePaused) {
  PostgresServer server;
  const std::string connection = server.ConnectionString("quantstream") + " connect_timeout=2";
  EXPECT_EQ(PQping(connection.c_str()), PQPING_OK);
  server.Pause();
  EXPECT_EQ(PQping(connection.c_str()), PQPING_NO_RESPONSE);
  server.Resume();
  EXPECT_EQ(PQping(connection.c_str()), PQPING_OK);
}

TEST(TestDatabase, IsNewAndSafelyConfigured) {
  const TestDatabase one;
  const TestDatabase two;
  EXPECT_NE(one.name(), two.name());
  EXPECT_EQ(Query(one.ConnectionString(), "show fsync; show synchronous_commit"), "on");
}

}  // namespace
}  // namespace quantstream::test_support
