"""The checkout against the rules: zero offenders."""

import os
import unittest

import rules
import sources


class Style(unittest.TestCase):
    maxDiff = None

    def assert_none(self, offenders):
        offenders = list(offenders)
        if offenders:
            self.fail(f"{len(offenders)} offenders:\n" + "\n".join(offenders))

    def test_lines_are_at_most_100_columns(self):
        self.assert_none(offender for path in sources.code_files()
                         for offender in rules.too_wide(path, sources.lines(path)))

    def test_files_are_at_most_400_lines(self):
        self.assert_none(offender for path in sources.code_files() if path.suffix != ".proto"
                         for offender in rules.too_long(path, sources.lines(path)))

    def test_functions_are_at_most_70_lines(self):
        files = [path for path in sources.code_files() if path.suffix in sources.CPP | {".py"}]
        self.assert_none(offender for path in files
                         for offender in rules.long_functions(path, sources.text(path)))

    def test_every_header_says_what_it_is_for(self):
        self.assert_none(offender for path in sources.cpp_files() if path.suffix == ".h"
                         for offender in rules.header_without_comment(path, sources.lines(path)))

    def test_services_meet_only_on_kafka_postgresql_and_grpc(self):
        self.assert_none(offender for path in sources.cpp_files()
                         for offender in rules.forbidden_includes(path, sources.text(path)))

    def test_nothing_is_marked_as_unfinished(self):
        self.assert_none(offender for path in sources.all_files()
                         for offender in rules.unfinished(path, sources.lines(path)))

    def test_scripts_are_executable_and_nothing_else_is(self):
        self.assert_none(
            offender for path in sources.all_files()
            for offender in rules.wrong_run_bit(
                path, os.access(sources.ROOT / path, os.X_OK),
                (sources.text(path) or "").startswith("#!")))

    def test_documents_name_files_that_exist(self):
        self.assert_none(
            offender for path in sources.documents()
            for offender in rules.missing_files(path, sources.text(path), sources.ROOT))

    def test_documents_name_tests_that_exist(self):
        tests = set().union(*(rules.tests_of(sources.text(path)) for path in sources.cpp_files()))
        self.assertGreater(len(tests), 500)
        self.assert_none(offender for path in sources.documents()
                         for offender in rules.missing_tests(path, sources.text(path), tests))


if __name__ == "__main__":
    unittest.main()
