// Prints all closed candles of one instrument and interval as GetCandles gives them, for the tests:
//   open time in s,open,high,low,close,volume,trade_count,state
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <iostream>
#include <string>

#include "quantstream/v1/market_data.grpc.pb.h"

namespace v1 = quantstream::v1;

int main(int count, char** arguments) {
  if (count != 4) {
    std::cerr << "usage: e2e_candles ADDRESS INSTRUMENT INTERVAL" << std::endl;
    return 2;
  }
  const auto stub = v1::MarketData::NewStub(
      grpc::CreateChannel(arguments[1], grpc::InsecureChannelCredentials()));
  v1::GetCandlesRequest request;
  request.set_instrument(arguments[2]);
  request.set_interval(arguments[3]);
  request.set_page_size(1000);
  do {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    v1::GetCandlesResponse response;
    const grpc::Status status = stub->GetCandles(&context, request, &response);
    if (!status.ok()) {
      std::cerr << status.error_code() << ": " << status.error_message() << std::endl;
      return 1;
    }
    for (const v1::Candle& candle : response.candles()) {
      std::cout << candle.open_time().seconds() << ',' << candle.open() << ',' << candle.high()
                << ',' << candle.low() << ',' << candle.close() << ',' << candle.volume() << ','
                << candle.trade_count() << ',' << v1::CandleState_Name(candle.state()) << '\n';
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return 0;
}
