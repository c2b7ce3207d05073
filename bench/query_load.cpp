// The load client of bench/run query.
//
//   bench-query-load latency|fanout|hold|calls|floor --port N [--option value ...]
//
// Prints "ready" when its streams are open, and one JSON object at the end. What comes is checked;
// what is wrong ends the program with a message and no figure.
#include "bench/query_load.h"

#include <functional>
#include <map>

#include "quantstream/v1/market_data.pb.h"

namespace quantstream::bench {

const char kStreamCandles[] = "/quantstream.v1.MarketData/StreamCandles";

std::string StreamRequest(const std::string& instrument, int64_t min_update_ms) {
  v1::StreamCandlesRequest request;
  request.add_instruments(instrument);
  request.add_intervals("1s");
  request.set_min_update_ms(static_cast<int32_t>(min_update_ms));
  return request.SerializeAsString();
}

}  // namespace quantstream::bench

int main(int argc, char** argv) {
  using namespace quantstream::bench;
  const std::map<std::string, std::function<int(const Arguments&)>> questions{
      {"latency", MeasureLatency}, {"fanout", MeasureFanout},      {"hold", HoldStreams},
      {"calls", MeasureCalls},     {"floor", MeasureFloorStreams},
  };
  const auto question = argc > 1 ? questions.find(argv[1]) : questions.end();
  if (question == questions.end()) Fail("usage: query-load latency|fanout|hold|calls|floor ...");
  return question->second(Arguments(argc, argv, 2));
}
