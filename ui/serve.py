"""Starting the web app with the project's own look and safe defaults, from wherever it is started."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CONFIGS = (HERE.parent / ".streamlit" / "config.toml", HERE / "assets" / "streamlit.toml")
"""In a checkout, and in an installed wheel, which carries a copy."""
INTERRUPTED = 130
"""What shells call an end by Ctrl-C."""


def streamlit_config(port: int | None) -> dict[str, Any]:
    """Return the server's options by dotted name, the project's file first, then the arguments."""
    path = next((candidate for candidate in CONFIGS if candidate.is_file()), None)
    options = dict(_flat(tomllib.loads(path.read_text(encoding="utf-8")))) if path else {}
    if port is not None:
        options["server.port"] = port
    return options


def _flat(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        name = f"{prefix}{key}"
        found += _flat(value, f"{name}.") if isinstance(value, Mapping) else [(name, value)]
    return found


def serve(port: int | None, data_dir: Path | None) -> None:
    """Serve the app until a signal stops it.

    Raises:
        SagaError: if the database can't be opened; the server itself would only show where in the code.
    """
    if data_dir is not None:
        os.environ["SAGA_DATA_DIR"] = str(data_dir)
    from ui.asgi import app
    from ui.compose import check_database
    from ui.settings import Settings

    check_database(Settings())
    try:
        app.run(config=streamlit_config(port))
    except (
        KeyboardInterrupt
    ):  # all is closed by now; a function that sleeps in a thread would hold us for as long
        os._exit(INTERRUPTED)
