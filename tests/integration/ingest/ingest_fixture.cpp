#include "tests/integration/ingest/ingest_fixture.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/strings/ascii.h"
#include "market/trade_codec.h"

namespace quantstream::ingest {
namespace {

std::string Yaml(const Settings& settings) {
  std::string text;
  for (const auto& [name, value] : settings) text += name + ": " + value + "\n";
  return text;
}

// `btcusdt@trade` -> `BTCUSDT`.
std::string SymbolOfStream(const std::string& stream) {
  return absl::AsciiStrToUpper(stream.substr(0, stream.find('@')));
}

}  // namespace

std::string Http(int port, const std::string& method, const std::string& target,
                 const std::string& body) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  std::string answer;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    const std::string request = method + " " + target +
                                " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                                "Content-Length: " +
                                std::to_string(body.size()) + "\r\n\r\n" + body;
    send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    char piece[4096];
    ssize_t got = 0;
    while ((got = recv(fd, piece, sizeof piece, 0)) > 0) {
      answer.append(piece, static_cast<size_t>(got));
    }
  }
  close(fd);
  return answer;
}

TopicTail::TopicTail(const std::string& bootstrap, const std::string& topic)
    : trades_(topic.ends_with(".trades")) {
  kafka::ConsumerOptions options;
  options.client = {{"bootstrap.servers", bootstrap}};
  options.topic = topic;
  reader_ = *kafka::Consumer::MakeReader(options);
  const bool there = test_support::WaitFor([&] {
    const auto count = reader_->QueryPartitionCount(std::chrono::seconds(5));
    partitions_ = count.value_or(0);
    return count.ok();
  });
  EXPECT_TRUE(there) << "no topic " << topic;
  for (int32_t partition = 0; partition < partitions_; ++partition) {
    EXPECT_TRUE(reader_->Start(partition, {0, -1}).ok());
  }
}

void TopicTail::Take(std::chrono::milliseconds wait) {
  while (true) {
    const auto result = reader_->Poll(wait);
    if (result.records.empty()) return;
    for (const auto& record : result.records) {
      if (!trades_) {
        raw.emplace_back(record.payload, kafka::HeadersOf(record));
        continue;
      }
      StoredBatch stored;
      stored.partition = record.partition;
      stored.bytes = std::make_shared<std::string>(record.payload);
      EXPECT_TRUE(DecodeTradeBatch(*stored.bytes, stored.batch).ok());
      batches.push_back(std::move(stored));
    }
  }
}

std::map<std::string, std::map<uint64_t, Trade>> TopicTail::TradesBySymbol() const {
  std::map<std::string, std::map<uint64_t, Trade>> trades;
  std::map<std::pair<int32_t, uint64_t>, std::string> seen;
  for (const auto& stored : batches) {
    const auto [first, fresh] =
        seen.emplace(std::pair(stored.partition, stored.batch.sequence), *stored.bytes);
    if (!fresh) {
      EXPECT_EQ(first->second, *stored.bytes) << "a record that is sent again is unchanged";
      continue;
    }
    for (const Trade& trade : stored.batch.trades) {
      trades[std::string(trade.symbol)].emplace(trade.id, trade);
    }
  }
  return trades;
}

size_t TopicTail::DistinctTrades() const {
  size_t count = 0;
  for (const auto& [symbol, trades] : TradesBySymbol()) count += trades.size();
  return count;
}

bool TopicTail::Finished() const {
  std::set<int32_t> finished;
  for (const auto& stored : batches) {
    for (const auto& beat : stored.batch.heartbeats) {
      if (beat.finished) finished.insert(stored.partition);
    }
  }
  return static_cast<int32_t>(finished.size()) == partitions_;
}

IngestProcess::IngestProcess(const std::string& bootstrap, const std::string& topic_prefix,
                             Settings settings)
    : admin_port_(test_support::FreePort()) {
  settings["kafka"] = "{bootstrap.servers: '" + bootstrap + "'}";
  settings["topic_prefix"] = topic_prefix;
  settings["admin_port"] = std::to_string(admin_port_);
  settings.emplace("partitions", "3");
  settings.emplace("replication_factor", "1");
  const std::string file = dir_.Write("ingest.yaml", Yaml(settings));
  process_ = std::make_unique<test_support::Process>(
      std::vector<std::string>{test_support::Binary("quantstream-ingest"), "--config", file});
}

double IngestProcess::Metric(const std::string& name) const {
  std::istringstream lines(Http(admin_port_, "GET", "/metrics"));
  std::string line;
  while (std::getline(lines, line)) {
    if (line.starts_with(name + " ")) return std::strtod(line.c_str() + name.size(), nullptr);
  }
  return 0;
}

double IngestProcess::MetricSum(const std::string& name) const {
  std::istringstream lines(Http(admin_port_, "GET", "/metrics"));
  std::string line;
  double sum = 0;
  while (std::getline(lines, line)) {
    if (!line.starts_with(name + "{")) continue;
    sum += std::strtod(line.c_str() + line.rfind(' '), nullptr);
  }
  return sum;
}

SimulatedVenue::SimulatedVenue(Settings settings)
    : ws_port_(test_support::FreePort()), wss_port_(test_support::FreePort()) {
  settings["ws_port"] = std::to_string(ws_port_);
  settings["wss_port"] = std::to_string(wss_port_);
  settings["admin_port"] = "0";
  settings["tls_dir"] = dir_.path() + "/tls";
  settings["ledger_file"] = dir_.path() + "/sent.csv";
  const std::string file = dir_.Write("simulator.yaml", Yaml(settings));
  process_ = std::make_unique<test_support::Process>(
      std::vector<std::string>{test_support::Binary("quantstream-simulator"), "--config", file});
  EXPECT_TRUE(test_support::WaitFor([&] {
    return !Http(ws_port_, "GET", "/control/status").empty();
  })) << process_->Output();
}

void SimulatedVenue::Control(const std::string& what, const std::string& body) const {
  const std::string answer = Http(ws_port_, "POST", "/control/" + what, body);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << what << ": " << answer;
}

std::map<std::string, std::set<uint64_t>> SimulatedVenue::SentIds() const {
  std::map<std::string, std::set<uint64_t>> ids;
  std::ifstream in(dir_.path() + "/sent.csv");
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    const size_t comma = line.find(',');
    if (comma == std::string::npos) continue;
    ids[SymbolOfStream(line.substr(0, comma))].insert(
        std::strtoull(line.c_str() + comma + 1, nullptr, 10));
  }
  return ids;
}

size_t SimulatedVenue::SentTrades() const {
  size_t count = 0;
  for (const auto& [symbol, ids] : SentIds()) count += ids.size();
  return count;
}

}  // namespace quantstream::ingest
