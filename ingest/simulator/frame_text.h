// The venue's words: JSON texts as Binance sends them, and the WebSocket header in front of each.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ingest/simulator/venue_message.h"

namespace quantstream::simulator {

enum class TimeUnit { kMilliseconds, kMicroseconds };

// "BTCUSDT" -> "btcusdt@trade".
std::string TradeStreamName(std::string_view symbol);

// Appends the value with at least `places` decimal places, no exponent: 0.5 with 8 -> `0.50000000`.
void AppendFixed(const Decimal& value, int places, std::string* out);
void AppendInteger(int64_t value, std::string* out);

// Appends {"stream":"btcusdt@trade","data":{"e":"trade","E":...,"s":"BTCUSDT","t":..,
//          "p":"..","q":"..","T":..,"m":..,"M":true}}
void AppendTradeText(std::string_view stream, std::string_view symbol, const VenueTrade& trade,
                     TimeUnit unit, std::string* out);

// Appends {"id":28457,"price":"4.00000100","qty":"12.00000000","quoteQty":"48.000012","time":..,
//          "isBuyerMaker":..,"isBestMatch":true}
void AppendRestTrade(const VenueTrade& trade, std::string* out);

// {"e":"serverShutdown","E":...}: the connection will be closed soon.
std::string ServerShutdownText(int64_t now_ms);

// A whole unmasked text message, ready for the socket: header and payload.
void AppendTextFrame(std::string_view payload, std::string* out);

}  // namespace quantstream::simulator
