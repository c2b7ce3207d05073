"""The rules themselves: each catches an offender that was planted, and lets its neighbour pass."""

import pathlib
import tempfile
import unittest

import rules
from cpp_functions import functions

CPP = pathlib.PurePath("market/decimal.cpp")


def count(offenders):
    return len(list(offenders))


class Rules(unittest.TestCase):
    def test_width_counts_characters(self):
        self.assertEqual(count(rules.too_wide(CPP, ["x" * 100, "é" * 100])), 0)
        self.assertEqual(count(rules.too_wide(CPP, ["x" * 101])), 1)

    def test_length_of_a_file(self):
        self.assertEqual(count(rules.too_long(CPP, [""] * 400)), 0)
        self.assertEqual(count(rules.too_long(CPP, [""] * 401)), 1)

    def test_functions_are_found_in_every_scope(self):
        source = """
        namespace a::b {
        namespace {
        const int kTable[] = {1, 2};
        int Free(int x) { return x; }  // a brace in a comment: {
        }  // namespace
        class C : public D {
         public:
          explicit C(int x) : x_{x}, y_(1) {}
          int Get() const {
            if (x_) { return '{'; }
            return std::string("{").size();
          }
        };
        template <typename T>
        struct S { T operator()(T t) { return t; } };
        TEST(Suite, Name) {
          EXPECT_TRUE(true);
        }
        }
        """
        heads = [head for _, _, head in functions(source)]
        self.assertEqual(len([head for head in heads if "Free" in head]), 1)
        self.assertTrue(any("Get() const" in head for head in heads))
        self.assertTrue(any("operator()" in head for head in heads))
        self.assertTrue(any("TEST(Suite, Name)" in head for head in heads))
        self.assertFalse(any("kTable" in head for head in heads))

    def test_length_of_a_function(self):
        def body(lines):
            return "int F() {\n" + "x;\n" * (lines - 2) + "}\n"
        self.assertEqual(count(rules.long_functions(CPP, body(70))), 0)
        self.assertEqual(count(rules.long_functions(CPP, body(71))), 1)

    def test_length_of_a_python_function(self):
        path = pathlib.PurePath("tests/x.py")
        self.assertEqual(count(rules.long_functions(path, "def f():\n" + " x\n" * 69)), 0)
        self.assertEqual(count(rules.long_functions(path, "def f():\n" + " x\n" * 70)), 1)

    def test_comment_of_a_header(self):
        path = pathlib.PurePath("market/x.h")
        self.assertEqual(count(rules.header_without_comment(path, ["// What.", "#pragma once"])), 0)
        self.assertEqual(count(rules.header_without_comment(path, ["#pragma once"])), 1)
        self.assertEqual(count(rules.header_without_comment(path, ["// What."])), 1)

    def test_includes_point_down(self):
        def offenders(path, include):
            return count(rules.forbidden_includes(pathlib.PurePath(path), f'#include "{include}"'))
        self.assertEqual(offenders("query/tail.h", "market/candle.h"), 0)
        self.assertEqual(offenders("query/tail.h", "query/io.h"), 0)
        self.assertEqual(offenders("tests/e2e/x.cpp", "query/io.h"), 0)
        self.assertEqual(offenders("query/tail.h", "processor/io.h"), 1)
        self.assertEqual(offenders("market/candle.h", "platform/log.h"), 1)
        self.assertEqual(offenders("platform/log.h", "market/candle.h"), 1)
        self.assertEqual(offenders("platform/log.h", "ingest/io.h"), 1)
        self.assertEqual(offenders("ingest/feed.h", "tests/support/wait.h"), 1)

    def test_unfinished_work(self):
        self.assertEqual(count(rules.unfinished(CPP, ["// TO" + "DO: later", "todo list"])), 1)

    def test_run_bits(self):
        self.assertEqual(count(rules.wrong_run_bit(CPP, False, False)), 0)
        self.assertEqual(count(rules.wrong_run_bit(CPP, True, False)), 1)
        self.assertEqual(count(rules.wrong_run_bit(CPP, False, True)), 1)

    def test_documents(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "market").mkdir()
            (root / "market/a.h").touch()
            (root / "market/a.cpp").touch()

            def offenders(text):
                return count(rules.missing_files(pathlib.PurePath("README.md"), text, root))
            self.assertEqual(offenders("`market/a.{h,cpp}` [a](market/a.h) `market/*.h`"), 0)
            self.assertEqual(offenders("`market/b.h`"), 1)
            self.assertEqual(offenders("`market/a.{h,hpp}`"), 1)
            self.assertEqual(offenders("[b](b.md)"), 1)
            self.assertEqual(offenders("`localhost/9101` [web](https://example.org)"), 0)

    def test_tests_that_a_document_names(self):
        tests = rules.tests_of("TEST(Suite, Plain) {\nTEST_F(Fixture,\n       Wrapped) {\n"
                               "TEST_P(Cases, Each) {\n  TEST(Not, AtTheMargin)")
        self.assertEqual(tests, {"Suite.Plain", "Fixture.Wrapped", "Cases.Each"})
        path = pathlib.PurePath("README.md")
        self.assertEqual(count(rules.missing_tests(path, "`Suite.Plain`, `a.yaml`", tests)), 0)
        self.assertEqual(count(rules.missing_tests(path, "`Suite.Other`", tests)), 1)


if __name__ == "__main__":
    unittest.main()
