"""ONCE: a processor that is stopped in the middle of a commit for longer than its session, and
wakes up when others own its partitions, tries that commit again and writes nothing: the candles
equal the reference."""
import signal

import pipeline
import recorded_data
import reference
import stored_candles

INSTRUMENTS = ["BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT", "BNB-USDT", "DOGE-USDT"]
SESSION_MS = 6000


def epochs(world):
    return {int(partition): int(epoch) for partition, epoch in world.rows(
        "SELECT partition, epoch FROM partition_progress")}


def sent(simulator):
    return pipeline.control(simulator, "status", post=False)["trades_sent"]


def owned_by(world, slot):
    return [int(row[0]) for row in world.rows(
        f"SELECT partition FROM partition_progress WHERE owner LIKE '%{slot}%'")]


def stop_in_the_middle_of_a_commit(world, zombie):
    """Its first statement waits for the rows when the process is stopped; then they are free."""
    rows = "SELECT FROM partition_progress WHERE owner LIKE '%zombie%' FOR UPDATE"
    with world.locked_rows(rows):
        pipeline.wait_for("the zombie's commit to wait for the rows", lambda: world.rows(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
            "AND wait_event_type = 'Lock' AND query LIKE 'UPDATE partition_progress p SET%'"), 30)
        zombie.signal(signal.SIGSTOP)


def refused_commits(zombie):
    return zombie.metric("quantstream_processor_commits_total", 'outcome="unmatched"')


def main():
    pipeline.with_services()
    with pipeline.Pipeline() as world:
        options = {"workers": 1, "session_timeout_ms": SESSION_MS,
                   "contiguous_id_venues": ["simulator"]}
        zombie = world.processor(slot="zombie", **options)
        zombie.wait_until_ready()
        simulator = world.simulator(instruments=INSTRUMENTS, trades_per_s=2000)
        world.ingest_from(simulator, "simulator", INSTRUMENTS)
        pipeline.wait_for("the first candle",
                          lambda: stored_candles.sums_of_counts(world) > 0, 60)
        world.processor(slot="heir", **options).wait_until_ready()
        pipeline.wait_for("the heir to have its share", lambda: owned_by(world, "heir"), 60)
        lost = owned_by(world, "zombie")
        assert lost, "the zombie owns nothing"
        before = epochs(world)
        refused = refused_commits(zombie)
        stop_in_the_middle_of_a_commit(world, zombie)
        pipeline.wait_for("the heir to take over", lambda: all(
            epochs(world)[partition] > before[partition] for partition in lost), 90)
        zombie.signal(signal.SIGCONT)
        pipeline.wait_for("the zombie to try, and to be refused",
                          lambda: refused_commits(zombie) > refused, 60)
        sent_before = sent(simulator)
        pipeline.wait_for("10,000 more trades, while the zombie does its worst",
                          lambda: sent(simulator) > sent_before + 10_000, 60)
        assert zombie.process.poll() is None, zombie.log()
        pipeline.control(simulator, "pause")
        trades = list(recorded_data.ledger("simulator", simulator.ledger))
        pipeline.wait_for("all trades to be in candles", lambda: stored_candles.sums_of_counts(
            world, 5) >= len(trades), 120)
        actual = stored_candles.stored(world, "simulator")
        stored_candles.compare(reference.candles(trades, (1, 5)),
                               {key: value for key, value in actual.items() if key[1] <= 5})
        print(f"{len(lost)} partitions taken over, {len(trades)} trades counted once", flush=True)


if __name__ == "__main__":
    main()
