"""EXACT: recorded Binance frames and stock ticks, replayed by ingest, become the candles of the
plain reference: every value exactly, volatility to 1e-9."""
import glob

import pipeline
import recorded_data
import reference
import stored_candles

INTERVALS = (1, 5, 60, 300, 900, 3600, 86400)


def replay(world, name, venue, decoder, files):
    service = world.ingest(name, venue=venue, decoder=decoder, feed="replay", files=files,
                           replay_speed=0, exit_when_finished=True)
    pipeline.wait_for(f"{name} to end", lambda: service.process.poll() is not None, 180)
    assert service.process.returncode == 0, service.log()


def check(world, venue, trades):
    expected = reference.candles(trades, INTERVALS)
    pipeline.wait_for(f"every window of {venue} to close", lambda: int(world.rows(
        f"SELECT count(*) FROM candles_v WHERE venue = '{venue}'")[0][0]) >= len(expected), 120)
    stored_candles.compare(expected, stored_candles.stored(world, venue))


def main():
    pipeline.with_services()
    frames = sorted(glob.glob(recorded_data.shared("data/ws-binance") + "/*.gz"))
    ticks = sorted(glob.glob(recorded_data.shared("data/stocks/tick") + "/*.zip"))
    with pipeline.Pipeline() as world:
        world.processor(workers=3)
        replay(world, "replay-binance", "binance", "binance", frames)
        check(world, "binance", [trade for path in frames
                                 for trade in recorded_data.binance_frames("binance", path)])
        gaps = world.rows("SELECT count(*) FROM trade_gaps")[0][0]
        assert gaps == "0", f"{gaps} gaps among contiguous ids"
        replay(world, "replay-tape", "tape", "binance", ticks)
        check(world, "tape", [trade for path in ticks
                              for trade in recorded_data.stock_ticks("tape", path)])


if __name__ == "__main__":
    main()
