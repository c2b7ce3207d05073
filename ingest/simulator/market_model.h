// A market out of a seed: prices walk at random, instruments trade at skewed rates. Pure: no clock;
// the caller says what time it is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ingest/simulator/message_source.h"
#include "ingest/simulator/random.h"

namespace quantstream::simulator {

struct MarketOptions {
  std::vector<std::string> instruments{};  // "BTC-USDT"; the first trades most. REQUIRES: not empty
  double trades_per_s = 200;               // of all together
  double skew = 1.0;  // instrument k trades 1/k^skew as often as the first; 0: all the same
  uint64_t seed = 1;
  int64_t start_us =
      0;  // when the market opens. Ids begin behind this number: they grow across restarts
};

class MarketModel : public MessageSource {
 public:
  // How far the market may fall behind the clock before it leaves out what it missed.
  static constexpr int64_t kBehindMaxUs = 2'000'000;

  explicit MarketModel(const MarketOptions& options);

  const std::vector<VenueSymbol>& symbols() const override { return symbols_; }
  const std::vector<std::string>& streams() const override { return streams_; }
  bool TakeDue(int64_t now_us, VenueMessage* message) override;
  bool can_wait() const override { return false; }
  bool finished() const override { return false; }

  void SetRate(double trades_per_s) { mean_wait_us_ = 1e6 / trades_per_s; }
  // The market's time that was left out because the caller came too late.
  int64_t left_out_us() const { return left_out_us_; }

 private:
  struct Book {
    int64_t ticks = 0;   // price = ticks x 10^-price_places
    int64_t anchor = 0;  // the price stays between a half and twice this
    int64_t lot = 0;     // typical quantity in 10^-quantity_places
    uint64_t next_id = 0;
  };

  void AddInstrument(const std::string& name, uint64_t first_id);
  uint32_t PickInstrument();
  VenueTrade MakeTrade(uint32_t symbol);

  Random random_;
  std::vector<VenueSymbol> symbols_;
  std::vector<std::string> streams_;
  std::vector<Book> books_;
  std::vector<double> cumulative_weight_;
  double mean_wait_us_;
  double next_us_;  // when the next trade happens
  int64_t left_out_us_ = 0;
};

}  // namespace quantstream::simulator
