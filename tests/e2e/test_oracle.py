"""EXACT: trades that a venue recorded go through the whole pipeline and come out of gRPC as the
candles that the venue itself made of them, in every complete window."""
import decimal

import pipeline
import recorded_data

SETS = {
    "binance": ("binance-xrpeth", {"1m": "candles_1m", "5m": "candles_5m"}),
    "hitbtc": ("hitbtc", {"1m": "candles_1m"}),
}
# The recordings are played as fast as they go: days pass within a second, which is no future stamp,
# and that nothing follows does not mean that the venue is mute.
PLAYED_FAST = {"future_bound_ms": 365 * 86_400_000, "mute_after_min_ms": 600_000,
               "mute_after_max_ms": 600_000}


def expected_windows(folder, files):
    """{(symbol, interval): {start: values or None where nothing traded}}."""
    windows = {}
    for interval, name in files.items():
        for symbol, start, values, trades in recorded_data.venue_candles(f"{folder}/{name}.csv.gz"):
            wanted = dict(values, trade_count=decimal.Decimal(trades)) if trades else None
            windows.setdefault((symbol, interval), {})[start] = wanted
    return windows


def start_venue(world, venue, folder, symbols):
    simulator = world.simulator("venue-" + venue, recordings=[folder + "/trades.csv.gz"],
                                play_speed=0)
    world.ingest_from(simulator, venue, symbols, **PLAYED_FAST)
    pipeline.wait_for(f"all of {venue} to be sent", lambda: pipeline.control(
        simulator, "status", post=False)["finished"], 120)


def all_closed(world, venue, windows):
    """The last ones close when the time that has passed since the last trade says so."""
    rows = world.rows("SELECT symbol, interval, extract(epoch FROM open_time)::bigint "
                      f"FROM candles_v WHERE interval_s IN (60, 300) AND venue = '{venue}'")
    closed = {(symbol, interval, int(start)) for symbol, interval, start in rows}
    return all((*series, start) in closed for series, wanted in windows.items()
               for start, values in wanted.items() if values is not None)


def compare(world, venue, windows):
    equal = total = 0
    for (symbol, interval), wanted in sorted(windows.items()):
        actual = {int(row[0]): dict(zip(("open", "high", "low", "close", "volume", "trade_count"),
                                        map(decimal.Decimal, row[1:7])))
                  for row in world.grpc_candles(f"{venue}:{symbol}", interval)}
        for start, values in sorted(wanted.items()):
            if values is None:
                assert start not in actual, f"{symbol} {interval} {start}: nothing traded"
                continue
            total += 1
            equal += actual.get(start) == values
            if actual.get(start) != values:
                print(f"{symbol} {interval} {start}: {actual.get(start)} instead of {values}")
    print(f"{venue}: {equal} of {total} windows equal", flush=True)
    return equal, total


def main():
    pipeline.with_services()
    sets = {venue: (recorded_data.shared("data/oracle-candles/" + folder), files)
            for venue, (folder, files) in SETS.items()}
    with pipeline.Pipeline() as world:
        # HitBTC's trade ids jump: it is not among the venues whose ids have no holes.
        world.processor(workers=3, contiguous_id_venues=["binance"])
        equal = total = 0
        windows = {venue: expected_windows(*where) for venue, where in sets.items()}
        for venue, (folder, _) in sets.items():
            start_venue(world, venue, folder, sorted({symbol for symbol, _ in windows[venue]}))
        query = world.query()
        for venue, wanted in windows.items():
            pipeline.wait_for(f"the windows of {venue} to close",
                              lambda: all_closed(world, venue, wanted), 120)
        query.wait_until_ready()
        for venue, wanted in windows.items():
            some_equal, some = compare(world, venue, wanted)
            equal, total = equal + some_equal, total + some
    print(f"{equal} of {total} windows equal")
    assert equal == total and total > 0


if __name__ == "__main__":
    main()
