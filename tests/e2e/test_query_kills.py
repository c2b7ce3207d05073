"""NO HOLE: one replica of the query service after the other is killed (each third time stopped by
SIGTERM) while clients in many languages stream, with both calls and each policy, fast and slow.
They go on at another replica with their tokens. Each ends with every closed candle, each column
equal to PostgreSQL; and none was ever told a step back.

QUANTSTREAM_KILLS (10), QUANTSTREAM_LANGUAGES (all; cpp,go,...)
"""
import collections
import os
import sys

import crowd
import pipeline

sys.path.insert(0, os.path.join(pipeline.ROOT, "tests/clients"))

import following
import languages

KILLS = int(os.environ.get("QUANTSTREAM_KILLS", "10"))
SIMULATED = [f"{base}-USDT" for base in (
    "BTC ETH SOL XRP BNB DOGE ADA LINK AVAX LTC DOT UNI ATOM NEAR FIL APT ARB OP SUI TRX ETC XLM "
    "HBAR ICP VET AAVE MKR GRT ALGO FTM SAND MANA AXS EGLD THETA XTZ EOS FLOW CHZ SNX").split()]
LANGUAGES = [name for name in languages.LANGUAGES
             if name in os.environ.get("QUANTSTREAM_LANGUAGES", name).split(",")]
# Beside one of each language.
TWICE = ["go"]
# Small, so that slow clients are slow.
SMALL = {"queue_bytes_max": 65536, "message_bytes_max": 8192, "reconnect_after_ms": 200}


def newest_close_s(world):
    return int(world.rows("SELECT max(extract(epoch FROM open_time))::bigint + 1 FROM candles "
                          "WHERE interval_s = 1")[0][0])


def wait_for_news(world, many, others, what):
    now = newest_close_s(world)
    try:
        pipeline.wait_for(f"news for all, {what}", lambda: not many.without_news(now), 120)
    except AssertionError as error:
        raise AssertionError(f"{error}; none for: {many.without_news(now)}") from error
    following.wait_for_news(world, others, what)


class Slow:
    """How often slow clients met their policy, over all lives of the replicas."""

    def __init__(self):
        self.times = collections.Counter()

    def count(self, replica):
        for policy in crowd.POLICIES:
            self.times[policy] += int(replica.metric(
                "quantstream_query_slow_clients_total", f'policy="{policy}"'))


def kill_again_and_again(world, replicas, many, others, slow):
    for number in range(1, KILLS + 1):
        victim = replicas[number % len(replicas)]
        slow.count(victim)
        if number % 3 == 0:
            assert victim.stop() == 0, victim.log()
        else:
            victim.kill()
        wait_for_news(world, many, others, f"after kill {number}")
        victim.start()
        victim.wait_until_ready()
        print(f"kill {number}: all have had news", flush=True)


def all_held(world, many):
    """(what is stored, what each holds) once nobody misses anything; or after a while."""
    truth = crowd.stored(world)

    def nobody_misses():
        held = {name: crowd.by_key(rows) for name, rows in many.hold().items()}
        if all(dict(crowd.expected(spec, held[name], truth)).keys() <= held[name].keys()
               for name, spec in many.specs.items()):
            return held
        return None

    try:
        return truth, pipeline.wait_for("all to have all", nobody_misses)
    except AssertionError:
        return truth, {name: crowd.by_key(rows) for name, rows in many.hold().items()}


def judge(world, many):
    """Counts by kind of client."""
    truth, held = all_held(world, many)
    status = many.status()
    counts = collections.defaultdict(collections.Counter)
    wrong = []
    for name, spec in many.specs.items():
        wrong += crowd.differences(spec, held[name], truth)
        _, resumes, skipped, disconnects = status[name]
        counts[f"C++ {spec.call} {spec.policy}"].update(
            clients=1, candles=len(held[name]), resumes=resumes, skipped=skipped,
            disconnects=disconnects)
    for line in wrong[:30]:
        print(line)
    assert not wrong, f"{len(wrong)} differences"
    return counts


def judge_others(others, truth):
    counts = collections.defaultdict(collections.Counter)
    for client in others:
        assert following.is_right(client, truth), client.title
        counts[client.title].update(
            clients=1, candles=len(following.output.newest_closed(client.printed())))
    return counts


def report(counts, slow):
    for kind, numbers in sorted(counts.items()):
        print(f"  {kind}: " + ", ".join(f"{n} {what}" for what, n in numbers.items()))
    total = sum(counts.values(), collections.Counter())
    print(f"{KILLS} kills, {total['clients']} clients, {total['resumes']} resumes, "
          f"{total['skipped']} skipped, {total['disconnects']} disconnects, "
          f"{total['candles']} closed candles equal PostgreSQL, 0 steps back", flush=True)
    print("slow: " + ", ".join(f"{slow.times[each]} times {each}" for each in crowd.POLICIES))
    assert total["skipped"] and total["disconnects"] and all(
        slow.times[each] for each in crowd.POLICIES), "nobody was slow"


def start_clients(world, addresses, absent):
    names = [name for name in LANGUAGES + TWICE if name in LANGUAGES and name not in absent]
    others = [following.Client(world.folder.name, number, name,
                               addresses[number % 3:] + addresses[:number % 3])
              for number, name in enumerate(names)]
    many = crowd.Crowd(world.folder.name, addresses)
    simulated = ["simulator:" + each for each in SIMULATED]
    specs = crowd.specs(simulated, ["recorded:BTC-USDT"])
    # Instruments that nobody has seen yet come to those of the whole venue.
    specs.sort(key=lambda spec: spec.instruments != ["simulator:*"])
    for spec in specs:
        if spec.instruments != ["simulator:*"]:
            # A replica looks for new ones once in a second.
            pipeline.wait_for("all instruments", lambda: int(world.rows(
                "SELECT count(*) FROM instruments WHERE created_at < now() - interval '3 s'"
            )[0][0]) == len(SIMULATED) + 2)
        many.add(spec)
    return many, others


def main():
    pipeline.with_services()
    absent = {name: why for name, why in languages.build_all(LANGUAGES).items() if why}
    for name, why in absent.items():
        print(f"absent: the client in {name}: {why}", flush=True)
    following.SIMULATED[:] = SIMULATED
    with pipeline.Pipeline() as world:
        simulator = following.start_feeds(world, trades_per_s=300)
        replicas = [world.query(f"query-{number}", **SMALL) for number in (1, 2, 3)]
        for replica in replicas:
            replica.wait_until_ready()
        many, others = start_clients(world, [replica.address for replica in replicas], absent)
        wait_for_news(world, many, others, "at the beginning")
        slow = Slow()
        kill_again_and_again(world, replicas, many, others, slow)
        many.ask("fast")
        truth = following.end_of_feed(world, simulator, others)
        counts = judge(world, many)
        counts.update(judge_others(others, truth))
        many.close()
        for replica in replicas:
            slow.count(replica)
    report(counts, slow)
    assert not (absent and os.environ.get("CI")), f"could not be built: {', '.join(absent)}"


if __name__ == "__main__":
    main()
