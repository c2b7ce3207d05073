"""RULES.md lists every scenario, every switch is in it, and every switch is read by the code."""

import pathlib
import re
import unittest

SIMULATION = pathlib.Path(__file__).resolve().parent
TESTS = SIMULATION.parent
ROOT = TESTS.parent
# Structs of switches, and where they are read.
SWITCHES = {
    "processor/rules.h": ("Rules", "processor"),
    "query/splice.h": ("SpliceRules", "query"),
    "query/latest.h": ("LatestRules", "query"),
    "query/merge_rules.h": ("MergeRules", "query"),
    "query/places.h": ("PlacesRules", "query"),
    "query/fill.h": ("FillRules", "query"),
    "query/subscription.h": ("SubscriptionRules", "query"),
    "tests/simulation/fold/sim_store.h": ("StoreRules", "tests/simulation/fold"),
    "tests/simulation/splice_run.h": ("QueryRules", "tests/simulation"),
}


def switches(path, struct):
    body = (ROOT / path).read_text().split(f"struct {struct} {{", 1)[1].split("\n};", 1)[0]
    return re.findall(r"^\s*bool (\w+)\s*=\s*true;", body.replace("=\n", "= "), re.M)


def rows():
    for line in (SIMULATION / "RULES.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0].isdigit():
            yield int(cells[0]), cells[2].strip("`"), cells[3], cells[4].strip("`")


class RulesTable(unittest.TestCase):
    def test_every_scenario_is_listed_beside_its_file(self):
        found = {(name, path.stem.removesuffix("_test"))
                 for path in TESTS.rglob("*.cpp")
                 for name in re.findall(r"\bRule\d+_\w+", path.read_text())}
        self.assertEqual(sorted(found), sorted({(name, place) for _, name, place, _ in rows()}))

    def test_every_rule_has_a_scenario_of_its_number(self):
        self.assertEqual({rule for rule, _, _, _ in rows()}, set(range(1, 25)))
        self.assertEqual([], [name for rule, name, _, _ in rows()
                              if not name.startswith(f"Rule{rule}_")])

    def test_every_switch_is_listed_and_taken_out(self):
        listed = {switch for _, _, _, switch in rows() if " " not in switch}
        known = {name for path, (struct, _) in SWITCHES.items() for name in switches(path, struct)}
        self.assertEqual(sorted(known), sorted(listed))
        scenarios = "".join(path.read_text() for path in TESTS.rglob("*.cpp"))
        self.assertEqual([], [name for name in known if not re.search(
            rf"TAKE_OUT\({name}\)|Rules::{name}\b|[.>]{name} = ", scenarios)])

    def test_every_switch_is_read_by_the_code(self):
        for path, (struct, folder) in SWITCHES.items():
            code = "".join(source.read_text() for source in (ROOT / folder).glob("*.[ch]*"))
            self.assertEqual([], [name for name in switches(path, struct)
                                  if not re.search(rf"rules_?\.{name}\b(?! =)", code)], path)


if __name__ == "__main__":
    unittest.main()
