// Binance spot: combined streams of trades or aggregate trades.
#pragma once

#include "ingest/venue/venue.h"

namespace quantstream::ingest {

const Venue& BinanceVenue();

}  // namespace quantstream::ingest
