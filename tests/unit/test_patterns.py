"""Patterns in bounded time: against examples, against `re` on the syntax both share, and against what freezes `re`."""

from __future__ import annotations

import re
import warnings

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from amqpd.patterns import Pattern, PatternError
from amqpd.patterns import compile as compile_pattern

ATOMS = st.sampled_from(
    ["a", "b", "c", "A", "_", "1", "-", r"\.", ".", "[ab]", "[^a]", "[a-c1]", r"\d", r"\w", r"\s", r"\W", r"[^\s\d]"]
)
PLACES = st.sampled_from(["^", "$", r"\b", r"\A"])
QUANTIFIERS = st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "{1,}", "*?", "+?", "??", "{1,3}?"])
GROUPS = st.sampled_from(["({})", "(?:{})", "(?P<name>{})", "(?={})", "(?!{})", "(?i:{})", "(?:{})|a", "(?s:{})"])
LOOKBEHINDS = st.sampled_from(["(?<=a)", "(?<!a)", "(?<=^)", "(?<=a|b)", r"(?<!\w.)", "(?<=a(?=b))", "(?<!(?<=a)b)"])


def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    grouped = st.builds(lambda group, body: f"(?:{group.format(body)})", GROUPS, inner)
    repeated = st.builds(lambda body, quantifier: f"(?:{body}){quantifier}", inner, QUANTIFIERS)
    return st.one_of(
        grouped,
        repeated,
        st.builds("{}{}".format, ATOMS, QUANTIFIERS),
        st.builds("{}|{}".format, inner, inner),
        st.lists(inner, max_size=4).map("".join),
    )


PATTERNS = st.recursive(st.one_of(ATOMS, PLACES, LOOKBEHINDS), grow, max_leaves=12)
TEXTS = st.text(alphabet="abcA_1-. \n", max_size=8)


def found(pattern: str, text: str) -> bool:
    return compile_pattern(pattern).search(text)


