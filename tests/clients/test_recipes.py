"""The commands and programs of the documents print what stands below them.

QUANTSTREAM_REWRITE=1 writes what they print into the documents instead.
"""
import concurrent.futures
import difflib
import os
import signal
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
    pipeline.wait_for("query to know both", lambda: knows_both(query))
    return feed, query


def knows_both(query):
    """It looks for new instruments at most once in a while."""
    asked = '{"instruments": ["recorded:BTC-USDT", "recorded:ETH-USDT"], "intervals": ["1s"]}'
    return subprocess.run(
        ["bash", "-c", 'grpcurl -plaintext -d "$1" "$2" quantstream.v1.MarketData/GetLatest', "-",
         asked, query.address],
        env=environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False
    ).returncode == 0


def all_stored(world):
    return int(world.rows("SELECT count(DISTINCT interval_s) FROM candles_v "
                          "WHERE venue = 'recorded' AND interval_s >= 60")[0][0]) == 5


def environment():
    """The commands find grpcurl and the Python of the client, with its code, by their names."""
    client = languages.CACHE / "python"
    return dict(languages.environment(), TZ="UTC", PGTZ="UTC", LC_ALL="C.UTF-8",
                PYTHONPATH=str(client),
                PATH=f"{client}/venv/bin:{ROOT}/deploy/local:/usr/bin:/bin")


def usual_places(world, query):
    """What the documents name, and what is here instead."""
    return (("127.0.0.1:50051", query.address), ("port=15432", f"port={world.postgres_port}"),
            ("dbname=quantstream", f"dbname={world.name}"))


def here(world, query, code):
    for usual, actual in usual_places(world, query):
        code = code.replace(usual, actual)
    return code


def run(world, query, example):
    """What it printed."""
    code = here(world, query, example.code)
    command = ["bash", "-c", code] if example.kind == "console" else ["python", "-c", code]
    process = subprocess.Popen(command, cwd=world.folder.name, env=environment(),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        output = process.communicate(timeout=EXAMPLE_MAX_S)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output = f"{process.communicate()[0]}still running after {EXAMPLE_MAX_S} s\n"
    for usual, actual in usual_places(world, query):
        output = output.replace(actual, usual)
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
        for text in texts.values():
            for name, content in documents.files(text).items():
                with open(f"{world.folder.name}/{name}", "w", encoding="utf-8") as file:
                    file.write(here(world, query, content))
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
