"""Counting tokens: the model's own vocabulary where it is known, the estimate elsewhere and until it is loaded."""

from __future__ import annotations

import threading

import pytest

from engine import tokens
from engine.core.context.tokens import estimated
from engine.tokens import ModelTokens, vocabulary_of

TEXT = "The cold chain stays below 8 degrees; the total stays below 4200 USD."


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("openai/gpt-5", "o200k_base"), ("azure/gpt-4o", "o200k_base"), ("gpt-4", "cl100k_base"),
        ("openrouter/openai/o3", "o200k_base"), ("anthropic/claude-sonnet-4-5", None), ("local", None),
        ("scripted", None), ("scripted/gpt-4", None), ("ollama/llama3", None), ("openai/gpt2", None), ("", None),
    ],
)  # fmt: skip
def test_only_vocabularies_that_are_on_this_disk_are_named(model, name):
    assert vocabulary_of(model) == name


def test_the_local_model_and_unknown_ones_are_estimated_and_nothing_is_loaded(monkeypatch):
    monkeypatch.setattr(tokens, "load_vocabularies", lambda: pytest.fail("nothing to load"))
    for default in ("local", "anthropic/claude-sonnet-4-5"):
        counter = ModelTokens(default)
        assert counter.tokenizer("") == "estimate"
        assert counter.count(TEXT, "estimate") == estimated(TEXT)


def test_the_estimate_stands_in_until_the_vocabulary_is_loaded(monkeypatch):
    go = threading.Event()
    monkeypatch.setattr(tokens, "load_vocabularies", lambda: go.wait(10))
    monkeypatch.setattr(tokens.tiktoken, "get_encoding", lambda name: Words())
    counter = ModelTokens("openai/gpt-5")
    assert [counter.tokenizer(""), counter.tokenizer("local")] == ["estimate", "estimate"]
    go.set()
    counter.load("o200k_base").join()
    assert [counter.tokenizer(""), counter.tokenizer("local")] == ["o200k_base", "estimate"]
    assert counter.count("one two three", "o200k_base") == 3


def test_one_that_does_not_load_leaves_the_estimate(monkeypatch, caplog):
    def broken():
        raise OSError("no such file")

    monkeypatch.setattr(tokens, "load_vocabularies", broken)
    counter = ModelTokens("openai/gpt-5")
    counter.load("o200k_base").join()
    assert counter.tokenizer("") == "estimate"
    assert "no such file" in caplog.text
    with pytest.raises(ValueError, match="'o200k_base' can't be loaded here"):
        counter.count(TEXT, "o200k_base")
    with pytest.raises(ValueError, match="'of_tomorrow' can't be loaded here"):
        counter.count(TEXT, "of_tomorrow")


class Words:
    """A vocabulary whose tokens are words; it says how often it was asked."""

    def __init__(self):
        self.asked = 0

    def encode(self, text, disallowed_special):
        self.asked += 1
        return text.split()


def test_a_text_is_counted_once_and_a_huge_one_in_part(monkeypatch):
    words = Words()
    monkeypatch.setattr(tokens, "REMEMBERED", 2)
    counter = ModelTokens()
    counter._loaded["o200k_base"] = words
    for text in ("a b", "a b", "c", "a b", "d", "a b"):
        assert counter.count(text, "o200k_base") == len(text.split())
    assert words.asked == 3
    assert counter.count("c", "o200k_base") == 1
    assert words.asked == 4
    huge = "ab " * 400_000
    assert counter.count(huge, "o200k_base") == pytest.approx(400_000, rel=0.01)
    assert words.asked == 4 + tokens.COUNTED_CHARS // tokens.CHUNK_CHARS


def test_the_real_vocabularies_need_no_network():
    counter = ModelTokens("openai/gpt-5")
    assert counter.tokenizer("") == "estimate"
    for name in tokens.CARRIED:
        assert 0 < counter.count(TEXT, name) < estimated(TEXT)
    assert counter.tokenizer("") == "o200k_base"
    for odd in ("<|endoftext|>", " " * 100_000, "x y" * 60_000, "é\ud800"):
        assert counter.count(odd, "o200k_base") > 0
