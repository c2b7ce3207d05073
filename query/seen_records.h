// Which records of one partition have been seen, by (node, session, sequence): ingest sends a
// record again when it does not know whether the first copy landed. What was seen is ranges, never
// the highest: a record may land behind later ones as its only copy. Bounded: what is forgotten may
// come twice. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace quantstream::query {

struct SeenRecordsLimits {
  size_t sources_max = 256;      // (node, session); of more, the one unheard longest is forgotten
  size_t ranges_max = 64;        // of one source; of more, the lowest is forgotten
  size_t node_bytes_max = 1024;  // records of a node with a longer name are all new
};

class SeenRecords {
 public:
  explicit SeenRecords(SeenRecordsLimits limits = {}) : limits_(limits) {}

  // Takes note of the record; false: it was seen before.
  bool Add(std::string_view node, uint64_t session, uint64_t sequence);
  size_t sources() const { return sources_.size(); }

 private:
  struct Source {
    std::map<uint64_t, uint64_t> ranges;  // first to last; neither overlap nor touch
    uint64_t heard_at = 0;
  };

  static bool AddTo(std::map<uint64_t, uint64_t>& ranges, uint64_t sequence);
  void ForgetOldestSource();

  SeenRecordsLimits limits_;
  std::map<std::pair<uint64_t, std::string>, Source, std::less<>> sources_;
  uint64_t records_ = 0;
};

}  // namespace quantstream::query
