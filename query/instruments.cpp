#include "query/instruments.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "market/instrument.h"

namespace quantstream::query {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return absl::ascii_tolower(static_cast<unsigned char>(c)); });
  return lower;
}

}  // namespace

InstrumentDirectory::InstrumentDirectory(std::vector<Instrument> instruments) {
  for (Instrument& instrument : instruments) {
    by_spelling_.emplace(SpellingKey(instrument.symbol), instrument.name);
    std::string name = instrument.name;
    by_name_.emplace(std::move(name), std::move(instrument));
  }
}

InstrumentMatch InstrumentDirectory::Find(std::string_view text, bool nearest) const {
  InstrumentMatch match;
  if (const auto exact = by_name_.find(text); exact != by_name_.end()) {
    match.found = exact->second;
    return match;
  }
  const size_t colon = text.find(':');
  const bool has_venue = colon != std::string_view::npos;
  const std::string venue = has_venue ? Lower(text.substr(0, colon)) : "";
  const auto [begin, end] =
      by_spelling_.equal_range(SpellingKey(has_venue ? text.substr(colon + 1) : text));
  for (auto spelling = begin; spelling != end; ++spelling) {
    if (!has_venue || by_name_.find(spelling->second)->second.venue == venue) {
      match.candidates.push_back(spelling->second);
    }
  }
  if (match.candidates.size() == 1) {
    match.found = by_name_.find(match.candidates.front())->second;
    match.candidates.clear();
  } else if (match.candidates.empty() && nearest) {
    match.nearest = Nearest(text);
  }
  std::ranges::sort(match.candidates);
  return match;
}

std::vector<std::string> InstrumentDirectory::Nearest(std::string_view text) const {
  constexpr int kDistanceMax = 4;
  const bool has_venue = text.find(':') != std::string_view::npos;
  const std::string wanted = SpellingKey(text);
  std::vector<std::pair<int, std::string>> near;
  for (const auto& [name, instrument] : by_name_) {
    const std::string key = SpellingKey(has_venue ? name : instrument.symbol);
    const int distance = DistanceUpTo(wanted, key, kDistanceMax);
    if (distance <= kDistanceMax) near.emplace_back(distance, name);
  }
  const auto shown = std::min<size_t>(near.size(), 3);
  std::partial_sort(near.begin(), near.begin() + static_cast<ptrdiff_t>(shown), near.end());
  std::vector<std::string> names;
  for (size_t i = 0; i < shown; ++i) names.push_back(near[i].second);
  return names;
}

std::vector<Instrument> InstrumentDirectory::List(std::string_view venue, std::string_view filter,
                                                  std::string_view after,
                                                  size_t instruments_max) const {
  const std::string wanted = Lower(filter);
  std::vector<Instrument> listed;
  for (auto at = by_name_.upper_bound(after);
       at != by_name_.end() && listed.size() < instruments_max; ++at) {
    if (!venue.empty() && at->second.venue != venue) continue;
    if (Lower(at->first).find(wanted) == std::string::npos) continue;
    listed.push_back(at->second);
  }
  return listed;
}

std::vector<Instrument> InstrumentDirectory::OfVenue(std::string_view venue) const {
  const std::string prefix = std::string(venue) + ":";
  std::vector<Instrument> listed;
  for (auto at = by_name_.lower_bound(prefix);
       at != by_name_.end() && at->first.starts_with(prefix); ++at) {
    listed.push_back(at->second);
  }
  return listed;
}

std::vector<std::string> InstrumentDirectory::VenuesNear(std::string_view text) const {
  constexpr int kDistanceMax = 100;
  std::vector<std::pair<int, std::string>> near;
  for (const std::string& venue : venues()) {
    near.emplace_back(DistanceUpTo(text, venue, kDistanceMax), venue);
  }
  std::ranges::sort(near);
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min<size_t>(near.size(), 3); ++i) names.push_back(near[i].second);
  return names;
}

std::vector<std::string> InstrumentDirectory::venues() const {
  std::set<std::string> distinct;
  for (const auto& [name, instrument] : by_name_) distinct.insert(instrument.venue);
  return {distinct.begin(), distinct.end()};
}

int DistanceUpTo(std::string_view a, std::string_view b, int bound) {
  const int rows = static_cast<int>(a.size());
  const int columns = static_cast<int>(b.size());
  if (std::abs(rows - columns) > bound) return bound + 1;
  std::vector<int> previous(b.size() + 1), current(b.size() + 1);
  for (int j = 0; j <= columns; ++j) previous[static_cast<size_t>(j)] = j;
  for (int i = 1; i <= rows; ++i) {
    current[0] = i;
    int least = i;
    for (int j = 1; j <= columns; ++j) {
      const auto at = static_cast<size_t>(j);
      const bool same = a[static_cast<size_t>(i - 1)] == b[at - 1];
      current[at] =
          std::min({previous[at] + 1, current[at - 1] + 1, previous[at - 1] + (same ? 0 : 1)});
      least = std::min(least, current[at]);
    }
    if (least > bound) return bound + 1;
    std::swap(previous, current);
  }
  return std::min(previous[b.size()], bound + 1);
}

}  // namespace quantstream::query
