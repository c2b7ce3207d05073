#include "tests/unit/query/service_fixture.h"

#include "tests/support/wait.h"

namespace quantstream::query::testing {

StreamClient::StreamClient(v1::MarketData::Stub* stub, const v1::StreamCandlesRequest& request,
                           std::chrono::seconds deadline) {
  context_.set_deadline(std::chrono::system_clock::now() + deadline);
  reader_ = stub->StreamCandles(&context_, request);
}

StreamClient::~StreamClient() {
  if (finished_) return;
  context_.TryCancel();
  Finish();
}

bool StreamClient::ReadOne() {
  v1::StreamCandlesResponse response;
  if (!reader_->Read(&response)) return false;
  for (const v1::Candle& candle : response.candles().candles()) {
    const std::string& name = candle.instrument();
    words_.push_back(name.substr(name.find(':') + 1) + " " +
                     std::to_string(candle.open_time().seconds()) + " v" +
                     std::to_string(candle.version()) + " " +
                     v1::CandleState_Name(candle.state()).substr(13));
  }
  if (!response.resume_token().empty()) token_ = response.resume_token();
  if (response.has_snapshot_end()) words_.push_back("end");
  if (response.has_discontinuity()) words_.push_back("discontinuity");
  if (response.has_draining()) words_.push_back("draining");
  if (response.progress().has_watermark()) watermark_s_ = response.progress().watermark().seconds();
  return true;
}

std::vector<std::string> StreamClient::Next(size_t words) {
  while (words_.size() < words && ReadOne()) {
  }
  const size_t taken = std::min(words, words_.size());
  std::vector<std::string> next(words_.begin(), words_.begin() + static_cast<ptrdiff_t>(taken));
  words_.erase(words_.begin(), words_.begin() + static_cast<ptrdiff_t>(taken));
  return next;
}

std::string StreamClient::NextToken() {
  token_.clear();
  while (token_.empty() && ReadOne()) {
  }
  return token_;
}

bool StreamClient::WaitForWatermark() {
  while (!watermark_s_ && ReadOne()) {
  }
  return watermark_s_.has_value();
}

grpc::Status StreamClient::Finish() {
  while (ReadOne()) {
  }
  finished_ = true;
  return reader_->Finish();
}

void ServiceTest::SetUp() {
  history_.AddInstrument(kA, kPartition);
  history_.AddInstrument(kB, kPartition);
  StartServer();
}

void ServiceTest::StartServer() {
  server_.reset();
  ServerOptions options;
  options.service.lag_retry = std::chrono::milliseconds(5);
  Adjust(&options);
  auto server = Server::Start(options, &history_, &fanout_, &trades_, &metrics_, &recent_);
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  server_->SetLive();
  stub_ = Connect();
}

std::unique_ptr<v1::MarketData::Stub> ServiceTest::Connect() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return v1::MarketData::NewStub(
      grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server_->port()),
                                grpc::InsecureChannelCredentials(), arguments));
}

v1::StreamCandlesRequest ServiceTest::StreamOf(const std::string& instrument, int32_t last) const {
  v1::StreamCandlesRequest request;
  request.add_instruments(instrument);
  request.add_intervals("1s");
  request.set_last(last);
  return request;
}

bool ServiceTest::WaitForSubscribers(int64_t count) {
  return test_support::WaitFor([&] { return fanout_.subscribers() == count; });
}

}  // namespace quantstream::query::testing
