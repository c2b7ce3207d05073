// quantstream-latest: prints the newest candles as a small table, read through gRPC. Exit code 0
// when a FINAL candle could be read, 3 when there is none yet, 4 when the service does not answer.
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "quantstream/v1/market_data.grpc.pb.h"

namespace {

namespace v1 = quantstream::v1;

constexpr int kNoCandleYet = 3;
constexpr int kUnreachable = 4;
constexpr int kInstrumentsMax = 8;

class Client {
 public:
  explicit Client(const std::string& address)
      : stub_(v1::MarketData::NewStub(
            grpc::CreateChannel(address, grpc::InsecureChannelCredentials()))) {}

  grpc::Status Instruments(std::vector<std::string>* names) {
    v1::ListInstrumentsRequest request;
    request.set_page_size(kInstrumentsMax);
    v1::ListInstrumentsResponse response;
    const auto status = Call(&v1::MarketData::Stub::ListInstruments, request, &response);
    for (const auto& instrument : response.instruments()) names->push_back(instrument.name());
    return status;
  }

  grpc::Status LastFinal(const std::string& instrument, const std::string& interval,
                         std::vector<v1::Candle>* candles) {
    v1::GetCandlesRequest request;
    request.set_instrument(instrument);
    request.set_interval(interval);
    request.set_last(1);
    v1::GetCandlesResponse response;
    const auto status = Call(&v1::MarketData::Stub::GetCandles, request, &response);
    candles->insert(candles->end(), response.candles().begin(), response.candles().end());
    return status;
  }

  grpc::Status Latest(const std::vector<std::string>& instruments, const std::string& interval,
                      std::vector<v1::Candle>* candles) {
    v1::GetLatestRequest request;
    for (const auto& instrument : instruments) request.add_instruments(instrument);
    request.add_intervals(interval);
    v1::GetLatestResponse response;
    const auto status = Call(&v1::MarketData::Stub::GetLatest, request, &response);
    candles->insert(candles->end(), response.candles().begin(), response.candles().end());
    return status;
  }

 private:
  template <typename Request, typename Response>
  grpc::Status Call(grpc::Status (v1::MarketData::Stub::*method)(grpc::ClientContext*,
                                                                 const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
    return (stub_.get()->*method)(&context, request, response);
  }

  std::unique_ptr<v1::MarketData::Stub> stub_;
};

std::string TimeText(int64_t seconds) {
  const std::time_t time = seconds;
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &utc);
  return text;
}

// CANDLE_STATE_FINAL is shown as FINAL.
std::string StateText(v1::CandleState state) {
  const std::string name = v1::CandleState_Name(state);
  return name.substr(name.rfind('_') + 1);
}

void Print(const std::vector<v1::Candle>& candles) {
  std::printf("%-22s %5s  %-19s  %-8s %14s %14s %14s %14s %16s %7s\n", "INSTRUMENT", "LEN",
              "OPEN TIME (UTC)", "STATE", "OPEN", "HIGH", "LOW", "CLOSE", "VOLUME", "TRADES");
  for (const auto& candle : candles) {
    std::printf("%-22s %4llds  %-19s  %-8s %14s %14s %14s %14s %16s %7llu\n",
                candle.instrument().c_str(), static_cast<long long>(candle.interval().seconds()),
                TimeText(candle.open_time().seconds()).c_str(), StateText(candle.state()).c_str(),
                candle.open().c_str(), candle.high().c_str(), candle.low().c_str(),
                candle.close().c_str(), candle.volume().c_str(),
                static_cast<unsigned long long>(candle.trade_count()));
  }
}

int Fail(const grpc::Status& status) {
  std::cerr << "quantstream-latest: " << status.error_message() << std::endl;
  return kUnreachable;
}

int Run(const std::string& address) {
  Client client(address);
  std::vector<std::string> instruments;
  if (const auto status = client.Instruments(&instruments); !status.ok()) return Fail(status);
  std::vector<v1::Candle> candles;
  for (const auto& instrument : instruments) {
    const auto status = client.LastFinal(instrument, "1s", &candles);
    if (!status.ok()) return Fail(status);
  }
  if (candles.empty()) return kNoCandleYet;
  if (const auto status = client.Latest(instruments, "1m", &candles); !status.ok()) {
    return Fail(status);
  }
  Print(candles);
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  constexpr const char* kUsage = "usage: quantstream-latest ADDRESS    for example 127.0.0.1:50051";
  const std::string argument = count == 2 ? arguments[1] : "";
  if (argument == "--help") {
    std::cout << kUsage << std::endl;
    return 0;
  }
  if (argument == "--version") {
    std::cout << "quantstream-latest " << QUANTSTREAM_VERSION << std::endl;
    return 0;
  }
  if (argument.empty() || argument.starts_with("-")) {
    std::cerr << kUsage << std::endl;
    return 2;
  }
  return Run(argument);
}
