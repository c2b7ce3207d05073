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
    Series series;  // of a merged interval: its parts
    bool merged = false;
    LegId leg = 0;  // 0: about to be added
    bool by_name = false;
    bool closed_only = false;
  };
  // `venue:*` at one interval.
  struct WholeVenue {
    WindowGrid grid;
    std::chrono::milliseconds update_interval{0};
    HistoryQuery history;
  };
  // What one request adds, by the pace of its updates and the interval where it is merged: a leg
  // each.
  struct Addition {
    std::optional<WindowGrid> grid;
    std::vector<StreamSeries> series;
    std::vector<Item> items;
  };
  using Additions = std::map<std::pair<std::chrono::milliseconds, std::string>, Addition>;

  void TakeRequest(const SubscribeQuery& query);
  void OnDirectory(const SubscribeQuery& query,
                   absl::StatusOr<KnownInstruments::Directory> directory);
  void RemoveItem(const SubscribeItem& item, const InstrumentDirectory& directory,
                  v1::SubscribeResponse* answer);
  absl::Status Remove(const SubscribeItem& item, const InstrumentDirectory& directory);
  void DropItem(const Item& item);
  absl::Status Add(const SubscribeItem& item, const HistoryQuery& history,
                   const InstrumentDirectory& directory, Additions* additions);
  absl::Status AddVenue(const SubscribeItem& item, const HistoryQuery& history,
                        const InstrumentDirectory& directory, Additions* additions);
  absl::Status NoRoom() const;
  bool AddItemLocked(const std::string& instrument, int32_t partition, const WindowGrid& grid,
                     Active active, std::chrono::milliseconds update_interval,
                     Additions* additions);
  void AddLegsOf(Additions additions, const HistoryQuery& history, const query::Resume* resume);
  void Resume(const std::string& text, Additions additions, const HistoryQuery& history);
  void Begin(Additions additions, const HistoryQuery& history, const query::Resume* resume);
  void ReadNextIfAnswered();
  void Prepare() override;
  void AddFound(const std::string& name, int32_t partition);

  uint64_t FingerprintLocked() const override;
  uint64_t FingerprintOfItemsLocked() const;
  void Write(const grpc::ByteBuffer* message) override { StartWrite(message); }
  void FinishWith(const grpc::Status& status) override { Finish(status); }

  grpc::ByteBuffer request_;  // of the read in flight
  bool first_ = true;         // only touched by who works on the request, as offers_
  int offers_ = 0;            // of nearest names that are left to it
  // Guarded by mutex_.
  bool read_due_ = false;  // the last request was taken
  bool adding_ = false;
  std::map<Item, Active> active_;
  std::map<Item, WholeVenue> whole_venues_;  // the venue in place of an instrument
  std::vector<std::pair<std::string, int32_t>> found_;  // of whole venues, since
};

}  // namespace quantstream::query
