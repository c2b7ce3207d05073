// How long a trade takes to a subscriber. Every trade counts: it has arrived with the first candle
// that reflects it, and was due when the flow says, however late it was sent.
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "bench/http2.h"
#include "bench/query_flow.h"
#include "bench/query_load.h"
#include "market/decimal.h"
#include "quantstream/v1/market_data.pb.h"

namespace quantstream::bench {
namespace {

std::string Text(int64_t price) {
  return Decimal{price, TradeFlow::kPriceScale}.ToString();
}

void Expect(bool holds, const char* what, const v1::Candle& candle) {
  if (!holds) Fail(std::string("a candle has a wrong ") + what + ": " + candle.ShortDebugString());
}

class Latency {
 public:
  explicit Latency(const Arguments& arguments)
      : flow_{arguments.Text("venue"), arguments.Number("instruments", 100),
              arguments.Number("rate", 5'000)},
        trades_(arguments.Number("trades", 50'000)),
        skipped_(arguments.Number("skip", 10'000)),
        reached_(static_cast<size_t>(arguments.Number("subscribers", 100)), 0),
        min_update_ms_(arguments.Number("min_update_ms", 0)),
        client_(static_cast<uint16_t>(arguments.Number("port", 0)),
                static_cast<int>(arguments.Number("connections", 100))) {}

  int Run(int64_t timeout_us) {
    for (size_t i = 0; i < reached_.size(); ++i) {
      client_.connection(i % client_.connections())
          .Call(kStreamCandles, StreamRequest(flow_.NameOf(InstrumentOf(i)), min_update_ms_),
                {[this, i](std::string_view message) { Take(i, message); },
                 [] { Fail("a stream ended"); }});
    }
    int64_t until_us = SteadyNowUs() + 30'000'000;
    while (open_ < reached_.size()) Wait(until_us, "streams are not open");
    SayReady();
    until_us = SteadyNowUs() + timeout_us;
    while (done_ < reached_.size()) Wait(until_us, "not every trade has arrived");
    Print();
    return 0;
  }

 private:
  int64_t InstrumentOf(size_t subscriber) const {
    return static_cast<int64_t>(subscriber) % flow_.instruments;
  }
  uint64_t LastIdOf(size_t subscriber) const {
    return static_cast<uint64_t>((trades_ - 1 - InstrumentOf(subscriber)) / flow_.instruments + 1);
  }

  void Wait(int64_t until_us, const char* why) {
    if (SteadyNowUs() > until_us) Fail(why);
    client_.Poll(100'000);
  }

  void Take(size_t subscriber, std::string_view message) {
    const int64_t now_us = SystemNowUs();
    if (!response_.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
      Fail("a message is malformed");
    }
    if (response_.has_snapshot_end()) ++open_;
    ++messages_;
    for (const v1::Candle& candle : response_.candles().candles()) {
      ++candles_;
      Check(subscriber, candle);
      Count(subscriber, std::stoull(candle.last_trade_id()), now_us);
    }
  }

  void Check(size_t subscriber, const v1::Candle& candle) {
    const uint64_t first = std::stoull(candle.first_trade_id());
    const uint64_t last = std::stoull(candle.last_trade_id());
    const auto& time = candle.last_trade_time();
    const int64_t time_us = time.seconds() * 1'000'000 + time.nanos() / 1'000;
    const int64_t start_us = time_us - flow_.DueOf(flow_.NumberOf(InstrumentOf(subscriber), last));
    if (!start_us_) start_us_ = start_us;
    int64_t volume = 0;
    for (uint64_t id = first; id <= last; ++id) volume += TradeFlow::QuantityOf(id);
    Expect(candle.instrument() == flow_.NameOf(InstrumentOf(subscriber)), "instrument",
           candle);
    Expect(start_us == *start_us_, "last_trade_time", candle);
    Expect(candle.trade_count() == last - first + 1, "trade_count", candle);
    Expect(candle.open() == Text(TradeFlow::PriceOf(first)), "open", candle);
    Expect(candle.close() == Text(TradeFlow::PriceOf(last)), "close", candle);
    Expect(candle.volume() == std::to_string(volume), "volume", candle);
  }

  // The trades up to `last` have arrived.
  void Count(size_t subscriber, uint64_t last, int64_t now_us) {
    uint64_t& reached = reached_[subscriber];
    while (reached < last) {
      const int64_t number = flow_.NumberOf(InstrumentOf(subscriber), ++reached);
      if (number >= skipped_) samples_us_.push_back(now_us - *start_us_ - flow_.DueOf(number));
      if (reached == LastIdOf(subscriber)) ++done_;
    }
  }

  void Print() {
    const size_t trades = samples_us_.size();
    const double p50 = PercentileMs(&samples_us_, 50), p90 = PercentileMs(&samples_us_, 90),
                 p99 = PercentileMs(&samples_us_, 99), most = PercentileMs(&samples_us_, 100);
    std::printf(
        "{\"samples\": %zu, \"messages\": %ld, \"candles\": %ld, \"p50_ms\": %.3f, "
        "\"p90_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
        trades, static_cast<long>(messages_), static_cast<long>(candles_), p50, p90, p99, most);
  }

  const TradeFlow flow_;
  const int64_t trades_;
  const int64_t skipped_;          // the first trades: everything is still being set up
  std::vector<uint64_t> reached_;  // of each subscriber, the newest trade's id
  const int64_t min_update_ms_;
  std::optional<int64_t> start_us_;  // when trade 0 was due
  std::vector<int64_t> samples_us_;
  v1::StreamCandlesResponse response_;
  size_t open_ = 0;
  size_t done_ = 0;
  int64_t messages_ = 0;
  int64_t candles_ = 0;
  Http2Client client_;
};

}  // namespace

int MeasureLatency(const Arguments& arguments) {
  return Latency(arguments).Run(arguments.Number("timeout_s", 60) * 1'000'000);
}

}  // namespace quantstream::bench