@settings(max_examples=1000)
@given(PATTERNS, st.lists(TEXTS, min_size=1, max_size=6))
def test_a_search_agrees_with_re(pattern: str, texts: list[str]) -> None:
    assume(pattern.count("(?P<name>") < 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        expected = re.compile(pattern, re.ASCII)
    compiled = compile_pattern(pattern)
    assert [compiled.search(text) for text in texts] == [expected.search(text) is not None for text in texts]


@given(st.text(alphabet="ab.*+?()[]{}|^$\\Q\\E12,-:=!<>PimxQEdwb\n", max_size=25))
def test_any_text_is_compiled_or_refused_with_a_position(pattern: str) -> None:
    refusal: PatternError | None = None
    try:
        compile_pattern(pattern).search("a(b)\n")
    except PatternError as error:
        refusal = error
    if refusal is not None:
        assert 0 <= refusal.position <= len(pattern)
        assert refusal.source == pattern
        assert refusal.reason in str(refusal)


@given(st.text(max_size=12), st.text(max_size=3), st.text(max_size=3))
def test_an_escaped_text_is_found_as_it_stands(literal: str, before: str, after: str) -> None:
    text = before + literal + after
    assert found(re.escape(literal), text)
    assert found(rf"\A{re.escape(literal)}\z", literal)
    assume("\\E" not in literal and not literal.endswith("\\"))
    assert found(rf"\A\Q{literal}\E\z", literal)


@pytest.mark.parametrize("text", ["", "a", "orders.eu", "\n"])
@pytest.mark.parametrize(
    "pattern", ["", ".*", "^", "$", "a*", "(.*)", ".*.*", "(a|)", "a{0}", "(?:)", "(?i)", "^.*", ".*$", "a|.*", "(^|a)"]
)
def test_what_matches_the_empty_text_is_found_everywhere(pattern: str, text: str) -> None:
    assert found(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "hits", "misses"),
    [
        ("^$", ["", "\n"], ["a", "\n\n"]),
        ("foo", ["foo", "a foo b"], ["fo", "Foo", ""]),
        ("^foo", ["foo", "foobar"], ["afoo", "\nfoo"]),
        ("foo$", ["foo", "afoo", "foo\n"], ["foob", "foo\n\n"]),
        ("^foo$", ["foo", "foo\n"], ["foo\n\n", "afoo", "foob", "fo"]),
        ("^foo.*", ["foo", "foobar", "foo\nb"], ["afoo"]),
        ("^foo.*$", ["foo", "foobar", "foobar\n", "foo\n"], ["afoo", "foo\nb", "foo\n\n", "fo"]),
        ("^.*$", ["", "a", "a\n"], ["a\nb"]),
        (".*foo.*", ["foo", "a\nfoo\nb"], ["fo"]),
        ("^(foo|bar)$", ["foo", "bar"], ["foobar", "fo"]),
        (r"^amq\.", ["amq.gen-1"], ["amqp"]),
        (r"^(?!amq\.).*", ["orders", "amq"], ["amq.direct"]),
        (r"^(?:(?!secret).)*$", ["open", "secre"], ["my secret", "secret"]),
        ("(?<!a)b", ["b", "cb"], ["ab"]),
        ("(?<=a{1,2})b", ["aab"], ["b"]),
        ("(?<=(?=ab)a)b", ["ab"], ["b", "cb"]),
        ("(?=.*a)(?=.*b)c", ["cab"], ["abc", "ca"]),
        ("(?i)foo", ["FOO", "fOo"], ["fo"]),
        ("(?i)^é[^à]$", ["É-"], ["ÉÀ", "e-"]),
        ("(?i:f)oo", ["Foo", "foo"], ["fOo"]),
        ("(a(?i)b|c)d", ["aBd", "Cd"], ["AbD", "cD"]),
        ("(?i)a(?-i)b", ["Ab"], ["aB"]),
        ("(?s)a.b", ["a\nb"], ["ab"]),
        ("(?m)^b$", ["a\nb\nc", "b"], ["ab"]),
        ("(?m)^$", ["a\n\nb", ""], ["a\nb", "a\n"]),
        (r"a\z", ["a"], ["a\n"]),
        (r"a\Z", ["a", "a\n"], ["a\n\n"]),
        (r"\Ba\B", ["bab"], ["a", "ba", "ab"]),
        (r"\x41\x{e9}\x{1F430}", ["Aé🐰"], ["A"]),
        (r"\t\n\r\f\a\e\cA\0\101\o{102}", ["\t\n\r\f\a\x1b\x01\x00AB"], [""]),
        (r"^\v\h\N$", ["\x0b x"], ["v h", "\x0b \n"]),
        (r"^[\v]$", ["\n", "\x0b"], ["v"]),
        (r"^[\h\d-]+$", ["1- 2"], ["a"]),
        (r"\Qa.b*\E+", ["a.b**"], ["aab"]),
        (r"^[\Q]^\E]+$", ["]^"], ["a"]),
        (r"a\Q\E*b", ["b"], ["a"]),
        ("[]a]", ["]", "a"], ["b"]),
        ("[^]a]", ["b"], ["]", "a"]),
        ("[a-]", ["-", "a"], ["b"]),
        (r"[\b]", ["\b"], ["b"]),
        (r"[\]\\]", ["]", "\\"], ["a"]),
        ("^[[:alpha:]]+$", ["abZ"], ["a1"]),
        ("^[[:^alpha:]_]+$", ["1_-"], ["a"]),
        ("^[[:upper:][:digit:]]$", ["A", "1"], ["a"]),
        ("(?i)^[[:upper:]]$", ["A", "a"], ["1"]),
        ("^[[:space:][:punct:]]+$", ["\x0b \t!~"], ["a"]),
        (r"^\w+$", ["a_1"], ["é"]),
        ("^.$", ["é", "🐰"], ["ab"]),
        ("a{,3}", ["a{,3}"], ["aaa"]),
        ("x{", ["x{"], ["x"]),
        ("]}", ["]}"], ["]"]),
        (r"\i\y\_", ["iy_"], ["i"]),
        ("(?<first>a)(?P<second>b)(?'third'c)", ["abc"], ["ab"]),
        ("a(?#note (inside)b", ["ab"], ["a"]),
        ("(?=a)*b", ["b"], ["a"]),
        ("^a++b$", ["aab"], ["aa"]),
        ("^a++ab", [], ["aab"]),
        ("^a?+ab", ["aab"], ["ab"]),
        ("^a{1,2}+ab", ["aaab"], ["aab", "ab"]),
        ("^[ab]*+b", [], ["ab", "b"]),
        ("^a{2}+a", ["aaa"], ["aa"]),
        ("^(a*)*b$", ["b", "aab"], ["a"]),
        ("^(a?){3}$", ["", "aaa"], ["aaaa"]),
        ("^(a|b){2,}$", ["ab", "baa"], ["a"]),
    ],
)
def test_a_pattern_finds_what_pcre_finds(pattern: str, hits: list[str], misses: list[str]) -> None:
    compiled = compile_pattern(pattern)
    assert [text for text in hits if not compiled.search(text)] == []
    assert [text for text in misses if compiled.search(text)] == []


