#include "tests/unit/query/hostile_fixture.h"

#include <grpcpp/generic/generic_stub.h>
#include <prometheus/registry.h>
#include <unistd.h>

#include <filesystem>
#include <future>

#include "tests/support/wait.h"

namespace quantstream::query::testing {
namespace {

constexpr const char* kGauges[] = {
    "quantstream_query_streams", "quantstream_query_trade_streams", "quantstream_query_queue_bytes",
    "quantstream_query_snapshot_bytes", "quantstream_query_trade_queue_bytes",
    "quantstream_query_answer_bytes"};

}  // namespace

void HostileTest::SetUp() {
  ServiceTest::SetUp();
  descriptors_ = Descriptors(getpid());
}

void HostileTest::TearDown() {
  EXPECT_TRUE(WaitForSubscribers(0));
  EXPECT_TRUE(test_support::WaitFor([&] { return trades_.listeners() == 0; }));
  for (const char* gauge : kGauges) {
    EXPECT_TRUE(test_support::WaitFor([&] { return Metric(gauge) == 0; })) << gauge;
  }
  EXPECT_TRUE(test_support::WaitFor([&] { return Metric("quantstream_query_connections") <= 1; }))
      << "stub_ has one";
  constexpr int kOfGrpc = 16;  // those that it makes when it first needs them, and keeps
  const auto few = [&] { return Descriptors(getpid()) <= descriptors_ + kOfGrpc; };
  EXPECT_TRUE(test_support::WaitFor(few)) << Descriptors(getpid()) << " of " << descriptors_;
  ExpectItAnswers();
}

void HostileTest::ExpectItAnswers() {
  const auto stub = Connect();
  CloseNext();
  v1::GetCandlesRequest request;
  request.set_instrument(kA);
  request.set_interval("1s");
  request.set_last(1);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  v1::GetCandlesResponse response;
  const grpc::Status status = stub->GetCandles(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.candles_size(), 1);
  EXPECT_EQ(response.candles(0).open_time().seconds(), closed_);
  StreamClient client(stub.get(), StreamOf(kA, 1));
  EXPECT_EQ(client.Next(2).size(), 2u);  // a candle, and the end of history
}

grpc::Status HostileTest::CallRaw(const std::string& method, const std::string& request) const {
  grpc::GenericStub stub(grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->port()),
                                             grpc::InsecureChannelCredentials()));
  const grpc::Slice slice(request);
  grpc::ByteBuffer out(&slice, 1), in;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  std::promise<grpc::Status> ended;
  stub.UnaryCall(&context, "/quantstream.v1.MarketData/" + method, grpc::StubOptions(), &out, &in,
                 [&](grpc::Status status) { ended.set_value(std::move(status)); });
  return ended.get_future().get();
}

double HostileTest::Metric(const std::string& name) const {
  double sum = 0;
  for (const auto& family : metrics_.registry()->Collect()) {
    if (family.name != name) continue;
    for (const auto& metric : family.metric) sum += metric.gauge.value + metric.counter.value;
  }
  return sum;
}

int64_t HostileTest::WaitingBytes() const {
  return static_cast<int64_t>(Metric("quantstream_query_queue_bytes"));
}

void HostileTest::CloseNext() {
  ++closed_;
  const Update update = Part(kA, 1, closed_, CandleState::kFinal, closed_);
  history_.Commit({update}, closed_ + 1);
  fanout_.OnEvent(ClosedOf({update}));
}

EventReader::EventReader(v1::MarketData::Stub* stub, const v1::StreamCandlesRequest& request) {
  context_.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(2));
  reader_ = stub->StreamCandles(&context_, request);
}

EventReader::~EventReader() {
  if (finished_) return;
  context_.TryCancel();
  Finish();
}

bool EventReader::ReadOne() {
  v1::StreamCandlesResponse event;
  if (!reader_->Read(&event)) return false;
  for (const v1::Candle& candle : event.candles().candles()) {
    const int64_t open_s = candle.open_time().seconds();
    if (candle.state() != v1::CANDLE_STATE_PARTIAL) finals_.insert(open_s);
    int64_t& version = versions_[open_s];
    went_back_ |= candle.version() < version;
    version = candle.version();
    newest_ = std::max(newest_, open_s);
  }
  if (event.has_skipped()) {
    skipped_.push_back(event.skipped());
    newest_ = std::max<int64_t>(newest_, event.skipped().last_open_time().seconds());
  }
  snapshot_end_ |= event.has_snapshot_end();
  if (!event.resume_token().empty()) token_ = event.resume_token();
  return true;
}

bool EventReader::ReadUntil(int64_t open_s) {
  while (newest_ < open_s && ReadOne()) {
  }
  return newest_ >= open_s;
}

bool EventReader::ReadUntilSnapshotEnd() {
  while (!snapshot_end_ && ReadOne()) {
  }
  return snapshot_end_;
}

grpc::Status EventReader::Finish() {
  while (ReadOne()) {
  }
  finished_ = true;
  return reader_->Finish();
}

int64_t Descriptors(int pid) {
  const std::filesystem::path folder = "/proc/" + std::to_string(pid) + "/fd";
  return std::distance(std::filesystem::directory_iterator(folder), {});
}

}  // namespace quantstream::query::testing
