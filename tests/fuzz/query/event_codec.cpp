// A record of topic `candles` of any bytes: what is taken goes to clients as candles that their
// protobuf takes, of the state and instrument that the event says.
#include "query/event_codec.h"

#include <google/protobuf/stubs/logging.h>

#include <cstdlib>

#include "quantstream/v1/candle.pb.h"

namespace {

namespace v1 = quantstream::v1;
using namespace quantstream::query;

void Must(bool holds) {
  if (!holds) std::abort();
}

void MustBeCandles(const std::vector<Update>& candles, bool closed) {
  for (const Update& update : candles) {
    v1::Candle candle;
    Must(candle.ParseFromString(update->message));
    Must(update->closed() == closed);
    Must((candle.state() != v1::CANDLE_STATE_PARTIAL) == closed);
    Must(candle.instrument() == update->key.instrument);
    Must(candle.version() == update->version);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const google::protobuf::LogSilencer silencer;
  const auto event = DecodeEvent(3, {reinterpret_cast<const char*>(data), size});
  if (!event.ok()) return 0;
  Must(event->partition == 3);
  if (const auto* closed = std::get_if<ClosedEvent>(&event->body)) {
    MustBeCandles(closed->candles, true);
  } else if (const auto* open = std::get_if<OpenEvent>(&event->body)) {
    MustBeCandles(open->candles, false);
    for (const Update& update : open->candles) Must(update->key.instrument == open->instrument);
  } else {
    Must(std::get<ProgressEvent>(event->body).next_version >= 0);
  }
  return 0;
}
