// Subscribe: a changing set of instruments and intervals on one stream. One request is worked on at
// a time; its items are answered before their candles come.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "query/service/stream_call.h"

namespace quantstream::v1 {
class SubscribeResponse;
}

namespace quantstream::query {

class SubscribeStream final : public StreamCall,
                              public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  // Lives until OnDone, or until the last reference is gone. `on_done` is told the address.
  static std::shared_ptr<SubscribeStream> Start(ServiceParts* parts,
                                                grpc::CallbackServerContext* context,
                                                DoneCallback on_done);
  SubscribeStream(ServiceParts* parts, grpc::CallbackServerContext* context, DoneCallback on_done);
  ~SubscribeStream() override;

  // Subscriber.
  void OnInstrument(const std::string& name, int32_t partition) override;

  // Reactor.
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override { WriteDone(ok); }
  void OnCancel() override { Cancelled(); }
  void OnDone() override { Done(); }

 private:
  // An instrument and an interval's text, as equal ones are written alike.
  using Item = std::pair<std::string, std::string>;
  // What is subscribed, and why.
  struct Active {
    Series series = {};  // of a merged interval: its parts
    bool merged = false;
    LegId leg = 0;  // 0: about to be added
    bool by_name = false;
    bool closed_only = false;
    std::chrono::milliseconds update_interval{0};
  };
  // `venue:*` at one interval.
  struct WholeVenue {
    WindowGrid grid;
    std::chrono::milliseconds update_interval{0};
    HistoryQuery history;
  };
  struct Addition {
    std::optional<WindowGrid> grid;
    std::vector<StreamSeries> series;
    std::vector<Item> items;
  };
  // A leg each: the pace of its updates, and the interval where it is merged.
  using LegKey = std::pair<std::chrono::milliseconds, std::string>;
  // What is added at once, with one history.
  struct Adding {
    HistoryQuery history;
    int32_t last = 0;     // of it, unless something else says where it begins
    int64_t candles = 0;  // that `last` asks for, of all
    std::map<LegKey, Addition> legs = {};
  };
  // To one item.
  struct Answer {
    absl::Status status;
    std::chrono::milliseconds update_interval{0};  // in effect
    std::string note = {};                         // worth knowing, when it is done
  };

  static void AddStatus(const std::string& instrument, const std::string& interval,
                        const Answer& answer, v1::SubscribeResponse* answers);
  static LegKey LegKeyOf(const WindowGrid& grid, std::chrono::milliseconds update_interval);

  void TakeRequest(SubscribeQuery query);
  void Work(const SubscribeQuery& query);
  void ListenToVenues(const SubscribeQuery& query);
  void LeaveVenues(const SubscribeQuery& query);
  bool HasVenueLocked(const std::string& venue) const;
  void OnDirectory(const SubscribeQuery& query,
                   absl::StatusOr<KnownInstruments::Directory> directory);
  absl::Status Remove(const SubscribeItem& item, const InstrumentDirectory& directory);
  void DropItem(const Item& item);
  Answer Add(const SubscribeItem& item, const InstrumentDirectory& directory, Adding* adding);
  Answer AddVenue(const SubscribeItem& item, const InstrumentDirectory& directory, Adding* adding);
  std::string NoteOnVenue(const std::string& venue, const InstrumentDirectory& directory);
  absl::Status RoomLocked(int64_t series, int64_t places, const LegKey& leg,
                          const WindowGrid& grid, const Adding& adding) const;
  Answer AddItemLocked(const std::string& instrument, int32_t partition, const WindowGrid& grid,
                       Active active, Adding* adding);
  void AddLegsOf(Adding adding, const query::Resume* resume);
  void Resume(const std::string& text, Adding adding);
  void Begin(Adding adding, const query::Resume* resume);
  void ReadNextIfAnswered();

  using FoundAdditions = std::map<std::pair<EventTime, bool>, Adding>;  // by history
  void Prepare() override;
  bool TakeFound(std::map<std::string, int32_t>* found);
  bool AddFound(const std::map<std::string, int32_t>& found);
  void AddFoundLocked(const std::string& name, int32_t partition, FoundAdditions* additions,
                      v1::SubscribeResponse* answers);

  uint64_t FingerprintLocked() const override;
  uint64_t FingerprintOfItemsLocked() const;
  void Write(const grpc::ByteBuffer* message) override { StartWrite(message); }
  void FinishWith(const grpc::Status& status) override { Finish(status); }

  grpc::ByteBuffer request_;  // of the read in flight
  bool first_ = true;         // only touched by who works on the request, as offers_
  int offers_ = 0;            // of nearest names that are left to it
  // Guarded by mutex_.
  bool read_due_ = false;  // the last request was taken
  // One at a time adds or removes: a request, or what was found of whole venues.
  bool busy_ = false;
  std::optional<SubscribeQuery> waiting_;  // a request, for the end of what was found
  std::map<Item, Active> active_;
  std::map<Item, WholeVenue> whole_venues_;  // the venue in place of an instrument
  std::map<std::string, int32_t> found_;     // of whole venues, since; with partitions
  Clock::time_point found_due_;              // when the next of them may be added
};

}  // namespace quantstream::query
