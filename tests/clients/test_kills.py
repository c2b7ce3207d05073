"""NO HOLE: the query service is killed again and again, one replica after the other, while many
clients in all languages stream, by both calls and with each policy. They go on at the other replica
with their tokens: each ends with every closed candle as PostgreSQL has it, and no step back.

QUANTSTREAM_KILLS (2), QUANTSTREAM_CLIENTS (20)
"""
import itertools
import os

import following
import languages
from following import pipeline

KILLS = int(os.environ.get("QUANTSTREAM_KILLS", "2"))
CLIENTS = int(os.environ.get("QUANTSTREAM_CLIENTS", "20"))
# In turn. Java and the shell take most memory and processes, and come once.
KINDS = (("go",), ("python",), ("go", "--subscribe"), ("typescript", "--policy", "skip"),
         ("cpp",), ("go", "--policy", "disconnect", "--think-ms", "50"), ("rust",),
         ("typescript", "--subscribe", "--policy", "disconnect"),
         ("go", "--policy", "skip", "--think-ms", "200"), ("python", "--subscribe"),
         ("go", "--subscribe", "--policy", "skip", "--think-ms", "100"), ("cpp",),
         ("go", "--think-ms", "100"), ("python", "--policy", "skip", "--subscribe"), ("rust",),
         ("go", "--subscribe", "--policy", "disconnect", "--think-ms", "100"), ("typescript",))
ONCE = (("java",), ("grpcurl",))


def kinds(absent):
    available = [kind for kind in KINDS if kind[0] not in absent]
    once = [kind for kind in ONCE if kind[0] not in absent]
    return once + list(itertools.islice(itertools.cycle(available), CLIENTS - len(once)))


def kill_again_and_again(world, clients, replicas):
    following.wait_for_news(world, clients, "at the beginning")
    for number in range(KILLS):
        victim = replicas[number % 2]
        victim.kill()
        following.wait_for_news(world, clients, f"after kill {number + 1}")
        victim.start()
        victim.wait_until_ready()


def main():
    pipeline.with_services()
    absent = {name: why for name, why in languages.build_all().items() if why}
    for name, why in absent.items():
        print(f"absent: the client in {name}: {why}", flush=True)
    with pipeline.Pipeline() as world:
        simulator = following.start_feeds(world, trades_per_s=50)
        # Small queues, so that slow clients are slow.
        replicas = [world.query(name, queue_bytes_max=65536) for name in ("query-1", "query-2")]
        for replica in replicas:
            replica.wait_until_ready()
        addresses = [replica.address for replica in replicas]
        clients = [following.Client(world.folder.name, number, name,
                                    addresses[:: 1 if number % 2 else -1], options)
                   for number, (name, *options) in enumerate(kinds(absent))]
        kill_again_and_again(world, clients, replicas)
        truth = following.end_of_feed(world, simulator, clients)
        results = [following.is_right(client, truth) for client in clients]
    print(f"{KILLS} kills: {sum(results)} of {len(results)} clients right", flush=True)
    assert results and all(results)
    assert not (absent and os.environ.get("CI")), f"could not be built: {', '.join(absent)}"


if __name__ == "__main__":
    main()
