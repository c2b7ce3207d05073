#include "ingest/venue/venue.h"

#include <array>

#include "ingest/venue/binance/binance.h"

namespace quantstream::ingest {
namespace {

const std::array<const Venue*, 1>& AllVenues() {
  static const std::array<const Venue*, 1> venues = {&BinanceVenue()};
  return venues;
}

}  // namespace

const Venue* FindVenue(std::string_view name) {
  for (const Venue* venue : AllVenues()) {
    if (venue->name == name) return venue;
  }
  return nullptr;
}

std::vector<std::string> VenueNames() {
  std::vector<std::string> names;
  for (const Venue* venue : AllVenues()) names.push_back(venue->name);
  return names;
}

}  // namespace quantstream::ingest
