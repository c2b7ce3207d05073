// Many clients of the query service in one process, each a thread with a connection of its own that
// goes on at the next replica with its token. For tests, which command it by lines on stdin:
//
//   stream|subscribe NAME THINK_MS REQUEST   a client; its first request as JSON
//   status      a line for each: NAME newest-close-time-s resumes skips disconnects errors
//   fast        nobody thinks any more
//   dump        a line for each client, "NAME ID ID ..."; then all closed candles, "ID|columns"
//
// Each answer, and each of the two, ends with an empty line. An error, and what must not be, is
// told on stderr at once.
#include <google/protobuf/util/json_util.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "quantstream/v1/market_data.grpc.pb.h"
#include "tests/e2e/client_record.h"

namespace quantstream::e2e {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr milliseconds kConnectMax{500};
// Many: a slow client keeps up nevertheless, now and then behind by more than its queue.
constexpr int kCandlesBetweenThoughts = 1'000;
// What a client that does not read has taken nevertheless is small.
constexpr int kReadAheadBytes = 16 << 10;

// Ends the pauses of all slow clients. Thread-safe.
class Pauses {
 public:
  void Pause(milliseconds time) {
    std::unique_lock lock(mutex_);
    over_.wait_for(lock, time, [this] { return fast_; });
  }
  void End() {
    std::lock_guard lock(mutex_);
    fast_ = true;
    over_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable over_;
  bool fast_ = false;
};

struct World {
  std::vector<std::string> addresses;
  Texts texts;
  Pauses pauses;
};

const v1::StreamCandlesResponse& EventOf(const v1::StreamCandlesResponse& response) {
  return response;
}

const v1::StreamCandlesResponse& EventOf(const v1::SubscribeResponse& response) {
  return response.event();
}

std::string BadStatus(const v1::StreamCandlesResponse&) {
  return "";
}

std::string BadStatus(const v1::SubscribeResponse& response) {
  for (const auto& status : response.statuses()) {
    if (status.code() != 0) return status.ShortDebugString();
  }
  return "";
}

// The ErrorInfo of an error; an empty one where it has none.
google::rpc::ErrorInfo InfoOf(const grpc::Status& error) {
  google::rpc::Status status;
  status.ParseFromString(error.error_details());
  google::rpc::ErrorInfo info;
  for (const auto& detail : status.details()) {
    if (detail.UnpackTo(&info)) return info;
  }
  return {};
}

class Client {
 public:
  Client(World* world, std::string name, size_t number, milliseconds think)
      : record(std::move(name), &world->texts), world_(world), number_(number), think_(think) {}
  virtual ~Client() = default;

  void Run() {
    for (size_t attempt = number_;; ++attempt) {
      const auto channel = ChannelTo(world_->addresses[attempt % world_->addresses.size()]);
      if (!channel->WaitForConnected(system_clock::now() + kConnectMax)) continue;
      const auto stub = v1::MarketData::NewStub(channel);
      if (token_.empty()) Forget();
      grpc::Status status = FetchSkipped(*stub);
      if (status.ok()) status = Follow(*stub);
      Judge(status);
    }
  }

  Record record;

 protected:
  // One stream, until it ends.
  virtual grpc::Status Follow(v1::MarketData::Stub& stub) = 0;

  template <typename Response, typename Stream>
  grpc::Status ReadAll(v1::MarketData::Stub& stub, grpc::ClientContext* context, Stream* stream) {
    Response response;
    bool resumed = token_.empty();  // counted
    while (stream->Read(&response)) {
      if (!std::exchange(resumed, true)) ++record.resumes;
      const std::string bad = BadStatus(response);
      if (!bad.empty()) record.Error(bad);
      const v1::StreamCandlesResponse& event = EventOf(response);
      if (!Take(event)) context->TryCancel();
      if (!FetchSkipped(stub).ok()) context->TryCancel();
      Think(event.candles().candles_size());
    }
    const grpc::Status status = stream->Finish();
    return status.error_code() == grpc::StatusCode::CANCELLED ? grpc::Status::OK : status;
  }

  std::string token_;

 private:
  static std::shared_ptr<grpc::Channel> ChannelTo(const std::string& address) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kReadAheadBytes);
    return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  }

  void Forget() {
    record.Clear();
    to_fetch_.clear();
  }

  // False: to go elsewhere. Every other client reads on until the server ends the stream.
  bool Take(const v1::StreamCandlesResponse& event) {
    for (const v1::Candle& candle : event.candles().candles()) record.Streamed(candle);
    if (event.has_skipped()) {
      record.skips += static_cast<int64_t>(event.skipped().count());
      to_fetch_.insert(to_fetch_.end(), event.skipped().fetch().begin(),
                       event.skipped().fetch().end());
    }
    if (!event.resume_token().empty()) token_ = event.resume_token();
    return !event.has_draining() || number_ % 2 == 0;
  }

