"""Counting tokens as the model itself does, where that is known: the adapter of the core's `TokenCounter`.

Known are the models that `tiktoken` names, with the vocabularies that LiteLLM carries, so without a network.
All others are counted by the core's estimate, the local model too: its vocabulary is inside its own process,
and no turn of the engine may wait for that. Loading takes seconds, so it happens in a thread, and the estimate
stands in meanwhile; each context says how it was counted.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict

import tiktoken

from engine.core.context.tokens import ESTIMATE_NAME, estimated
from engine.llm import load_vocabularies

log = logging.getLogger(__name__)
CARRIED = frozenset({"cl100k_base", "o200k_base", "o200k_harmony", "p50k_base"})
"""The vocabularies that LiteLLM carries; for any other `tiktoken` would go to the network."""
REMEMBERED = 4096
COUNTED_CHARS = 200_000
"""What is counted of a text; of a longer one the count is extrapolated, so that no turn takes seconds."""
CHUNK_CHARS = 10_000
"""How much is encoded at once: long runs of one sign overflow the tokenizer's stack."""


class ModelTokens:
    """The counts of the latest texts are remembered by their hash: outputs are counted for every later prompt."""

    def __init__(self, default_model: str = "local") -> None:
        self._default = default_model
        self._loaded: dict[str, tiktoken.Encoding] = {}
        self._counts: OrderedDict[bytes, int] = OrderedDict()
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Thread] = {}

    def tokenizer(self, model: str) -> str:
        """Return the name of the model's own tokenizer if that is loaded, else the estimate's; starts to load it."""
        name = vocabulary_of(model or self._default)
        if name is None:
            return ESTIMATE_NAME
        if name not in self._loaded:
            self.load(name)
            return ESTIMATE_NAME
        return name

    def count(self, text: str, tokenizer: str) -> int:
        """Return the number of tokens. Waits for a tokenizer that is not loaded, which no turn ever asks for.

        Raises:
            ValueError: if there is no tokenizer of that name.
        """
        if tokenizer == ESTIMATE_NAME:
            return estimated(text)
        if tokenizer not in self._loaded and tokenizer in CARRIED:
            self.load(tokenizer).join()
        if tokenizer not in self._loaded:
            raise ValueError(
                f"the tokenizer '{tokenizer}' can't be loaded here; the context can't be counted"
            )
        key = hashlib.blake2b(text.encode(errors="surrogatepass"), key=tokenizer.encode()[:64]).digest()
        with self._lock:
            known = self._counts.get(key)
            if known is not None:
                self._counts.move_to_end(key)
                return known
        return self._keep(key, _length(self._loaded[tokenizer], text))

    def load(self, name: str) -> threading.Thread:
        """Load a tokenizer in the background, once; the thread is returned to be joined. Never raises."""
        with self._lock:
            if name not in self._loading:
                self._loading[name] = threading.Thread(
                    target=self._load, args=(name,), name=f"tokenizer {name}", daemon=True
                )
                self._loading[name].start()
            return self._loading[name]

    def _load(self, name: str) -> None:
        try:
            load_vocabularies()
            self._loaded[name] = tiktoken.get_encoding(name)
        except Exception as error:  # noqa: BLE001 - whatever is missing, the estimate goes on
            log.warning("tokens are estimated: the tokenizer '%s' does not load: %s", name, error)

    def _keep(self, key: bytes, count: int) -> int:
        with self._lock:
            self._counts[key] = count
            if len(self._counts) > REMEMBERED:
                self._counts.popitem(last=False)
        return count


def vocabulary_of(model: str) -> str | None:
    """Return the vocabulary of a model by its LiteLLM name, or None where it has none that is known."""
    try:
        name = tiktoken.encoding_name_for_model(model.rsplit("/", 1)[-1])
    except KeyError:
        return None
    return name if name in CARRIED and not model.startswith("scripted/") else None


def _length(encoding: tiktoken.Encoding, text: str) -> int:
    counted = text[:COUNTED_CHARS]
    chunks = (counted[at : at + CHUNK_CHARS] for at in range(0, len(counted), CHUNK_CHARS))
    tokens = sum(len(encoding.encode(chunk, disallowed_special=())) for chunk in chunks)
    return tokens if len(text) <= COUNTED_CHARS else -(-tokens * len(text) // COUNTED_CHARS)
