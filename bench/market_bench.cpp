// What one trade and one candle cost in market/: parsing, decoding, sums, encoding.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "market/candle_codec.h"
#include "market/trade_codec.h"
#include "quantstream/v1/trade.pb.h"

namespace {

using namespace quantstream;

constexpr int kTradesPerBatch = 100;

Trade TradeNumber(int i) {
  Trade trade;
  trade.venue = "binance";
  trade.symbol = i % 2 == 0 ? "BTC-USDT" : "ETH-USDT";
  trade.price = Decimal{6'625'001 + i, 2};
  trade.quantity = Decimal{15'000 + 7 * i, 5};
  trade.venue_time = EventTime{1'723'100'000'000'000 + i * 1'000};
  trade.receive_time = EventTime{1'723'100'000'004'000 + i * 1'000};
  trade.aggressor_side = i % 3 == 0 ? Side::kBuy : Side::kSell;
  trade.source = TradeSource::kLive;
  trade.id = 3'700'000'000 + static_cast<uint64_t>(i);
  return trade;
}

std::string BatchBytes() {
  TradeBatch batch;
  batch.node = "ingest-1";
  batch.session = 1;
  batch.sequence = 12'345;
  for (int i = 0; i < kTradesPerBatch; ++i) batch.trades.push_back(TradeNumber(i));
  batch.heartbeats.push_back(Heartbeat{"binance", EventTime{1'723'100'000'000'000}, true});
  std::string bytes;
  EncodeTradeBatch(batch, bytes);
  return bytes;
}

OrderKey KeyOf(const Trade& trade) {
  return OrderKey{trade.venue_time, trade.id};
}

// As a busy minute leaves it.
Candle BusyCandle() {
  Candle candle;
  for (int i = 0; i < 1'000; ++i) AddTrade(candle.values, TradeNumber(i), KeyOf(TradeNumber(i)));
  candle.values.first_pane_close = Decimal{6'625'030, 2};
  candle.values.returns.emplace();
  for (int i = 0; i < 60; ++i) candle.values.returns->Add((i % 7 - 3) * 41'000'000);
  candle.state = CandleState::kFinal;
  candle.version = 1'234'567;
  candle.lineage = OffsetSpan{Offset{1'234'000}, Offset{1'234'567}};
  return candle;
}

const CandleKey kKey{"binance:BTC-USDT", Interval{60}, EventTime{1'723'100'040'000'000}};

void DecimalParse(benchmark::State& state) {
  const std::vector<std::string> texts = {"66250.01000000", "0.00015000", "1234.5", "0.99990000"};
  for (auto _ : state) {
    for (const std::string& text : texts) benchmark::DoNotOptimize(Decimal::Parse(text));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(texts.size()));
}
BENCHMARK(DecimalParse);

void DecimalParseExponent(benchmark::State& state) {
  const std::string text = "9.2E-7";
  for (auto _ : state) benchmark::DoNotOptimize(Decimal::Parse(text));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(DecimalParseExponent);

void TradeDecode(benchmark::State& state) {
  const std::string bytes = BatchBytes();
  TradeBatch batch;
  for (auto _ : state) {
    if (!DecodeTradeBatch(bytes, batch).ok()) state.SkipWithError("refused");
    benchmark::DoNotOptimize(batch.trades.data());
  }
  state.SetItemsProcessed(state.iterations() * kTradesPerBatch);
}
BENCHMARK(TradeDecode);

void TradeDecodeByProtobuf(benchmark::State& state) {
  const std::string bytes = BatchBytes();
  v1::TradeBatch batch;
  for (auto _ : state) {
    if (!batch.ParseFromString(bytes)) state.SkipWithError("refused");
    benchmark::DoNotOptimize(batch.trades_size());
  }
  state.SetItemsProcessed(state.iterations() * kTradesPerBatch);
}
BENCHMARK(TradeDecodeByProtobuf);

void TradeEncode(benchmark::State& state) {
  TradeBatch batch;
  const std::string bytes = BatchBytes();
  if (!DecodeTradeBatch(bytes, batch).ok()) state.SkipWithError("refused");
  std::string out;
  for (auto _ : state) {
    out.clear();
    EncodeTradeBatch(batch, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * kTradesPerBatch);
}
BENCHMARK(TradeEncode);

void TradeCheck(benchmark::State& state) {
  const Trade trade = TradeNumber(1);
  for (auto _ : state) benchmark::DoNotOptimize(CheckTrade(trade, 3'600'000'000));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(TradeCheck);

void SumProduct(benchmark::State& state) {
  Decimal price{6'625'001, 2};
  const Decimal quantity{15'000, 5};
  ExactSum sum;
  for (auto _ : state) {
    benchmark::DoNotOptimize(price);
    sum += ExactSum::Product(price, quantity);
  }
  benchmark::DoNotOptimize(sum);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(SumProduct);

void CandleAddTrade(benchmark::State& state) {
  std::vector<Trade> trades;
  for (int i = 0; i < 256; ++i) trades.push_back(TradeNumber(i));
  CandleValues values;
  size_t next = 0;
  for (auto _ : state) {
    const Trade& trade = trades[next++ % 256];
    AddTrade(values, trade, KeyOf(trade));
  }
  benchmark::DoNotOptimize(values);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(CandleAddTrade);

void Return(benchmark::State& state) {
  Decimal from{6'625'001, 2};
  const Decimal to{6'625'130, 2};
  for (auto _ : state) {
    benchmark::DoNotOptimize(from);
    benchmark::DoNotOptimize(LogReturn(from, to));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(Return);

void CandleAppendPane(benchmark::State& state) {
  const Candle pane = BusyCandle();
  CandleValues whole = pane.values;
  for (auto _ : state) AppendPane(whole, pane.values);
  benchmark::DoNotOptimize(whole);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(CandleAppendPane);

void CandleEncode(benchmark::State& state) {
  const Candle candle = BusyCandle();
  std::string out;
  for (auto _ : state) {
    out.clear();
    EncodeCandle(kKey, candle, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["bytes"] = static_cast<double>(out.size());
}
BENCHMARK(CandleEncode);

void CandleDecode(benchmark::State& state) {
  std::string bytes;
  EncodeCandle(kKey, BusyCandle(), bytes);
  for (auto _ : state) benchmark::DoNotOptimize(DecodeCandle(bytes));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(CandleDecode);

void CandleVwap(benchmark::State& state) {
  const Candle candle = BusyCandle();
  for (auto _ : state) benchmark::DoNotOptimize(candle.values.Vwap());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(CandleVwap);

void SumToString(benchmark::State& state) {
  const Candle candle = BusyCandle();
  for (auto _ : state) benchmark::DoNotOptimize(candle.values.quote_volume.ToString());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(SumToString);

void Volatility(benchmark::State& state) {
  const Candle candle = BusyCandle();
  for (auto _ : state) benchmark::DoNotOptimize(candle.values.returns->StandardDeviation());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(Volatility);

}  // namespace

BENCHMARK_MAIN();
