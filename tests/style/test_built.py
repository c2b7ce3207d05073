"""Every C++ source of the tree is compiled: a test that nobody builds passes for ever.

  test_built.py BUILD_FOLDER

Reads its compile_commands.json. Fuzz targets are built by clang on request, the client in C++ as
its users would.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILT_ELSEWHERE = ("tests/fuzz/", "tests/clients/")


def main():
    commands = json.loads((Path(sys.argv[1]) / "compile_commands.json").read_text())
    built = {Path(each["directory"], each["file"]).resolve() for each in commands}
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "*.cpp"], capture_output=True, text=True, check=True
    ).stdout.split()
    missing = [
        path
        for path in listed
        if not path.startswith(BUILT_ELSEWHERE) and (ROOT / path).resolve() not in built
    ]
    for path in missing:
        print(f"{path}: in no target of any CMakeLists.txt")
    print(f"{len(listed) - len(missing)} of {len(listed)} sources are built or fuzz targets")
    return 1 if missing or not listed else 0


if __name__ == "__main__":
    sys.exit(main())
