"""The client programs, each in its language: they read pages and follow live candles, are killed
and go on, lose one replica and then the other. What they print equals PostgreSQL.

A language whose client cannot be built is named; where CI is set, the test fails for it.
"""
import os

import following
import languages
from following import pipeline

# Beyond the plain stream, of the programs that have it.
VARIANTS = tuple((name, *options) for name in ("python", "go", "typescript") for options in (
    ("--subscribe",), ("--policy", "skip"), ("--subscribe", "--policy", "disconnect")))


def break_things(world, clients, replicas):
    following.wait_for_news(world, clients, "at the beginning")
    for client in clients:
        # Some save it with the progress only, which comes once a second.
        pipeline.wait_for(f"{client.title} to save a token", client.token)
        client.kill()
        client.pages = pages(client)
    now = following.newest_second(world)
    pipeline.wait_for("candles to close while no client runs",
                      lambda: following.newest_second(world) > now)
    for client in clients:
        client.start()
    following.wait_for_news(world, clients, "after its own death")
    assert replicas[0].stop() == 0, replicas[0].log()
    following.wait_for_news(world, clients, "after a replica was stopped")
    replicas[0].start()
    replicas[0].wait_until_ready()
    replicas[1].kill()
    following.wait_for_news(world, clients, "after a replica was killed")


def pages(client):
    """How many candles came by GetCandles."""
    return sum(line["source"] == "history" for line in client.printed())


def went_on(client):
    """It read more than two pages of 40 at first, and no history again after it was killed."""
    again = pages(client) - client.pages
    if again:
        print(f"{client.title}: {again} candles of pages although it had a token")
    return client.pages > 100 and again == 0


def main():
    pipeline.with_services()
    absent = {name: why for name, why in languages.build_all().items() if why}
    for name, why in absent.items():
        print(f"absent: the client in {name}: {why}", flush=True)
    plain = [(name,) for name in languages.LANGUAGES]
    with pipeline.Pipeline() as world:
        simulator = following.start_feeds(world, trades_per_s=200)
        replicas = [world.query(name) for name in ("query-1", "query-2")]
        for replica in replicas:
            replica.wait_until_ready()
        addresses = [replica.address for replica in replicas]
        clients = [following.Client(world.folder.name, number, name,
                                    addresses[:: 1 if number % 2 else -1], options)
                   for number, (name, *options) in enumerate(plain + list(VARIANTS))
                   if name not in absent]
        break_things(world, clients, replicas)
        truth = following.end_of_feed(world, simulator, clients)
        results = [following.is_right(client, truth) and went_on(client)
                   for client in clients]
    print(f"{sum(results)} of {len(results)} clients right", flush=True)
    assert results and all(results)
    assert not (absent and os.environ.get("CI")), f"could not be built: {', '.join(absent)}"


if __name__ == "__main__":
    main()
