// QuantStream from C++: the last 100 candles, then live ones, through restarts of either side.
//
//   client ADDRESS[,ADDRESS...] INSTRUMENT[,...] INTERVAL[,...] SECONDS [--state FILE]
//
// Prints one line of JSON for each state of a candle that it receives, and what else happens on
// stderr. With --state it goes on where it was stopped or killed: no candle is missing.
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "google/protobuf/struct.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "quantstream/v1/market_data.grpc.pb.h"

namespace {

namespace api = quantstream::v1;
using google::protobuf::util::TimeUtil;
using Clock = std::chrono::system_clock;
using std::chrono::milliseconds;

std::vector<std::string> List(const std::string& argument) {
  std::vector<std::string> items;
  std::istringstream stream(argument);
  for (std::string item; std::getline(stream, item, ',');) items.push_back(item);
  return items;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void Show(const api::Candle& candle, const std::string& source) {
  google::protobuf::Struct line;
  auto& fields = *line.mutable_fields();
  fields["source"].set_string_value(source);
  fields["instrument"].set_string_value(candle.instrument());
  fields["interval"].set_string_value(TimeUtil::ToString(candle.interval()));
  fields["open_time"].set_string_value(TimeUtil::ToString(candle.open_time()));
  // Decimals are strings, so that no digit is lost; so is what may pass 2^53.
  fields["open"].set_string_value(candle.open());
  fields["high"].set_string_value(candle.high());
  fields["low"].set_string_value(candle.low());
  fields["close"].set_string_value(candle.close());
  fields["volume"].set_string_value(candle.volume());
  fields["vwap"].set_string_value(candle.vwap());
  fields["trade_count"].set_string_value(std::to_string(candle.trade_count()));
  fields["state"].set_string_value(api::CandleState_Name(candle.state()));
  fields["version"].set_string_value(std::to_string(candle.version()));
  std::string json;
  (void)google::protobuf::util::MessageToJsonString(line, &json);
  std::cout << json << std::endl;
}

// What an error's google.rpc.RetryInfo asks for, or 0.
milliseconds AskedToWait(const grpc::Status& error) {
  google::rpc::Status status;
  status.ParseFromString(error.error_details());
  for (const google::protobuf::Any& detail : status.details()) {
    google::rpc::RetryInfo info;
    if (!detail.UnpackTo(&info)) continue;
    return milliseconds(TimeUtil::DurationToMilliseconds(info.retry_delay()));
  }
  return milliseconds(0);
}

class Client {
 public:
  Client(const std::string& addresses, const std::string& instruments,
         const std::string& intervals, double seconds, std::string state_file)
      : addresses_(List(addresses)),
        instruments_(List(instruments)),
        intervals_(List(intervals)),
        end_(Clock::now() + milliseconds(std::llround(seconds * 1000))),
        state_file_(std::move(state_file)),
        token_(state_file_.empty() ? "" : ReadFile(state_file_)),
        history_done_(!token_.empty()) {}  // who resumes needs none

  // Until the seconds are over: 0; or until an error that another attempt would not help: 1.
  int Run() {
    int failures = 0;
    for (size_t attempt = 0; Clock::now() < end_; ++attempt) {
      const std::string before = token_;
      milliseconds wait(0);
      const grpc::Status status = Attempt(addresses_[attempt % addresses_.size()], &wait);
      if (!status.ok()) {
        if (Clock::now() >= end_) return 0;
        failures = token_ == before ? failures + 1 : 0;
        if (!Recover(status, failures, &wait)) return 1;
      }
      std::cerr << "reconnects in " << wait.count() << " ms" << std::endl;
      std::this_thread::sleep_until(std::min(end_, Clock::now() + wait));
    }
    return 0;
  }

 private:
  // Call it when the candles before this token are printed: they will not come again.
  void MoveTo(const std::string& token) {
    token_ = token;
    if (state_file_.empty()) return;
    std::ofstream(state_file_ + ".new") << token;
    // A crash leaves the old one or the new one.
    std::filesystem::rename(state_file_ + ".new", state_file_);
  }

  // All pages of the last 100 closed candles.
  grpc::Status ShowHistory(api::MarketData::Stub& stub, const std::string& instrument,
                           const std::string& interval) {
    api::GetCandlesRequest request;
    request.set_instrument(instrument);
    request.set_interval(interval);
    request.set_last(100);
    request.set_page_size(40);
    do {
      grpc::ClientContext context;
      context.set_deadline(Clock::now() + std::chrono::seconds(30));
      api::GetCandlesResponse page;
      const grpc::Status status = stub.GetCandles(&context, request, &page);
      if (!status.ok()) return status;
      for (const api::Candle& candle : page.candles()) Show(candle, "history");
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return grpc::Status::OK;
  }

  // Prints candles until the server asks us to go elsewhere, and how long to wait first.
  grpc::Status Follow(api::MarketData::Stub& stub, milliseconds* wait) {
    api::StreamCandlesRequest request;
    request.mutable_instruments()->Add(instruments_.begin(), instruments_.end());
    request.mutable_intervals()->Add(intervals_.begin(), intervals_.end());
    request.set_last(100);
    request.set_resume_token(token_);
    grpc::ClientContext context;
    context.set_deadline(end_);
    const auto stream = stub.StreamCandles(&context, request);
    api::StreamCandlesResponse event;
    while (stream->Read(&event)) {
      for (const api::Candle& candle : event.candles().candles()) Show(candle, "stream");
      if (event.has_snapshot_end()) std::cerr << "snapshot_end" << std::endl;
      if (event.has_discontinuity()) std::cerr << "discontinuity" << std::endl;
      if (event.has_draining()) {
        std::cerr << "draining" << std::endl;
        *wait = milliseconds(
            TimeUtil::DurationToMilliseconds(event.draining().reconnect_after()));
        context.TryCancel();
        stream->Finish();
        return grpc::Status::OK;
      }
      if (!event.resume_token().empty()) MoveTo(event.resume_token());
    }
    return stream->Finish();
  }

  // Asks one replica until it fails or sends us away.
  grpc::Status Attempt(const std::string& address, milliseconds* wait) {
    grpc::ChannelArguments arguments;
    // A server that vanished without a word is noticed within 25 s.
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
    const auto stub = api::MarketData::NewStub(
        grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
    for (const std::string& instrument : instruments_) {
      for (const std::string& interval : intervals_) {
        if (history_done_) break;
        const grpc::Status status = ShowHistory(*stub, instrument, interval);
        if (!status.ok()) return status;
      }
    }
    history_done_ = true;
    return Follow(*stub, wait);
  }

  // Sets how long to wait before the next attempt; false where another one would not help.
  bool Recover(const grpc::Status& error, int failures, milliseconds* wait) {
    std::cerr << error.error_code() << " " << error.error_message() << std::endl;
    if (error.error_code() == grpc::StatusCode::UNAVAILABLE) {
      // Full jitter: a thousand clients that lost one server do not come back at once.
      const double bound_ms = std::min(10'000.0, 100 * std::pow(2, failures));
      *wait = AskedToWait(error) +
              milliseconds(std::llround(std::uniform_real_distribution(0.0, bound_ms)(random_)));
      return true;
    }
    if (error.error_code() == grpc::StatusCode::OUT_OF_RANGE && !token_.empty()) {
      MoveTo("");  // away for longer than tokens hold: begin again with the last 100
      return true;
    }
    return false;
  }

  const std::vector<std::string> addresses_;
  const std::vector<std::string> instruments_;
  const std::vector<std::string> intervals_;
  const Clock::time_point end_;
  const std::string state_file_;  // empty: none
  std::string token_;             // the newest resume token: where the stream stands
  bool history_done_;
  std::mt19937 random_{std::random_device{}()};
};

}  // namespace

int main(int count, char** arguments) {
  const bool has_state = count == 7 && std::string(arguments[5]) == "--state";
  if (count != 5 && !has_state) {
    std::cerr << "usage: client ADDRESSES INSTRUMENTS INTERVALS SECONDS [--state FILE]\n";
    return 2;
  }
  return Client(arguments[1], arguments[2], arguments[3], std::stod(arguments[4]),
                has_state ? arguments[6] : "")
      .Run();
}
