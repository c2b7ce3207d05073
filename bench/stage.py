"""A private Kafka and PostgreSQL, a process that is measured, a table and a file of results."""

import datetime
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Stage:
    """Kafka and PostgreSQL of this run alone; gone at the end."""

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="quantstream-bench-", dir="/var/tmp"))
        self.services = []
        self.kafka_port, self.postgres_port = free_port(), free_port()
        start = ROOT / "deploy"
        subprocess.run(
            [start / "kafka/start", self.folder / "kafka", str(self.kafka_port), str(free_port())],
            check=True,
            env={**os.environ, "QUANTSTREAM_KAFKA_HEAP_MB": "1024"},
        )
        subprocess.run(
            [start / "postgres/start", self.folder / "postgres", str(self.postgres_port)],
            check=True,
        )
        self.brokers = f"127.0.0.1:{self.kafka_port}"
        return self

    def __exit__(self, *_):
        for service in self.services:
            service.process.kill()
            service.process.wait()
        subprocess.run([ROOT / "deploy/kafka/stop", self.folder / "kafka"], check=False)
        subprocess.run([ROOT / "deploy/postgres/stop", self.folder / "postgres"], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def conninfo(self, database):
        return f"host=127.0.0.1 port={self.postgres_port} user=quantstream dbname={database}"

    def postgres_cpu_seconds(self):
        """Of this run's PostgreSQL, all its processes."""
        pid_file = next(self.folder.glob("postgres/**/postmaster.pid"))
        return cpu_seconds_of_family(int(pid_file.read_text().split()[0]))

    def kafka_cpu_seconds(self):
        """Of this run's broker."""
        return cpu_seconds(int((self.folder / "kafka/kafka.pid").read_text()))

    def query(self, database, sql):
        """The answer of psql as text, one row a line."""
        return subprocess.run(
            ["psql", "-XAtq", self.conninfo(database), "-c", sql],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def make_database(self, name):
        self.query("quantstream", f"CREATE DATABASE {name}")
        return name


def cpu_seconds(pid):
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def cpu_seconds_of_family(pid):
    """User and system time of a process and its children, the ended ones too."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # ended meanwhile: its parent has its time
        if str(pid) in (stat.parent.name, fields[1]):
            total += sum(int(x) for x in fields[11:15])
    return total / TICKS


def peak_megabytes(pid):
    """The most memory the process ever held."""
    return status_megabytes(pid, "VmHWM")


def memory_megabytes(pid):
    """What the process holds now."""
    return status_megabytes(pid, "VmRSS")


def status_megabytes(pid, name):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0


class Service:
    """One of our binaries with a configuration of its own."""

    def __init__(self, stage, build, name, options):
        self.config = stage.folder / f"{name}-{time.monotonic_ns()}.yaml"
        self.config.write_text(json.dumps(options, indent=1))  # JSON is YAML
        self.log = self.config.with_suffix(".log")
        self.process = subprocess.Popen(
            [build / "bin" / name, "--config", self.config],
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
        )
        stage.services.append(self)

    @property
    def pid(self):
        return self.process.pid

    def check_alive(self):
        if self.process.poll() is not None:
            raise RuntimeError(
                f"ended with {self.process.returncode}: {self.log.read_text()[-2000:]}"
            )

    def metric(self, port, name):
        """Sum of a metric over its labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in lines
            if line.startswith(name) and "#" not in line
        )

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Results:
    """Figures beside their goals: a table, and a file for later runs to compare with."""

    def __init__(self, name):
        self.name, self.rows = name, []

    def add(self, question, metric, value, unit, goal=None, better="lower"):
        self.rows.append(
            {
                "question": question,
                "metric": metric,
                "value": round(value, 3),
                "unit": unit,
                "goal": goal,
                "better": better,
            }
        )
        print(
            f"  {question:38} {metric:28} {value:12.3f} {unit:10} {f'goal {goal}' if goal else ''}",
            flush=True,
        )

    def write(self):
        commit = subprocess.run(
            ["git", "-C", ROOT, "rev-parse", "--short", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        system = f"{platform.system()} {platform.release().split('-')[0]}"
        machine = f"{os.cpu_count()} cores, {platform.machine()}, {system}"
        folder = ROOT / "bench/results"
        folder.mkdir(exist_ok=True)
        (folder / f"{self.name}.json").write_text(
            json.dumps(
                {
                    "commit": commit,
                    "date": datetime.date.today().isoformat(),
                    "machine": machine,
                    "results": self.rows,
                },
                indent=2,
            )
            + "\n"
        )
