// What a venue is: a description and a decoder. A new venue is one folder beside this file and a
// line in venue.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/symbols.h"
#include "ingest/venue/decoder.h"

namespace quantstream::ingest {

struct VenueLimits {
  size_t streams_per_connection = 1024;
  size_t streams_per_request = 200;      // of one subscription message
  int64_t request_spacing_us = 250'000;  // between client messages
  int64_t acknowledge_timeout_us = 10'000'000;
  int64_t connection_age_max_us = 0;  // then another one takes over; 0 = no limit
};

struct Venue {
  std::string name;
  // The ids of an instrument's trades count up by one: overlaps of connections can be seen, gaps
  // too.
  bool contiguous_ids = false;
  std::string websocket_url;
  std::string rest_url;
  std::vector<std::string> channels;  // the first is the default
  VenueLimits limits;
  // Name of the stream of one instrument, `btcusdt@trade`.
  std::string (*stream_name)(const Symbol& symbol, std::string_view channel) = nullptr;
  // The message that asks for `streams`; the answer carries `request_id`.
  std::string (*subscribe_message)(std::span<const std::string> streams,
                                   uint64_t request_id) = nullptr;
  // `symbols` outlives the decoder. Trades of other channels are kIgnored.
  std::unique_ptr<Decoder> (*make_decoder)(SymbolTable& symbols,
                                           std::string_view channel) = nullptr;
};

// The venue that a name stands for; nullptr for an unknown one.
const Venue* FindVenue(std::string_view name);
std::vector<std::string> VenueNames();

}  // namespace quantstream::ingest
