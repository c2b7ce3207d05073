"""The client programs, each in its language: they read pages and follow live candles, are killed
and go on, lose one replica and then the other. What they print equals PostgreSQL.

A language whose client cannot be built is named; where CI is set, the test fails for it.
"""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))

import languages
import output
import pipeline
import recorded_data
import recording
import stored_candles

SIMULATED = ["BTC-USDT", "ETH-USDT"]
INSTRUMENTS = "simulator:BTC-USDT,recorded:BTC-USDT"
# Beyond the plain stream, of the programs that have it.
VARIANTS = ()


class Client:
    """One client program and what it printed over its lives."""

    def __init__(self, folder, name, addresses, options=()):
        self.title = " ".join((name, *options))
        self.stem = os.path.join(folder, self.title.replace(" ", ""))
        self.command = languages.command(name) + [
            ",".join(addresses), INSTRUMENTS, "1s,5s", "600", "--state", self.stem + ".token",
            *options]
        self.lives = 0
        self.start()

    def start(self):
        self.lives += 1
        with open(f"{self.stem}.{self.lives}", "w") as out, open(self.stem + ".log", "a") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                env=languages.environment(), preexec_fn=pipeline.die_with_parent)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def printed(self, life=None):
        lives = [life] if life else range(1, self.lives + 1)
        return [line for each in lives for line in output.lines(f"{self.stem}.{each}")]

    def log(self):
        with open(self.stem + ".log", encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-15:])

    def closed(self, life=None):
        """The open times of the simulator's closed seconds."""
        if self.process.poll() not in (None, -9):
            raise AssertionError(f"{self.title} ended: {self.process.returncode}\n{self.log()}")
        return [line["open_time"] for line in self.printed(life)
                if output.is_closed(line) and line["instrument"].startswith("simulator")
                and line["interval"] == "1s" and line["source"] == "stream"]


def newest_second(world):
    return max((each[2] for each in output.stored(world)
                if each[:2] == ("simulator:BTC-USDT", 1)), default="")


def wait_for_news(world, clients, what):
    """Until each client has closed seconds that were not there before."""
    now = newest_second(world)
    for client in clients:
        pipeline.wait_for(f"{client.title}, {what}", lambda: max(client.closed(), default="") > now)


def start_feeds(world):
    world.processor(workers=2, contiguous_id_venues=["simulator", "recorded"]).wait_until_ready()
    path = world.folder.name + "/recording"
    recording.write(path)
    world.ingest("ingest-recorded", venue="recorded", decoder="binance", feed="replay",
                 files=[path], replay_speed=0, exit_when_finished=True)
    simulator = world.simulator(instruments=SIMULATED, trades_per_s=200)
    world.ingest_from(simulator, "simulator", SIMULATED)
    pipeline.wait_for("the recording's candles", lambda: world.has_schema() and int(world.rows(
        "SELECT count(*) FROM candles_v WHERE venue = 'recorded' AND interval = '1s'")[0][0])
        >= 2 * recording.SECONDS * 0.7)
    pipeline.wait_for("live candles", lambda: newest_second(world))
    return simulator


def break_things(world, clients, replicas):
    wait_for_news(world, clients, "at the beginning")
    for client in clients:
        client.kill()
    now = newest_second(world)
    pipeline.wait_for("candles to close while no client runs",
                      lambda: newest_second(world) > now)
    for client in clients:
        client.start()
    wait_for_news(world, clients, "after its own death")
    assert replicas[0].stop() == 0, replicas[0].log()
    wait_for_news(world, clients, "after a replica was stopped")
    replicas[0].start()
    replicas[0].wait_until_ready()
    replicas[1].kill()
    wait_for_news(world, clients, "after a replica was killed")


def end_of_feed(world, simulator, clients):
    """Waits until all trades are in closed candles, and each client has seen the newest."""
    pipeline.control(simulator, "pause")
    trades = len(list(recorded_data.ledger("simulator", simulator.ledger)))
    for interval_s in (1, 5):
        pipeline.wait_for("all trades to be in candles", lambda: int(world.rows(
            "SELECT coalesce(sum(trade_count), 0) FROM candles_v WHERE venue = 'simulator' "
            f"AND interval_s = {interval_s}")[0][0]) >= trades)
    truth = {each: values for each, values in output.stored(world).items()
             if each[0] in INSTRUMENTS.split(",") and each[1] in (1, 5)}
    for client in clients:
        pipeline.wait_for(f"{client.title} to have the newest candles",
                          lambda: set(list(truth)[-50:]) <= output.newest_closed(
                              client.printed()).keys())
        client.kill()
    return truth


def check(client, truth):
    wrong = list(output.differences(client.printed(), truth))
    sources = [line["source"] for line in client.printed()]
    closed = len(output.newest_closed(client.printed()))
    print(f"{client.title}: {closed} candles equal PostgreSQL, {len(sources)} lines, "
          f"{sources.count('history')} of them from pages, {len(wrong)} differences", flush=True)
    for line in wrong[:10]:
        print("  " + line)
    return not wrong and sources.count("history") > 100


def main():
    pipeline.with_services()
    absent = {name: why for name, why in languages.build_all().items() if why}
    for name, why in absent.items():
        print(f"absent: the client in {name}: {why}", flush=True)
    with pipeline.Pipeline() as world:
        simulator = start_feeds(world)
        replicas = [world.query(name) for name in ("query-1", "query-2")]
        for replica in replicas:
            replica.wait_until_ready()
        addresses = [replica.address for replica in replicas]
        clients = [Client(world.folder.name, name, addresses[:: 1 if index % 2 else -1], options)
                   for index, (name, *options) in enumerate(
                       [(name,) for name in languages.LANGUAGES] + list(VARIANTS))
                   if name not in absent]
        break_things(world, clients, replicas)
        truth = end_of_feed(world, simulator, clients)
        results = [check(client, truth) for client in clients]
    print(f"{sum(results)} of {len(results)} clients right", flush=True)
    assert results and all(results)
    assert not (absent and os.environ.get("CI")), f"could not be built: {', '.join(absent)}"


if __name__ == "__main__":
    main()