@pytest.mark.parametrize(
    ("pattern", "position", "reason"),
    [
        ("(a", 0, "missing ) for the group"),
        ("a)b", 1, "unmatched )"),
        ("a[b", 1, "missing ] for the class"),
        ("[]", 0, "missing ]"),
        ("*a", 0, "nothing to repeat before *"),
        ("a**", 2, "nothing to repeat"),
        ("a|{2}", 2, "nothing to repeat"),
        ("a^*", 2, "an anchor cannot be repeated"),
        ("a{3,2}", 1, "numbers out of order in {3,2}"),
        ("a{99999}", 1, "65535 at most"),
        ("a{" + "9" * 4500 + "}", 1, "65535 at most"),
        ("[z-a]", 1, "range out of order, 'z' to 'a'"),
        (r"[a-\d]", 1, "a range cannot end in a class"),
        ("[[:foo:]]", 1, "unknown class [:foo:]: known are alnum"),
        ("[[.a.]]", 1, "unknown class"),
        ("[:alpha:]", 0, "write it as in [[:alpha:]]"),
        ("a\\", 1, "cannot end in a backslash"),
        (r"\x{110000}", 0, "no character has the number 0x110000"),
        (r"\x{zz}", 0, "malformed hexadecimal escape"),
        (r"\o9", 0, "malformed octal escape"),
        (r"(a)\1", 3, "back-references cannot be matched in bounded time"),
        (r"(?<n>a)\k<n>", 7, "back-references"),
        ("(?P<n>a)(?P=n)", 8, "back-references"),
        ("(?<n>a)(?<n>b)", 7, "two groups have the name n"),
        ("(?<1>a)", 0, "malformed group name"),
        ("(?>a|b)c", 0, "atomic groups are not supported: use (?:...)"),
        ("(ab)*+", 4, "possessive repetition is supported for single characters only"),
        ("(?R)", 0, "unsupported group"),
        ("(?x)a", 0, "unsupported group"),
        ("(?(1)a)", 0, "conditions are not supported"),
        ("(*UTF8)a", 0, "verbs"),
        ("(?#a", 0, "missing ) after the comment"),
        ("(?<=a*)b", 0, "a lookbehind of unlimited length: use {0,n}"),
        (r"\p{L}", 0, "Unicode properties are not supported"),
        (r"\Q..\E(", 6, "missing )"),
        ("ca{2500}b{2500}", 0, "5001 states with repetitions written out are too many: 5000 at most"),
        ("((((a{50}){50}){50}){50}){50}", 15, "5000 at most"),
        ("(){60000}", 2, "5000 at most"),
        ("(" * 51 + ")" * 51, 50, "nested too deep: 50 levels"),
        ("a" * 5_001, 5_000, "5001 characters are too many: 5000 at most"),
    ],
)
def test_a_refusal_names_the_place_and_what_would_be_right(pattern: str, position: int, reason: str) -> None:
    with pytest.raises(PatternError) as caught:
        compile_pattern(pattern)
    assert reason in str(caught.value)
    assert f"at position {position} of the pattern" in str(caught.value)
    assert caught.value.position == position


def test_a_pattern_error_is_a_value_error_with_the_whole_story_in_its_text() -> None:
    with pytest.raises(ValueError, match="missing") as caught:
        compile_pattern("^(a")
    assert str(caught.value) == (
        "missing ) for the group that opens here: close it, or write \\(, at position 1 of the pattern '^(a'"
    )


def test_a_pattern_knows_its_source() -> None:
    pattern = compile_pattern("^a+")
    assert isinstance(pattern, Pattern)
    assert pattern.source == "^a+"
    assert repr(pattern) == "Pattern('^a+')"


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "^(a+)+$",
        "(a|aa)+$",
        "^(a|aa)+$",
        "^(a|a)*$",
        "(.*)*x",
        ".*.*.*.*.*x",
        "^(.*)*x$",
        "^.*.*.*.*.*x$",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "^(((((a*)*)*)*)*)*$",
        "^(a?){255}a{255}$",
        "^(?:(?=(?:a+)+b)a)+$",
        "^(?:(?!(?:a|aa)+!)a)+$",
        "^(?:.(?<=(?:a|aa){1,100}))+b",
        "^(?:a(?:x?){1600})*w",
    ],
)
def test_what_freezes_a_backtracking_engine_ends_here(pattern: str) -> None:
    assert not found(pattern, "a" * 254 + "!")


@pytest.mark.timeout(10)
def test_a_long_text_is_searched_too() -> None:
    assert found("(a|b|ab)*c$", "ab" * 1000 + "c")
    assert not found("(a|b|ab)*c$", "ab" * 1000)
