"""NO LOSS and ONCE: three processor processes under load, one of them killed every few seconds.
The candles equal the reference, and the sum of their trade counts is what was sent.

QUANTSTREAM_CRASH_SECONDS (120), QUANTSTREAM_CRASH_TRADES_PER_S (20000)
"""
import os
import random
import time

import pipeline
import recorded_data
import reference
import stored_candles

SECONDS = int(os.environ.get("QUANTSTREAM_CRASH_SECONDS", "120"))
RATE = int(os.environ.get("QUANTSTREAM_CRASH_TRADES_PER_S", "20000"))
INSTRUMENTS = ["BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT", "BNB-USDT", "DOGE-USDT", "ADA-USDT",
               "LINK-USDT", "AVAX-USDT", "LTC-USDT", "DOT-USDT", "UNI-USDT"]


def crash_again_and_again(processors):
    chance = random.Random(1)
    kills = 0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        time.sleep(chance.uniform(2, 5))  # the load runs meanwhile
        victim = chance.choice(processors)
        victim.kill()
        kills += 1
        time.sleep(chance.uniform(0, 1))
        victim.start()
    return kills


def main():
    pipeline.with_services()
    with pipeline.Pipeline() as world:
        # Recovery is the subject here, not how long Kafka takes to notice a death.
        processors = [world.processor(slot=str(slot), workers=1, session_timeout_ms=6000,
                                      contiguous_id_venues=["simulator"]) for slot in (1, 2, 3)]
        for processor in processors:
            processor.wait_until_ready()
        simulator = world.simulator(instruments=INSTRUMENTS, trades_per_s=RATE)
        ingest = world.ingest_from(simulator, "simulator", INSTRUMENTS)
        pipeline.wait_for("the first candle",
                          lambda: stored_candles.sums_of_counts(world) > 0, 60)
        kills = crash_again_and_again(processors)
        pipeline.control(simulator, "pause")
        trades = list(recorded_data.ledger("simulator", simulator.ledger))
        print(f"{kills} kills, {len(trades)} trades sent", flush=True)
        assert ingest.process.poll() is None, ingest.log()
        pipeline.wait_for("all trades to be in candles", lambda: stored_candles.sums_of_counts(
            world) >= len(trades), 300)
        assert stored_candles.sums_of_counts(world) == len(trades)
        expected = reference.candles(trades, (1, 5))
        pipeline.wait_for("the last 5 s to close", lambda: stored_candles.sums_of_counts(
            world, 5) >= len(trades), 60)
        actual = stored_candles.stored(world, "simulator")
        longer = {key for key in actual if key[1] > 5}
        stored_candles.compare(expected, {k: v for k, v in actual.items() if k not in longer})
        minutes = reference.candles(trades, sorted({key[1] for key in longer}))
        stored_candles.compare({key: minutes[key] for key in longer},
                               {key: actual[key] for key in longer})
        gaps = world.rows("SELECT count(*) FROM trade_gaps")[0][0]
        suspect = world.rows("SELECT count(*) FROM candles WHERE completeness <> 1")[0][0]
        assert (gaps, suspect) == ("0", "0"), f"{gaps} gaps, {suspect} candles not COMPLETE"
        print(f"sum of trade counts equals the {len(trades)} trades sent", flush=True)


if __name__ == "__main__":
    main()
