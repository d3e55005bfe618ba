"""What the world sells and for how much. Every number follows from the request by a hash, never from chance."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone

from engine.sandbox.answers import Body, invalid

AIRPORTS: dict[str, tuple[str, int]] = {
    "SFO": ("us", -7), "LAX": ("us", -7), "SEA": ("us", -7), "DEN": ("us", -6), "ORD": ("us", -5),
    "JFK": ("us", -4), "EWR": ("us", -4), "BOS": ("us", -4), "BER": ("eu", 2), "CGN": ("eu", 2),
    "FRA": ("eu", 2), "MUC": ("eu", 2), "HAM": ("eu", 2), "DUS": ("eu", 2), "CDG": ("eu", 2),
    "AMS": ("eu", 2), "VIE": ("eu", 2), "ZRH": ("eu", 2), "MAD": ("eu", 2), "LHR": ("eu", 1),
}  # fmt: skip
"""Airports by code: their region, and their hours from UTC in June."""

FARES_USD: dict[frozenset[str], tuple[int, int]] = {
    frozenset({"SFO", "BER"}): (650, 900),
    frozenset({"CGN", "SFO"}): (680, 760),
}
SHORT_HAUL = {"us": ((150, 400), (120, 330)), "eu": ((80, 220), (70, 170))}
LONG_HAUL = ((650, 900), (630, 800))
"""Fares in USD and flying time in minutes."""

CARRIERS = ("Lufthansa", "United", "Condor", "KLM", "Swiss")
HOTELS = ("Adler", "Spree", "Lindenhof", "Park Plaza", "Uno", "Zentral", "Bellevue", "Anker")
NIGHT_USD = {1: (45, 70), 2: (70, 110), 3: (110, 145), 4: (145, 190), 5: (260, 420)}
USUAL_STARS = (3, 4)
TRAIN_USD = (45, 75)
SUMMER_TIME = 2


def draw(low: float, high: float, *parts: object) -> float:
    """Return a number from `low` to `high`, always the same for the same parts."""
    digest = hashlib.sha256("|".join(str(part).strip().casefold() for part in parts).encode()).digest()
    return low + (high - low) * int.from_bytes(digest[:6]) / (2**48 - 1)


def _offer_id(*parts: object) -> str:
    return f"OF-{int(draw(0, 16**8 - 1, 'offer', *parts)):08X}"


def _journey(day: str, minutes: float, from_utc_h: int, to_utc_h: int, *parts: object) -> Body:
    start = datetime.fromisoformat(day).replace(tzinfo=timezone(timedelta(hours=from_utc_h)))
    departs = start + timedelta(minutes=5 * int(draw(6 * 12, 18 * 12, "departs", *parts)))
    arrives = (departs + timedelta(minutes=5 * (minutes // 5))).astimezone(
        timezone(timedelta(hours=to_utc_h))
    )
    return {
        "departs": departs.isoformat(timespec="minutes"),
        "arrives": arrives.isoformat(timespec="minutes"),
    }


def flight_offers(request: Body) -> list[Body]:
    """Return the three flights of that day, the cheapest first."""
    origin, target = (str(request[name]).strip().upper() for name in ("from", "to"))
    day = request["date"]
    (from_region, from_utc_h), (to_region, to_utc_h) = (AIRPORTS.get(c, (c, 0)) for c in (origin, target))
    is_short = from_region == to_region and from_region in SHORT_HAUL
    usual_fare, minutes = SHORT_HAUL[from_region] if is_short else LONG_HAUL
    fare = FARES_USD.get(frozenset({origin, target}), usual_fare)
    found = []
    for nth in range(3):
        parts = ("flight", origin, target, day, nth)
        carrier = CARRIERS[int(draw(0, len(CARRIERS) - 0.01, "carrier", *parts))]
        journey = _journey(day, draw(*minutes, "minutes", *parts), from_utc_h, to_utc_h, *parts)
        price_usd = round(draw(*fare, *parts), 2)
        found.append({"id": _offer_id(*parts), "price_usd": price_usd, "carrier": carrier, **journey})
    return sorted(found, key=lambda offer: offer["price_usd"])


def train_offers(request: Body) -> list[Body]:
    """Return the three trains of that day, the cheapest first."""
    found = []
    for nth in range(3):
        parts = ("train", request["from"], request["to"], request["date"], nth)
        minutes = draw(150, 300, "minutes", *parts)
        journey = _journey(request["date"], minutes, SUMMER_TIME, SUMMER_TIME, *parts)
        found.append({"id": _offer_id(*parts), "price_usd": round(draw(*TRAIN_USD, *parts), 2), **journey})
    return sorted(found, key=lambda offer: offer["price_usd"])


def _rooms(request: Body, stars: int) -> list[Body]:
    found = []
    for nth in range(2):
        parts = ("hotel", request["city"], request["check_in"], stars, nth)
        night_usd = round(draw(*NIGHT_USD[stars], *parts), 2)
        name = HOTELS[int(draw(0, len(HOTELS) - 0.01, "name", *parts))]
        found.append(
            {
                "id": _offer_id(*parts, request["nights"]),
                "name": f"Hotel {name} {str(request['city']).strip()}",
                "stars": stars,
                "night_usd": night_usd,
                "price_usd": round(night_usd * int(request["nights"]), 2),
            }
        )
    return found


def hotel_offers(request: Body) -> list[Body]:
    """Return the rooms with as many stars as asked for (3 and 4 when not asked), the cheapest first."""
    wanted = [request["stars"]] if "stars" in request else USUAL_STARS
    return sorted((room for n in wanted for room in _rooms(request, n)), key=lambda room: room["price_usd"])


def choose(offers: list[Body], request: Body) -> Body:
    """Return the offer that the request names in `offer`, or the cheapest one when it names none.

    Raises:
        RefusedError: 400 when it names an offer that does not exist for this request.
    """
    if request.get("offer") is None:
        return offers[0]
    for offer in offers:
        if offer["id"] == request["offer"]:
            return offer
    raise invalid(
        "offer", f"there is no offer {request['offer']!r} for this request; ask for the offers again"
    )
