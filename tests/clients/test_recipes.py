"""The commands and programs of the documents print what stands below them.

QUANTSTREAM_REWRITE=1 writes what they print into the documents instead.
"""
import concurrent.futures
import difflib
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))

import documents
import languages
import pipeline
import recording

DOCUMENTS = ("README.md", "RECIPES.md")
EXAMPLE_MAX_S = 120
PLAY_SPEED = 6


def start_feed(world):
    world.processor(workers=2, contiguous_id_venues=["recorded"]).wait_until_ready()
    query = world.query()
    query.wait_until_ready()
    path = world.folder.name + "/recording"
    recording.write(path)
    feed = world.ingest("ingest-recorded", venue="recorded", decoder="binance", feed="replay",
                        files=[path], replay_speed=PLAY_SPEED, exit_when_finished=True)
    # A stream of an instrument that has no candle yet is refused.
    pipeline.wait_for("both instruments", lambda: world.has_schema() and int(world.rows(
        "SELECT count(*) FROM instruments")[0][0]) == 2)
    return feed, query


def all_stored(world):
    return int(world.rows("SELECT count(DISTINCT interval_s) FROM candles_v "
                          "WHERE venue = 'recorded' AND interval_s >= 60")[0][0]) == 5


def environment():
    """The commands find grpcurl by its name alone."""
    return dict(languages.environment(), PATH=f"{ROOT}/deploy/local:/usr/bin:/bin", TZ="UTC",
                PGTZ="UTC", LC_ALL="C.UTF-8")


def run(world, query, example):
    """What it printed. The documents name the usual addresses; here others are free."""
    places = (("127.0.0.1:50051", query.address),
              ("port=15432", f"port={world.postgres_port}"),
              ("dbname=quantstream", f"dbname={world.name}"))
    code = example.code
    for usual, here in places:
        code = code.replace(usual, here)
    command = ["bash", "-c", code] if example.kind == "console" else ["venv/bin/python", "-c", code]
    done = subprocess.run(
        command, cwd=ROOT if example.kind == "console" else languages.CACHE / "python",
        env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=EXAMPLE_MAX_S, check=False)
    output = done.stdout
    for usual, here in places:
        output = output.replace(here, usual)
    return "".join(line.rstrip() + "\n" for line in output.rstrip().splitlines())


def judge(name, text, results):
    after = documents.rewritten(text, results)
    if after == text:
        print(f"{name}: {len(results)} outputs are as they stand there", flush=True)
        return True
    if os.environ.get("QUANTSTREAM_REWRITE"):
        with open(os.path.join(ROOT, name), "w", encoding="utf-8") as file:
            file.write(after)
        print(f"{name}: rewritten", flush=True)
        return True
    sys.stdout.writelines(difflib.unified_diff(
        text.splitlines(keepends=True), after.splitlines(keepends=True), name, "printed now"))
    return False


def main():
    pipeline.with_services()
    why = languages.build("python")
    assert not why, f"the client in python: {why}"
    texts = {}
    for name in DOCUMENTS:
        with open(os.path.join(ROOT, name), encoding="utf-8") as file:
            texts[name] = file.read()
    found = {name: documents.examples(text) for name, text in texts.items()}
    results = {name: {} for name in texts}
    with pipeline.Pipeline() as world, concurrent.futures.ThreadPoolExecutor(16) as pool:
        feed, query = start_feed(world)
        running = [(name, example, pool.submit(run, world, query, example))
                   for name, examples in found.items() for example in examples if example.live]
        pipeline.wait_for("the feed to end", lambda: feed.process.poll() is not None)
        pipeline.wait_for("all candles to be stored", lambda: all_stored(world))
        for name, example, future in running:
            results[name][example] = future.result()
        for name, examples in found.items():
            for example in examples:
                if not example.live:
                    results[name][example] = run(world, query, example)
    right = [judge(name, texts[name], results[name]) for name in texts]
    assert all(right), "documents differ; QUANTSTREAM_REWRITE=1 writes them anew"


if __name__ == "__main__":
    main()
