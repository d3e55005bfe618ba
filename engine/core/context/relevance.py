"""How relevant texts are to a query: BM25 (Robertson & Zaragoza 2009), in doubles and without state.

Written out here because a context must come out byte for byte the same on every machine: `bm25s` computes in
32-bit floats, by SciPy, Numba or NumPy, whichever is installed; `rank-bm25` has had no release since 2022.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

K1, B = 1.5, 0.75
READ_CHARS = 20_000
"""How much of a text is looked at: a long output costs no more than this."""
_TERM = re.compile(r"[^\W_]+")


def relevance(query: str, texts: Sequence[str]) -> list[float]:
    """Return the BM25 score of each text for a query; 0 where they share no word.

    Rare words weigh more, long texts less. The scores are rounded, so that no last bit decides an order.
    """
    counted = [_terms(text[:READ_CHARS]) for text in texts]
    lengths = [sum(terms.values()) for terms in counted]
    average = sum(lengths) / len(lengths) if any(lengths) else 1.0
    scores = [0.0] * len(texts)
    for term in sorted(_terms(query[:READ_CHARS])):
        holders = [index for index, terms in enumerate(counted) if term in terms]
        weight = math.log(1 + (len(texts) - len(holders) + 0.5) / (len(holders) + 0.5))
        for index in holders:
            often = counted[index][term]
            scores[index] += weight * often * (K1 + 1) / (often + K1 * (1 - B + B * lengths[index] / average))
    return [round(score, 6) for score in scores]


@lru_cache(maxsize=512)
def _terms(text: str) -> Counter[str]:
    return Counter(_TERM.findall(text.lower()))
