// What the server owes every client, whatever it calls: limits, health, reflection, and clear
// answers.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <grpcpp/generic/generic_stub.h>
#include <netinet/in.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <set>
#include <sstream>

#include "query/config.h"
#include "tests/support/paths.h"
#include "tests/support/wait.h"
#include "tests/unit/query/service_fixture.h"

namespace quantstream::query::testing {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<grpc::ClientContext> Context() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  return context;
}

int Dial(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

// Reads until the server closes; false when it does not within the bound.
bool ClosedWithin(int fd, int seconds) {
  const timeval bound{.tv_sec = seconds, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
  char buffer[4096];
  ssize_t got = 1;
  while (got > 0) got = recv(fd, buffer, sizeof buffer, 0);
  return got == 0 || errno == ECONNRESET;
}

class ServerTest : public ServiceTest {
 protected:
  void Adjust(ServerOptions* options) override {
    options->acceptor.connections_max = 3;
    options->handshake_timeout_ms = 200;
    options->request_bytes_max = 2000;
  }
};

// One request and one answer of a method of which only the bytes are known.
std::string CallRaw(uint16_t port, const std::string& method, const std::string& request) {
  grpc::GenericStub stub(
      grpc::CreateChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials()));
  const grpc::Slice slice(request);
  grpc::ByteBuffer out(&slice, 1), in;
  const auto context = Context();
  std::promise<grpc::Status> ended;
  stub.UnaryCall(context.get(), method, grpc::StubOptions(), &out, &in,
                 [&](grpc::Status status) { ended.set_value(std::move(status)); });
  const grpc::Status status = ended.get_future().get();
  EXPECT_TRUE(status.ok()) << method << ": " << status.error_message();
  std::vector<grpc::Slice> slices;
  std::string answer;
  if (!in.Dump(&slices).ok()) return "";
  for (const grpc::Slice& part : slices) {
    answer.append(reinterpret_cast<const char*>(part.begin()), part.size());
  }
  return answer;
}

TEST_F(ServerTest, HealthAnswersForTheService) {
  const std::string request = "\x0a\x19quantstream.v1.MarketData";
  const std::string method = "/grpc.health.v1.Health/Check";
  EXPECT_EQ(CallRaw(server_->port(), method, request), "\x08\x02");  // NOT_SERVING
  server_->SetServing(true);
  EXPECT_EQ(CallRaw(server_->port(), method, request), "\x08\x01");  // SERVING
}

TEST_F(ServerTest, ReflectionListsTheService) {
  const std::string answer =
      CallRaw(server_->port(), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
              "\x3a\x01*");  // list_services
  EXPECT_THAT(answer, HasSubstr("quantstream.v1.MarketData"));
}

TEST_F(ServerTest, ARequestThatIsTooLargeIsRefused) {
  v1::ListInstrumentsRequest request;
  request.set_filter(std::string(3000, 'x'));
  v1::ListInstrumentsResponse response;
  EXPECT_EQ(stub_->ListInstruments(Context().get(), request, &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(ServerTest, AnInstrumentThatNamesSeveralIsInvalidWithThemAll) {
  history_.AddInstrument("okx:AAA-USD", kPartition);
  v1::GetCandlesRequest request;
  request.set_instrument("aaausd");
  request.set_interval("1s");
  v1::GetCandlesResponse response;
  const grpc::Status status = stub_->GetCandles(Context().get(), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  const auto detail = DetailOf<google::rpc::BadRequest>(status);
  ASSERT_TRUE(detail);
  EXPECT_EQ(detail->field_violations(0).field(), "instrument");
  EXPECT_THAT(detail->field_violations(0).description(), HasSubstr("okx:AAA-USD, venue:AAA-USD"));
}

TEST_F(ServerTest, AnUnknownInstrumentOfAStreamIsNotFound) {
  StreamClient client(stub_.get(), StreamOf("venue:AAB-USD"));
  const grpc::Status status = client.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(DetailOf<google::rpc::ResourceInfo>(status)->description(), HasSubstr(kA));
}

TEST_F(ServerTest, ASilentClientIsCutOff) {
  const int fd = Dial(server_->port());
  EXPECT_TRUE(ClosedWithin(fd, 10));
  close(fd);
}

TEST_F(ServerTest, BeyondTheCapConnectionsAreClosedAndRoomIsFoundAgain) {
  v1::ListInstrumentsResponse response;
  ASSERT_TRUE(stub_->ListInstruments(Context().get(), {}, &response).ok());  // one
  const auto second = Connect();
  ASSERT_TRUE(second->ListInstruments(Context().get(), {}, &response).ok());
  auto third = Connect();
  ASSERT_TRUE(third->ListInstruments(Context().get(), {}, &response).ok());
  const int fd = Dial(server_->port());
  EXPECT_TRUE(ClosedWithin(fd, 10));
  close(fd);
  third.reset();
  EXPECT_TRUE(test_support::WaitFor(
      [&] { return Connect()->ListInstruments(Context().get(), {}, &response).ok(); }));
}

TEST_F(ServerTest, StreamsWaitUntilTheLiveSideHasCaughtUp) {
  auto server = Server::Start({}, &history_, &fanout_, &trades_, &metrics_);
  ASSERT_TRUE(server.ok());
  const auto stub = v1::MarketData::NewStub(grpc::CreateChannel(
      "127.0.0.1:" + std::to_string((*server)->port()), grpc::InsecureChannelCredentials()));
  {
    StreamClient early(stub.get(), StreamOf(kA));
    EXPECT_EQ(early.Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  }
  (*server)->SetLive();
  StreamClient client(stub.get(), StreamOf(kA));
  EXPECT_EQ(client.Next(1), std::vector<std::string>{"end"});
}

TEST_F(ServerTest, APortThatIsTakenIsNamed) {
  ServerOptions options;
  options.acceptor.port = server_->port();
  const auto second = Server::Start(options, &history_, &fanout_, &trades_, &metrics_);
  EXPECT_TRUE(absl::IsAlreadyExists(second.status())) << second.status();
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(std::to_string(server_->port())));
}

TEST(Metrics, NamesAndLabelsAreTheGoldenFiles) {
  const Metrics metrics;
  std::istringstream lines(prometheus::TextSerializer().Serialize(metrics.registry()->Collect()));
  std::set<std::string> names;
  std::string line;
  while (std::getline(lines, line)) {
    if (line.find("_bucket") != std::string::npos) continue;
    names.insert(line.starts_with("#") ? line : line.substr(0, line.rfind(' ')));
  }
  std::string text;
  for (const std::string& name : names) text += name + "\n";
  const std::string path = test_support::SourceDir() + "/tests/unit/query/testdata/metrics.txt";
  if (std::getenv("QUANTSTREAM_REWRITE") != nullptr) std::ofstream(path) << text;
  std::ifstream file(path);
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(text, golden.str());
}

TEST(QueryConfig, DefaultsAreTheDesignsPorts) {
  QueryConfig config;
  config::OptionSet options = QueryOptions(&config);
  EXPECT_TRUE(options.Apply(nullptr, {}).empty());
  EXPECT_EQ(config.grpc_port, 50051);
  EXPECT_EQ(config.admin_port, 9103);
  EXPECT_EQ(config.Server().service.request.intervals.size(), 7u);
  EXPECT_EQ(config.TradesTopic(), "quantstream.trades");
}

TEST_F(ServerTest, MetadataThatIsTooLargeIsRefusedAndOthersAreServed) {
  const auto context = Context();
  context->AddMetadata("large", std::string(1 << 20, 'x'));
  v1::ListInstrumentsResponse response;
  EXPECT_EQ(stub_->ListInstruments(context.get(), {}, &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  // gRPC may close the connection of such a client.
  const grpc::Status other = Connect()->ListInstruments(Context().get(), {}, &response);
  EXPECT_TRUE(other.ok()) << other.error_message();
}

TEST(QueryConfig, ABadRetentionIsAProblem) {
  QueryConfig config;
  config::OptionSet options = QueryOptions(&config);
  const auto problems =
      options.Apply(nullptr, {{"QUANTSTREAM_QUERY_RETENTION_S", "1s=60,7s=60,1m=0"}});
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_THAT(problems[0].what, HasSubstr("1m: '0' is not a number of seconds"));
  EXPECT_THAT(problems[1].what, HasSubstr("7s is not one of the intervals"));
}

TEST(QueryConfig, ABadIntervalIsAProblem) {
  QueryConfig config;
  config::OptionSet options = QueryOptions(&config);
  const auto problems = options.Apply(nullptr, {{"QUANTSTREAM_QUERY_INTERVALS", "1s,7x"}});
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].where, "QUANTSTREAM_QUERY_INTERVALS");
  EXPECT_THAT(problems[0].what, HasSubstr("intervals: 7x: "));
}

}  // namespace
}  // namespace quantstream::query::testing
