// Many streams of one instrument: all candles of a flow must come on each, in order.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "bench/http2.h"
#include "bench/query_flow.h"
#include "bench/query_load.h"
#include "market/decimal.h"
#include "quantstream/v1/market_data.pb.h"

namespace quantstream::bench {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// Calls `each(bytes)` for each field `number` of a message, and passes over the others.
template <typename Each>
void ForEach(std::string_view message, int number, Each each) {
  CodedInputStream in(reinterpret_cast<const uint8_t*>(message.data()),
                      static_cast<int>(message.size()));
  while (const uint32_t tag = in.ReadTag()) {
    uint32_t size = 0;
    if (WireFormatLite::GetTagFieldNumber(tag) != number) {
      WireFormatLite::SkipField(&in, tag);
    } else if (in.ReadVarint32(&size)) {
      each(message.substr(static_cast<size_t>(in.CurrentPosition()), size));
      in.Skip(static_cast<int>(size));
    }
  }
}

// The seconds of its open_time, which stands near the beginning: the rest is not read.
int64_t OpenTimeOf(std::string_view candle) {
  CodedInputStream in(reinterpret_cast<const uint8_t*>(candle.data()),
                      static_cast<int>(candle.size()));
  while (const uint32_t tag = in.ReadTag()) {
    uint32_t size = 0;
    uint64_t seconds = 0;
    if (WireFormatLite::GetTagFieldNumber(tag) != 3) {
      WireFormatLite::SkipField(&in, tag);
    } else if (in.ReadVarint32(&size) && in.ReadTag() != 0 && in.ReadVarint64(&seconds)) {
      return static_cast<int64_t>(seconds);
    }
  }
  return 0;
}

constexpr size_t kOpeningMax = 500;  // a server lets so many wait for its store

class Fanout {
 public:
  explicit Fanout(const Arguments& arguments)
      : expected_(arguments.Number("candles", 0)),
        received_(static_cast<size_t>(arguments.Number("streams", 1'000)), 0),
        client_(static_cast<uint16_t>(arguments.Number("port", 0)),
                static_cast<int>(arguments.Number("connections", 10))) {}

  // Instrument i of the streams is i % instruments.
  void Open(int64_t instruments) {
    const TradeFlow flow;
    const int64_t until_us = SteadyNowUs() + 120'000'000;
    for (size_t i = 0; i < received_.size(); ++i) {
      const std::string name = flow.NameOf(static_cast<int64_t>(i) % instruments);
      client_.connection(i % client_.connections())
          .Call(kStreamCandles, StreamRequest(name, 0),
                {[this, i](std::string_view message) { Take(i, message); },
                 [] { Fail("a stream ended"); }});
      while (i + 1 - open_ > kOpeningMax) Wait(until_us, "streams are not open");
    }
    while (open_ < received_.size()) Wait(until_us, "streams are not open");
    SayReady();
  }

  void Measure(int64_t timeout_us) {
    messages_ = bytes_ = 0;
    const int64_t until_us = SteadyNowUs() + timeout_us;
    while (done_ < received_.size()) Wait(until_us, "not every candle has arrived");
    const double seconds = static_cast<double>(SteadyNowUs() - first_us_) / 1e6;
    const auto candles = static_cast<double>(expected_) * static_cast<double>(received_.size());
    std::printf(
        "{\"messages\": %ld, \"candles\": %.0f, \"bytes\": %ld, \"seconds\": %.3f, "
        "\"checked\": %ld}\n",
        static_cast<long>(messages_), candles, static_cast<long>(bytes_), seconds,
        static_cast<long>(checked_));
  }

  void Hold() {
    char byte = 0;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
  }

 private:
  void Wait(int64_t until_us, const char* why) {
    if (SteadyNowUs() > until_us) Fail(why);
    client_.Poll(100'000);
  }

  void Take(size_t stream, std::string_view message) {
    constexpr int kCandles = 1, kSnapshotEnd = 2;
    ForEach(message, kSnapshotEnd, [this](std::string_view) { ++open_; });
    bool any = false;
    ForEach(message, kCandles, [&](std::string_view batch) {
      ForEach(batch, 1, [&](std::string_view candle) {
        any = true;
        TakeCandle(stream, candle);
      });
    });
    if (!any) return;
    if (first_us_ == 0) first_us_ = SteadyNowUs();
    ++messages_;
    bytes_ += static_cast<int64_t>(message.size());
  }

  // All are there, in their order: the j-th of a stream is the j-th of the flow. One stream's are
  // looked at whole.
  void TakeCandle(size_t stream, std::string_view bytes) {
    int64_t& received = received_[stream];
    if (OpenTimeOf(bytes) != CandleFlow::OpenTimeOf(received)) {
      Fail("candle " + std::to_string(received) + " of a stream is another one");
    }
    if (stream == 0) Check(bytes, received);
    if (++received == expected_) ++done_;
  }

  void Check(std::string_view bytes, int64_t number) {
    v1::Candle candle;
    const bool read = candle.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
    const std::string price =
        Decimal{CandleFlow::PriceOf(number), TradeFlow::kPriceScale}.ToString();
    if (!read || candle.close() != price || candle.state() != v1::CANDLE_STATE_FINAL) {
      Fail("a candle is wrong: " + candle.ShortDebugString());
    }
    ++checked_;
  }

  const int64_t expected_;         // on each stream
  std::vector<int64_t> received_;  // on each stream
  size_t open_ = 0;
  size_t done_ = 0;
  int64_t first_us_ = 0;
  int64_t messages_ = 0;
  int64_t bytes_ = 0;
  int64_t checked_ = 0;
  Http2Client client_;
};

}  // namespace

int MeasureFanout(const Arguments& arguments) {
  Fanout fanout(arguments);
  fanout.Open(1);
  fanout.Measure(arguments.Number("timeout_s", 60) * 1'000'000);
  return 0;
}

int HoldStreams(const Arguments& arguments) {
  Fanout fanout(arguments);
  fanout.Open(arguments.Number("instruments", 100));
  fanout.Hold();
  return 0;
}

}  // namespace quantstream::bench
