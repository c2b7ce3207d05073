"""The files of the checkout that the style tests look at: ours, of one kind or another."""

import functools
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
CPP = {".h", ".cpp"}
CODE = CPP | {".py", ".cmake", ".proto", ".sql", ".sh", ".go", ".java", ".rs", ".ts"}
NOT_OURS = ("third_party/googleapis/", "third_party/licenses/")


@functools.cache
def all_files():
    """Paths, relative to the checkout, that are in git or would be added to it."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others",
         "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True).stdout.decode()
    paths = sorted({pathlib.PurePath(name) for name in listing.split("\0") if name})
    return [path for path in paths
            if (ROOT / path).is_file() and not str(path).startswith(NOT_OURS)]


@functools.cache
def text(path):
    """The content, or None for a file that is not text."""
    try:
        content = (ROOT / path).read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in content else content


def lines(path):
    return (text(path) or "").splitlines()


def is_script(path):
    return not path.suffix and (text(path) or "").startswith("#!")


def code_files():
    """What is written in a programming language, scripts without a suffix and CMake included."""
    return [path for path in all_files()
            if path.suffix in CODE or path.name == "CMakeLists.txt" or is_script(path)]


def cpp_files():
    return [path for path in all_files() if path.suffix in CPP]


def documents():
    return [path for path in all_files() if path.suffix == ".md"]
