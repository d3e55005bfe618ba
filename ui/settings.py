"""What can be set: by `SAGA_...` in the environment, or in `[saga]` of `.streamlit/secrets.toml`."""

from __future__ import annotations

import getpass
import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from engine.core.errors import SagaError

SECRETS = Path(".streamlit/secrets.toml")


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "you"


class Settings(BaseSettings):
    """The settings of one process; what the environment says wins over the file."""

    model_config = SettingsConfigDict(env_prefix="SAGA_", extra="forbid")

    data_dir: Path = Field(
        default=Path(".saga"), description="where the database and the practice world live"
    )
    database_url: str = Field(
        default="", description="sqlite:///FILE or postgresql://...; empty means saga.db in the data folder"
    )
    model: str = Field(
        default="local", description="the model of steps that name none: local, scripted, or a LiteLLM name"
    )
    user: str = Field(default_factory=_who, description="who you are, in approvals and in the log")
    groups: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="who is in which group of approvers, as JSON; none: nobody keeps a list",
    )
    sandbox_url: str = Field(default="", description="a practice world that runs elsewhere; empty starts one")
    services: dict[str, str] = Field(
        default_factory=dict, description="base addresses by logical host, as JSON"
    )
    functions: tuple[str, ...] = Field(
        default=(), description="modules that register Python functions, as JSON"
    )
    warm_up: bool = Field(
        default=True, description="load the local model at start rather than at its first use"
    )

    allow_crash: bool = Field(
        default=False, description="whether a disruption may kill this process, to see that nothing is lost"
    )

    @property
    def database(self) -> str:
        """The URL of the database."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'saga.db'}"

    def groups_of(self, person: str) -> tuple[str, ...] | None:
        """Return the groups that a person is in, or None where nobody keeps a list."""
        if not self.groups:
            return None
        return tuple(group for group, members in self.groups.items() if person in members)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then the file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, InitSettingsSource(settings_cls, _from_file())


def read_settings() -> Settings:
    """Return the settings in force.

    Raises:
        SagaError: naming the setting that is wrong and where it can be set.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in wrong["loc"])
        where = f"SAGA_{name.upper()} or [saga] in {SECRETS}"
        raise SagaError(
            f"setting '{name}': {wrong['msg'][:1].lower()}{wrong['msg'][1:]}; see {where}"
        ) from None
    except (SettingsError, tomllib.TOMLDecodeError) as error:
        raise SagaError(f"the settings can't be read: {error}; see SAGA_... and {SECRETS}") from None


def _from_file() -> dict[str, Any]:
    if not SECRETS.is_file():
        return {}
    table = tomllib.loads(SECRETS.read_text(encoding="utf-8")).get("saga", {})
    return dict(table) if isinstance(table, dict) else {}
