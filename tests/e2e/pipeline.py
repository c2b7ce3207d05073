"""Starts the real services against a real Kafka and PostgreSQL, and asks them.

Nothing outlives the test: every process dies with it, Kafka and PostgreSQL are those of
tests/support/services, which the test starts around itself where nobody else did.
"""
import contextlib
import ctypes
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAMS = os.path.join(os.environ.get("QUANTSTREAM_BINARY_DIR", ROOT + "/build/release"), "bin")
LIBC = ctypes.CDLL(None)


def with_services():
    """Runs this script again inside tests/support/services, unless it is there already."""
    if "QUANTSTREAM_TEST_KAFKA" not in os.environ:
        services = os.path.join(ROOT, "tests/support/services")
        os.execv(services, [services, sys.executable, "-B"] + sys.argv)


def free_port():
    while True:
        port = random.randint(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def wait_for(what, condition, bound_s=60.0):
    deadline = time.monotonic() + bound_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {bound_s:.0f} s for: {what}")
        time.sleep(0.1)


def die_with_parent():
    LIBC.prctl(1, signal.SIGKILL)


class Service:
    """One running program with its configuration file and its log."""

    def __init__(self, folder, name, program, config):
        self.name = name
        self.admin_port = config["admin_port"]
        self.command = [os.path.join(PROGRAMS, program), "--config", f"{folder}/{name}.yaml"]
        self.log_path = f"{folder}/{name}.log"
        with open(f"{folder}/{name}.yaml", "w", encoding="utf-8") as file:
            json.dump(config, file, indent=1)  # JSON is YAML
        self.start()

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, preexec_fn=die_with_parent)

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended: {self.process.returncode}\n{self.log()}")
        try:
            url = f"http://127.0.0.1:{self.admin_port}/readyz"
            return urllib.request.urlopen(url, timeout=2).status == 200
        except OSError:
            return False

    def wait_until_ready(self, bound_s=60.0):
        wait_for(f"{self.name} to be ready", self.ready, bound_s)

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; the exit code."""
        self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9

    def log(self, lines=30):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:])

    def metric(self, name, label=""):
        """The sum over all lines of this name that hold the label: 'outcome="landed"'."""
        url = f"http://127.0.0.1:{self.admin_port}/metrics"
        text = urllib.request.urlopen(url, timeout=5).read().decode()
        values = [line.rsplit(" ", 1)[1] for line in text.splitlines()
                  if line.split("{")[0].split(" ")[0] == name and label in line]
        return sum(float(value) for value in values)


class Pipeline:
    """A database, a topic prefix and the services that the test starts."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="quantstream-e2e-")
        self.kafka = os.environ["QUANTSTREAM_TEST_KAFKA"]
        self.postgres_port = int(os.environ["QUANTSTREAM_TEST_POSTGRES"])
        self.name = f"e2e_{os.getpid()}_{random.randint(0, 10**9)}"
        self.services = []
        self.psql("postgres", f"CREATE DATABASE {self.name}")

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        for service in self.services:
            if kind is not None:
                print(f"--- the end of {service.name}'s log\n{service.log()}", flush=True)
            service.kill()
        self.psql("postgres", f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
        self.folder.cleanup()

    def start(self, name, program, config):
        config = dict(config, admin_port=free_port())
        if program != "simulator":
            config["kafka"] = {"bootstrap.servers": self.kafka}
            config["topic_prefix"] = self.name + "."
        if program in ("processor", "query"):
            config["postgres"] = {"host": "127.0.0.1", "port": str(self.postgres_port),
                                  "dbname": self.name, "user": "quantstream"}
        service = Service(self.folder.name, name, "quantstream-" + program, config)
        self.services.append(service)
        return service

    def processor(self, slot="1", workers=3, **options):
        config = {"workers": workers, "slot": slot, "group_id": self.name, **options}
        return self.start("processor-" + slot, "processor", config)

    def query(self, name="query", **options):
        """grpc_candles asks the newest one."""
        self.grpc_port = free_port()
        service = self.start(name, "query", {"grpc_port": self.grpc_port, **options})
        service.address = f"127.0.0.1:{self.grpc_port}"
        return service

    def simulator(self, name="simulator", **options):
        """The service, the URL of its wss and its control."""
        ws_port, wss_port = free_port(), free_port()
        ledger = f"{self.folder.name}/{name}.csv"
        service = self.start(name, "simulator", {
            "ws_port": ws_port, "wss_port": wss_port, "tls_dir": self.folder.name + "/tls",
            "ledger_file": ledger, "start_when_subscribed": True, **options})
        service.ledger = ledger
        service.ws_port = ws_port
        service.wss_url = f"wss://localhost:{wss_port}/stream"
        service.wait_until_ready()
        return service

    def ingest(self, name, **options):
        return self.start(name, "ingest", {"node": name, **options})

    def ingest_from(self, simulator, venue, instruments, **options):
        return self.ingest("ingest-" + venue, venue=venue, instruments=instruments,
                           websocket_url=simulator.wss_url,
                           ca_file=self.folder.name + "/tls/ca.pem", **options)

    def psql_command(self, database):
        address = f"host=127.0.0.1 port={self.postgres_port} user=quantstream dbname={database}"
        return ["psql", "--no-psqlrc", "-qtA", "-F", "|", "-v", "ON_ERROR_STOP=1", address]

    def psql(self, database, statement):
        """Rows of text columns; the NULL of a column is an empty text."""
        done = subprocess.run(self.psql_command(database) + ["-c", statement],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"{statement}: {done.stderr}")
        return [line.split("|") for line in done.stdout.splitlines()]

    def rows(self, statement):
        return self.psql(self.name, statement)

    @contextlib.contextmanager
    def locked_rows(self, query):
        """Holds the locks of this SELECT FOR UPDATE inside the block."""
        with subprocess.Popen(self.psql_command(self.name), stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True,
                              preexec_fn=die_with_parent) as holder:
            holder.stdin.write(f"BEGIN; {query}; SELECT 'locked';\n")
            holder.stdin.flush()
            while holder.stdout.readline().strip() != "locked":
                assert holder.poll() is None, "psql ended"
            yield
            holder.stdin.close()

    def has_schema(self):
        return self.rows("SELECT to_regclass('candles_v')")[0][0] != ""

    def grpc_candles(self, instrument, interval):
        """Rows of the CSV that quantstream-e2e-candles prints."""
        tool = os.path.join(os.path.dirname(PROGRAMS), "tests", "e2e_candles")
        done = subprocess.run([tool, f"127.0.0.1:{self.grpc_port}", instrument, interval],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"GetCandles {instrument} {interval}: {done.stderr}")
        return [line.split(",") for line in done.stdout.splitlines()]


def control(simulator, path, post=True):
    request = urllib.request.Request(f"http://127.0.0.1:{simulator.ws_port}/control/{path}",
                                     method="POST" if post else "GET")
    return json.loads(urllib.request.urlopen(request, timeout=10).read())
