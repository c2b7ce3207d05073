"""The scripts of deploy/, as far as they can be judged without starting anything."""

import os
import pathlib
import re
import shlex
import socket
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
SCRIPTS = [path for folder in ("deploy", "tests", "third_party", ".ci")
           for path in (ROOT / folder).rglob("*")
           if path.is_file()
           and (path.suffix == ".sh" or path.read_bytes().startswith(b"#!/usr/bin/env bash"))]


def run(*command, **keywords):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **keywords)


def in_local(script, **environment):
    """Runs bash text with deploy/local's parts sourced."""
    parts = "; ".join(f"source deploy/local/{part}.sh"
                      for part in ("settings", "services", "config", "feed"))
    return run("bash", "-euo", "pipefail", "-c", f"{parts}; {script}",
               env={**os.environ, **environment})


class Scripts(unittest.TestCase):
    def test_bash_can_read_all_of_them(self):
        self.assertGreater(len(SCRIPTS), 15)
        for path in SCRIPTS:
            result = run("bash", "-n", str(path))
            self.assertEqual(result.returncode, 0, result.stderr)

    def test_servers_tell_their_usage(self):
        for name in ("kafka/start", "kafka/stop", "kafka/running",
                     "postgres/start", "postgres/stop", "postgres/running"):
            result = run(f"deploy/{name}")
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(f"usage: deploy/{name} DIR", result.stderr)


class Up(unittest.TestCase):
    def assert_refused(self, message, *arguments):
        result = run("deploy/local/up", *arguments)
        self.assertEqual(result.returncode, 2)
        self.assertIn(message, result.stderr)

    def test_help_names_every_option(self):
        text = run("deploy/local/up", "--help").stdout
        for option in ("--feed", "--processes", "--workers", "--port"):
            self.assertIn(option, text)

    def test_ports_are_checked_wherever_they_come_from(self):
        result = run("deploy/local/up", "--port", "grpc=9103",
                     env={**os.environ, "QUANTSTREAM_LOCAL_PORT_KAFKA": "many"})
        self.assertEqual(result.returncode, 2)
        self.assertIn("--port kafka must be 1 to 65535, not 'many'", result.stderr)
        self.assertIn("--port query and grpc are both 9103", result.stderr)

    def test_names_all_that_is_wrong_at_once(self):
        result = run("deploy/local/up", "--fed", "--processes", "99", "--feed", "recorded",
                     "/nonexistent", "--port", "web=80", "--workers")
        self.assertEqual(result.returncode, 2)
        for message in ("unknown option --fed", "--processes must be 1 to 16, not '99'",
                        "no file /nonexistent", "no port 'web'", "--workers: its value is missing",
                        "--feed recorded needs files"):
            self.assertIn(f"error: {message}", result.stderr)

    def test_refuses_what_it_does_not_know(self):
        self.assert_refused("unknown option --fed", "--fed", "live")
        self.assert_refused("no feed 'lives'", "--feed", "lives")
        self.assert_refused("value is missing", "--feed")
        self.assert_refused("--processes must be 1 to 16, not '0'", "--processes", "0")
        self.assert_refused("--workers must be 1 to 64, not 'many'", "--workers", "many")
        self.assert_refused("no port 'web'", "--port", "web=80")
        self.assert_refused("--port grpc must be 1 to 65535, not '70000'", "--port", "grpc=70000")
        self.assert_refused("--feed recorded needs files", "--feed", "recorded")
        self.assert_refused("no file /nonexistent", "--feed", "recorded", "/nonexistent")


class Others(unittest.TestCase):
    """A script that does not know an argument does nothing: `clean --help` removes no data."""

    def test_help_is_the_comment_at_the_top(self):
        for name in ("local/up", "local/down", "local/status", "local/clean", "local/logs",
                     "local/packages", "../tests/run", "../bench/run"):
            result = run(f"deploy/{name}", "--help")
            self.assertEqual((result.returncode, result.stderr), (0, ""), name)
            top = (ROOT / "deploy" / name).read_text().splitlines()[1]
            self.assertEqual(result.stdout.splitlines()[0], top[2:], name)

    def test_unknown_arguments_are_refused(self):
        for name in ("local/down", "local/status", "local/clean", "local/logs", "local/packages",
                     "../tests/run", "../bench/run"):
            result = run(f"deploy/{name}", "--frobnicate")
            self.assertEqual((result.returncode, result.stdout), (2, ""), name)
            self.assertNotEqual(result.stderr, "", name)


class Parts(unittest.TestCase):
    def test_owner_of_a_port_is_named(self):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            number = listener.getsockname()[1]
            owner = in_local(f"port_owner {number}").stdout
            self.assertIn(f"process {os.getpid()} (python3", owner)
        self.assertEqual(in_local(f"port_owner {number}").stdout, "")

    def test_environment_names_a_port(self):
        result = in_local('settings_file=/nonexistent; load_settings; echo "${port[grpc]}"',
                          QUANTSTREAM_LOCAL_PORT_GRPC="50999")
        self.assertEqual(result.stdout, "50999\n")

    def test_auto_stays_auto_and_looks_again_at_every_up(self):
        up = 'load_settings; choose_feed; echo $feed; save_settings'
        with tempfile.TemporaryDirectory() as folder:
            choose = f"local_dir={folder}; settings_file={folder}/settings;"
            first = in_local(f"{choose} venue_reachable() {{ false; }}; {up}")
            self.assertEqual(first.stdout.splitlines()[-1], "simulator", first.stderr)
            second = in_local(f"{choose} venue_reachable() {{ true; }}; {up}")
            self.assertEqual(second.stdout.splitlines()[-1], "live", second.stderr)

    def test_only_venues_with_a_description_have_contiguous_ids(self):
        result = in_local("processor_config processor-1")
        self.assertIn("contiguous_id_venues: [binance, simulator]\n", result.stdout)

    def test_processors_have_ports_of_their_own(self):
        result = in_local("processes=3; feed=none; for name in $(service_names);"
                          " do echo $name $(program_of $name) $(admin_port $name); done")
        self.assertEqual(result.stdout.splitlines(), [
            "query query 9103", "processor-1 processor 9102", "processor-2 processor 9112",
            "processor-3 processor 9122"])


class Documents(unittest.TestCase):
    def test_flags_of_grpcurl_stand_before_the_address(self):
        """What stands behind it grpcurl takes for too many arguments. The commands of README and
        RECIPES are run by tests/clients."""
        texts = "".join((ROOT / name).read_text() for name in (
            "deploy/local/up", "deploy/local/grpcurl", "query/README.md"))
        commands = re.findall(r"^[# ]*(?:deploy/local/)?(grpcurl -(?:.*\\\n)*.*)$", texts, re.M)
        self.assertGreater(len(commands), 2)
        for command in commands:
            words = shlex.split(re.sub(r"\\+\n", "", command))
            address = next(i for i, word in enumerate(words) if word.startswith("127.0.0.1:"))
            behind = [word for word in words[address:] if word.startswith("-")]
            self.assertEqual(behind, [], command)


if __name__ == "__main__":
    unittest.main()
