#include "tests/integration/query/query_world.h"

#include <gtest/gtest.h>

#include "market/instrument.h"
#include "platform/postgres/migrations.h"
#include "quantstream/v1/candle_event.pb.h"
#include "tests/support/wait.h"

namespace quantstream::query::testing {
namespace {

using postgres::Param;

std::string ValueOf(const std::string& connection_string, const std::string& key) {
  const size_t begin = connection_string.find(key + "=") + key.size() + 1;
  return connection_string.substr(begin, connection_string.find(' ', begin) - begin);
}

void Append(const std::vector<KeyedCandle>& candles,
            google::protobuf::RepeatedPtrField<v1::ScaledCandle>* out) {
  for (const KeyedCandle& candle : candles) {
    std::string bytes;
    EncodeCandle(candle.key, candle.candle, bytes);
    ASSERT_TRUE(out->Add()->ParseFromString(bytes));
  }
}

}  // namespace

KeyedCandle MakeCandle(const std::string& instrument, int32_t interval_s, int64_t open_s,
                       CandleState state, int64_t version, const std::string& price) {
  Candle candle;
  CandleValues& values = candle.values;
  values.first.price = *Decimal::Parse(price);
  values.first.key.time = EventTime{open_s * 1'000'000 + 250'000};
  values.first.key.id = static_cast<uint64_t>(version + 1);
  values.last = values.first;
  values.high = values.low = values.first_pane_close = values.first.price;
  values.volume = *ExactSum::Parse("2");
  values.quote_volume = ExactSum::Product(values.first.price, *Decimal::Parse("2"));
  values.trade_count = 1;
  values.returns = LogReturnSums{};
  candle.state = state;
  candle.revision = state == CandleState::kRevised ? 1 : 0;
  candle.version = version;
  candle.lineage = OffsetSpan{Offset{version}, Offset{version}};
  return {{instrument, Interval{interval_s}, EventTime{open_s * 1'000'000}}, candle};
}

QueryWorld::QueryWorld(const test_support::KafkaServer& kafka,
                       const test_support::PostgresServer& postgres)
    : kafka_(kafka), database_(postgres), prefix_(kafka), postgres_port_(postgres.port()) {
  Reconnect();
  EXPECT_TRUE(postgres::ApplyMigrations(*connection_, postgres::EmbeddedMigrations()).ok());
  topics_ = *kafka::Topics::Connect({{"bootstrap.servers", kafka.bootstrap()}});
  EnsureTopic(CandlesTopic());
  MakeProducer();
}

void QueryWorld::EnsureTopic(const std::string& topic) {
  kafka::TopicSpec spec;
  spec.name = topic;
  spec.partitions = kPartitions;
  const absl::Status made = topics_->Ensure(spec, std::chrono::seconds(30));
  EXPECT_TRUE(made.ok()) << made;
}

void QueryWorld::MakeProducer() {
  kafka::ProducerOptions producer;
  producer.client = {{"bootstrap.servers", kafka_.bootstrap()}};
  producer_ = *kafka::Producer::Create(producer, [](const kafka::Delivery&) {});
}

void QueryWorld::DeleteTopic(const std::string& topic) {
  const absl::Status gone = topics_->Delete(topic, std::chrono::seconds(20));
  ASSERT_TRUE(gone.ok() || absl::IsNotFound(gone)) << gone;
  ASSERT_TRUE(test_support::WaitFor([&] {
    return absl::IsNotFound(topics_->Describe(topic, std::chrono::seconds(5)).status());
  }));
}

void QueryWorld::MakeCandlesAgain() {
  producer_.reset();
  DeleteTopic(CandlesTopic());
  EnsureTopic(CandlesTopic());
  MakeProducer();
}

void QueryWorld::MakeTradesAgain() {
  producer_.reset();
  DeleteTopic(TradesTopic());
  EnsureTopic(TradesTopic());
  MakeProducer();
}

std::unique_ptr<postgres::Connection> QueryWorld::Connect() const {
  const std::string at = database_.ConnectionString();
  postgres::ConnectionOptions options;
  options.client = {{"host", ValueOf(at, "host")},
                    {"port", std::to_string(postgres_port_)},
                    {"user", ValueOf(at, "user")},
                    {"dbname", database_.name()}};
  return *postgres::Connection::Open(options);
}

void QueryWorld::Reconnect() {
  connection_ = Connect();
}

QueryWorld::~QueryWorld() {
  if (process_ && process_->Running()) process_->Terminate();
}

void QueryWorld::Start(std::map<std::string, std::string> options) {
  grpc_port_ = test_support::FreePort();
  admin_port_ = test_support::FreePort();
  const std::string at = database_.ConnectionString();
  const std::string name = "QUANTSTREAM_QUERY_";
  std::map<std::string, std::string> environment = {
      {name + "KAFKA_BOOTSTRAP_SERVERS", kafka_.bootstrap()},
      {name + "POSTGRES_HOST", ValueOf(at, "host")},
      {name + "POSTGRES_PORT", std::to_string(postgres_port_)},
      {name + "POSTGRES_USER", ValueOf(at, "user")},
      {name + "POSTGRES_DBNAME", database_.name()},
      {name + "TOPIC_PREFIX", prefix_.text()},
      {name + "PARTITIONS", std::to_string(kPartitions)},
      {name + "GRPC_PORT", std::to_string(grpc_port_)},
      {name + "ADMIN_PORT", std::to_string(admin_port_)},
      {name + "PROGRESS_INTERVAL_MS", "100"}};
  for (const auto& [option, value] : options) environment[name + option] = value;
  const std::vector<std::string> command = {test_support::Binary("quantstream-query")};
  process_ = std::make_unique<test_support::Process>(command, environment);
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  channel_ = grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(grpc_port_),
                                       grpc::InsecureChannelCredentials(), arguments);
  stub_ = v1::MarketData::NewStub(channel_);
}

bool QueryWorld::Ready(const std::string& says) const {
  return test_support::WaitFor([&] {
    const auto answer = test_support::RunCommand(
        {"/usr/bin/curl", "-s", "http://127.0.0.1:" + std::to_string(admin_port_) + "/readyz"});
    return answer.output.find(says) != std::string::npos;
  });
}

void QueryWorld::Insert(const KeyedCandle& candle) {
  const auto name = InstrumentName::Parse(candle.key.instrument);
  const int32_t partition = PartitionOf(candle.key.instrument, kPartitions);
  const auto instrument = connection_->Exec(
      "INSERT INTO instruments (venue, symbol, partition) VALUES ($1, $2, $3) "
      "ON CONFLICT (name) DO UPDATE SET partition = excluded.partition RETURNING instrument_id",
      {Param::Text(name->venue), Param::Text(name->symbol), Param::Int4(partition)},
      postgres::ResultFormat::kBinary);
  ASSERT_TRUE(instrument.ok()) << instrument.status();
  const auto made = connection_->Exec(
      "SELECT make_candle_partition($1, $2)",
      {Param::Int4(candle.key.interval.seconds), Param::Int8(candle.key.open_time.us)});
  ASSERT_TRUE(made.ok()) << made.status();
  const CandleValues& values = candle.candle.values;
  const std::string price = values.open().ToString();
  std::string bytes;
  EncodeCandle(candle.key, candle.candle, bytes);
  const auto inserted = connection_->Exec(
      "INSERT INTO candles (instrument_id, interval_s, open_time, open, high, low, close, volume, "
      "quote_volume, vwap, trade_count, state, revision, version, completeness, first_trade_time, "
      "last_trade_time, merge) VALUES ($1, $2, $3, $4, $4, $4, $4, $5, $6, $4, 1, $7, $8, $9, 1, "
      "$3, "
      "$3, $10) ON CONFLICT (instrument_id, interval_s, open_time) DO UPDATE SET state = "
      "excluded.state, revision = excluded.revision, version = excluded.version, merge = "
      "excluded.merge",
      {Param::Int4(static_cast<int32_t>(instrument->Int(0, 0))),
       Param::Int4(candle.key.interval.seconds), Param::TimestampTz(candle.key.open_time.us),
       Param::Text(price), Param::Text(values.volume.ToString()),
       Param::Text(values.quote_volume.ToString()),
       Param::Int2(static_cast<int16_t>(candle.candle.state)),
       Param::Int8(static_cast<int64_t>(candle.candle.revision)),
       Param::Int8(candle.candle.version), Param::Bytea(bytes)});
  ASSERT_TRUE(inserted.ok()) << inserted.status();
}

void QueryWorld::Commit(const std::vector<KeyedCandle>& candles, int64_t next_offset) {
  ASSERT_TRUE(connection_->Begin().ok());
  for (const KeyedCandle& candle : candles) {
    Insert(candle);
    const auto moved = connection_->Exec(
        "INSERT INTO partition_progress (topic, partition, partition_count, next_offset) VALUES "
        "($1, $2, $3, $4) ON CONFLICT (topic, partition) DO UPDATE SET next_offset = "
        "excluded.next_offset",
        {Param::Text(TradesTopic()),
         Param::Int4(PartitionOf(candle.key.instrument, kPartitions)), Param::Int4(kPartitions),
         Param::Int8(next_offset)});
    ASSERT_TRUE(moved.ok()) << moved.status();
  }
  ASSERT_TRUE(connection_->Commit().status.ok());
}

void QueryWorld::PublishClosed(const std::vector<KeyedCandle>& candles) {
  v1::CandleEvent event;
  event.set_epoch(1);
  Append(candles, event.mutable_closed()->mutable_candles());
  PublishBytes(PartitionOf(candles.front().key.instrument, kPartitions), event.SerializeAsString());
}

void QueryWorld::PublishOpen(const std::vector<KeyedCandle>& candles) {
  v1::CandleEvent event;
  event.set_epoch(1);
  event.mutable_open()->set_instrument(candles.front().key.instrument);
  Append(candles, event.mutable_open()->mutable_candles());
  PublishBytes(PartitionOf(candles.front().key.instrument, kPartitions), event.SerializeAsString());
}

void QueryWorld::PublishProgress(const std::string& instrument, int64_t next_offset,
                                 int64_t closed_until_s) {
  v1::CandleEvent event;
  event.set_epoch(1);
  event.mutable_progress()->set_next_version(next_offset);
  auto* venue = event.mutable_progress()->add_venues();
  venue->set_venue(instrument.substr(0, instrument.find(':')));
  venue->set_closed_until_us(closed_until_s * 1'000'000);
  PublishBytes(PartitionOf(instrument, kPartitions), event.SerializeAsString());
}

void QueryWorld::PublishBytes(int32_t partition, const std::string& bytes) {
  Publish(CandlesTopic(), partition, bytes);
}

void QueryWorld::PublishTrades(int32_t partition, const std::string& bytes) {
  Publish(TradesTopic(), partition, bytes);
}

int64_t QueryWorld::Metric(const std::string& name) const {
  const auto answer = test_support::RunCommand(
      {"/usr/bin/curl", "-s", "http://127.0.0.1:" + std::to_string(admin_port_) + "/metrics"});
  const size_t at = answer.output.find("\n" + name + " ");
  if (at == std::string::npos) return -1;
  return static_cast<int64_t>(std::stod(answer.output.substr(at + name.size() + 2)));
}

void QueryWorld::Publish(const std::string& topic, int32_t partition, const std::string& bytes) {
  const absl::Status taken = producer_->Produce(topic, partition, bytes, 0);
  ASSERT_TRUE(taken.ok()) << taken;
  const absl::Status flushed = producer_->Flush(std::chrono::seconds(20));
  ASSERT_TRUE(flushed.ok()) << flushed;
}

}  // namespace quantstream::query::testing