  // What is skipped was closed: the store has it.
  grpc::Status FetchSkipped(v1::MarketData::Stub& stub) {
    for (; !to_fetch_.empty(); to_fetch_.pop_front()) {
      v1::GetCandlesRequest request = to_fetch_.front();
      do {
        grpc::ClientContext context;
        v1::GetCandlesResponse page;
        const grpc::Status status = stub.GetCandles(&context, request, &page);
        if (!status.ok()) return status;
        for (const v1::Candle& candle : page.candles()) record.Fetched(candle);
        request.set_page_token(page.next_page_token());
      } while (!request.page_token().empty());
    }
    return grpc::Status::OK;
  }

  void Think(int candles) {
    if (think_.count() == 0 || token_.empty()) return;
    candles_ += candles;
    if (candles_ < kCandlesBetweenThoughts) return;
    candles_ = 0;
    world_->pauses.Pause(think_);
  }

  void Judge(const grpc::Status& status) {
    const google::rpc::ErrorInfo info = InfoOf(status);
    if (info.reason() == "SLOW_CLIENT") {
      ++record.disconnects;
      const auto token = info.metadata().find("resume_token");
      // None while history is on its way: the one before holds.
      if (token != info.metadata().end() && !token->second.empty()) token_ = token->second;
    } else if (!status.ok() && status.error_code() != grpc::StatusCode::UNAVAILABLE) {
      record.Error(std::to_string(status.error_code()) + " " + status.error_message());
    }
  }

  World* const world_;
  const size_t number_;
  const milliseconds think_;
  std::deque<v1::GetCandlesRequest> to_fetch_;
  int candles_ = 0;  // since it thought
};

class StreamClient : public Client {
 public:
  using Client::Client;
  v1::StreamCandlesRequest request;

 private:
  grpc::Status Follow(v1::MarketData::Stub& stub) override {
    grpc::ClientContext context;
    request.set_resume_token(token_);
    const auto stream = stub.StreamCandles(&context, request);
    return ReadAll<v1::StreamCandlesResponse>(stub, &context, stream.get());
  }
};

class SubscribeClient : public Client {
 public:
  using Client::Client;
  v1::SubscribeRequest request;

 private:
  grpc::Status Follow(v1::MarketData::Stub& stub) override {
    grpc::ClientContext context;
    request.set_resume_token(token_);
    const auto stream = stub.Subscribe(&context);
    stream->Write(request);
    return ReadAll<v1::SubscribeResponse>(stub, &context, stream.get());
  }
};

template <typename Kind>
std::unique_ptr<Client> Make(World* world, size_t number, std::istream& line) {
  std::string name;
  int64_t think_ms = 0;
  std::string json;
  line >> name >> think_ms;
  std::getline(line, json);
  auto client = std::make_unique<Kind>(world, name, number, milliseconds(think_ms));
  const auto read = google::protobuf::util::JsonStringToMessage(json, &client->request);
  if (!read.ok()) client->record.Error(std::string(read.message()));
  return client;
}

void Obey(const std::string& text, World* world, std::vector<std::unique_ptr<Client>>* clients) {
  std::istringstream line(text);
  std::string command;
  line >> command;
  if (command == "stream" || command == "subscribe") {
    clients->push_back(command == "stream"
                           ? Make<StreamClient>(world, clients->size(), line)
                           : Make<SubscribeClient>(world, clients->size(), line));
    std::thread([client = clients->back().get()] { client->Run(); }).detach();
  } else if (command == "status") {
    for (const auto& client : *clients) client->record.PrintStatus();
  } else if (command == "fast") {
    world->pauses.End();
  } else if (command == "dump") {
    for (const auto& client : *clients) client->record.PrintCandles();
    std::cout << '\n';
    world->texts.Print();
  }
  std::cout << std::endl;
}

}  // namespace
}  // namespace quantstream::e2e

int main(int count, char** arguments) {
  using namespace quantstream::e2e;
  World world;
  for (int i = 1; i < count; ++i) world.addresses.emplace_back(arguments[i]);
  if (world.addresses.empty()) {
    std::cerr << "usage: e2e_streaming_clients ADDRESS...\n";
    return 2;
  }
  std::vector<std::unique_ptr<Client>> clients;
  for (std::string line; std::getline(std::cin, line);) Obey(line, &world, &clients);
  std::_Exit(0);  // their threads run until then
}
