"""A small trip on the practice world, for what repairs do: two nights depend on each other, the train on neither."""

from __future__ import annotations

BOOKING = """
  {name}:
    kind: http
    title: {title}
    {needs}
    effect: compensatable
    with: {{method: POST, url: "${{world}}/{path}", json: {body}, refused_on: [503]}}
    output: {{type: object, required: [confirmation, cost_usd]}}
    writes: {{spent_usd: "round(app.spent_usd + output.cost_usd, 2)"}}
    retry: {{max_attempts: 1}}
    timeout_s: 8
    settle_s: 1
    probe: {{with: {{url: "${{world}}/{path}", params: {{key: "${{key}}"}}}}}}
    compensate:
      kind: http
      with: {{method: DELETE, url: "${{world}}/{path}", params: {{key: "${{key}}"}}, refused_on: [503]}}
      writes: {{spent_usd: "round(app.spent_usd - undo.refund_usd, 2)"}}
      cost_usd: "5"
      timeout_s: 8
"""
STEPS = (
    ("flight", "Flight", "", "flights/bookings",
     "{from: SFO, to: BER, date: '2027-06-07', passenger: Robin}"),
    ("hotel", "Hotel", "needs: flight", "hotels/bookings",
     "{city: Berlin, check_in: '2027-06-08', nights: 2, stars: 4, guest: Robin}"),
    ("train", "Train", "needs: flight", "trains/bookings",
     "{from: Berlin, to: Cologne, date: '2027-06-10', passenger: Robin}"),
    ("dinner", "Night in Cologne", "needs: hotel", "hotels/bookings",
     "{city: Cologne, check_in: '2027-06-10', nights: 1, stars: 3, guest: Robin}"),
)  # fmt: skip


def trip(recovery: str, more: str = "") -> str:
    """Return a trip: a flight, then hotel and a night in Cologne behind it, beside them a train; at the end a question."""
    steps = "".join(
        BOOKING.format(name=name, title=title, needs=needs, path=path, body=body)
        for name, title, needs, path, body in STEPS
    )
    asked = (
        "  sure: {kind: approval, title: Shall it be, needs: [dinner, train], with: {question: All well?}}\n"
    )
    return (
        f"saga: repair-trip\ntitle: A trip that is repaired\nrecovery: {recovery}\n{more}"
        f"app: {{spent_usd: 0}}\nsteps:{steps}{asked}output: {{spent_usd: '${{app.spent_usd}}'}}\n"
    )
