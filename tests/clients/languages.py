"""The client programs, one for each language, and how each is built: its folder and proto/ are
copied to .cache/clients/NAME, as a user would copy them, and `./build` runs there.

What is downloaded stays below .cache/clients. A copy that was built from the same files is used
again.
"""
import concurrent.futures
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache/clients"
# The command of each, in its copy.
LANGUAGES = {
    "python": ["venv/bin/python", "client.py"],
    "go": ["./client"],
    "typescript": ["node", "dist/client.js"],
    "java": ["java", "-jar", "target/client.jar"],
    "rust": ["target/debug/client"],
    "cpp": ["out/client"],
    "grpcurl": ["./client"],
}
BUILD_MAX_S = 900


def environment():
    """Debian's own tools come first: others may be newer than what a user has."""
    downloads = CACHE / "downloads"
    return dict(
        os.environ, PATH="/usr/bin:/bin:" + os.environ["PATH"], PIP_CACHE_DIR=f"{downloads}/pip",
        GOPATH=f"{downloads}/go", GOCACHE=f"{downloads}/go-build", GOFLAGS="-modcacherw",
        npm_config_cache=f"{downloads}/npm",
        CARGO_HOME=f"{downloads}/cargo", MAVEN_OPTS=f"-Dmaven.repo.local={downloads}/maven",
        GRPCURL=str(ROOT / "deploy/local/grpcurl"))


def inputs(name):
    """(the file, where it stands in the copy) of all that a language's client is built from."""
    here = ROOT / "tests/clients" / name
    for folder, prefix in ((here, "."),
                           (ROOT / "proto/quantstream", "proto/quantstream"),
                           (ROOT / "third_party/googleapis/google", "proto/google")):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                yield path, pathlib.Path(prefix) / path.relative_to(folder)


def fingerprint(name):
    digest = hashlib.sha256()
    for path, place in inputs(name):
        digest.update(f"{place} {path.stat().st_mode}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def copy(name):
    for path, place in inputs(name):
        target = CACHE / name / place
        target.parent.mkdir(parents=True, exist_ok=True)
        # What did not change keeps its time: the language's own tool builds no more than it must.
        if not target.exists() or target.read_bytes() != path.read_bytes():
            shutil.copy(path, target)


def build(name):
    """None, or why the client could not be built."""
    folder = CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        built = folder / ".built"
        wanted = fingerprint(name)
        if built.exists() and built.read_text() == wanted:
            return None
        copy(name)
        start = time.monotonic()
        try:
            done = subprocess.run(["nice", "./build"], cwd=folder, env=environment(), text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=BUILD_MAX_S, check=False)
        except subprocess.TimeoutExpired:
            return f"not built after {BUILD_MAX_S} s"
        if done.returncode != 0:
            print(f"--- {name}\n" + "\n".join(done.stdout.splitlines()[-30:]), flush=True)
            return f"./build ended with {done.returncode}: {(done.stdout.split(chr(10))[-2:])[0]}"
        built.write_text(wanted)
        print(f"{name}: built in {time.monotonic() - start:.0f} s", flush=True)
        return None


def build_all(names=None):
    """{name: None or why it could not be built}."""
    names = list(names or LANGUAGES)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return dict(zip(names, pool.map(build, names)))


def command(name):
    """What starts the client, as an absolute command."""
    first, *others = LANGUAGES[name]
    folder = CACHE / name
    located = [str(folder / each) if (folder / each).exists() else each for each in others]
    return [str(folder / first) if "/" in first else first] + located


if __name__ == "__main__":
    failed = {name: why for name, why in build_all(sys.argv[1:]).items() if why}
    for name, why in failed.items():
        print(f"absent: the client in {name}: {why}")
    sys.exit(1 if failed else 0)
