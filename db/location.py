"""Where things are, unless told otherwise: the data folder, the database, who hears of runs."""

from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL

PREFIX = "SHIFTSCOPE_"
EXAMPLE = "https://example.org/hook"


class Location(BaseSettings):
    """Where things are. Each setting is also an environment variable, SHIFTSCOPE_ and its name."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    data: Path = Field(
        default=Path(platformdirs.user_data_path("shiftscope")),
        description="Folder of the datasets and of the SQLite file.",
    )
    database: str = Field(
        default="",
        description="Database as an SQLAlchemy URL: sqlite:///FILE or "
        "postgresql://USER:PASSWORD@HOST/NAME; by default shiftscope.db in the data folder.",
    )
    webhook: str = Field(
        default="",
        description="Address that findings and ends of runs are posted to, as JSON; by default "
        "none.",
    )
    checkpoint_seconds: float = Field(
        default=30,
        gt=0,
        description="Seconds from one checkpoint of a run to the next, at least; what a run that "
        "is interrupted has to train again.",
    )

    memory: float | None = Field(
        default=None,
        ge=0,
        description="Memory in GB that the networks of a run may take; by default what there is "
        "where it trains; 0 refuses none.",
    )

    @field_validator("webhook")
    @classmethod
    def _can_be_posted_to(cls, webhook: str) -> str:
        expected = f"expected an address such as {EXAMPLE}"
        try:
            parts = urlsplit(webhook)
            port, host = parts.port, parts.hostname
        except ValueError as error:  # "Invalid IPv6 URL", "Port out of range 0-65535"
            raise ValueError(f"{expected}; {error}") from None
        spaced = any(sign.isspace() or not sign.isprintable() for sign in webhook)
        if webhook and (parts.scheme not in ("http", "https") or not host or port == 0 or spaced):
            raise ValueError(expected)
        return webhook

    @property
    def database_url(self) -> str:
        """The database's URL, with the default filled in."""
        if self.database:
            return self.database
        file = self.data_folder / "shiftscope.db"
        return URL.create("sqlite", database=str(file)).render_as_string(hide_password=False)

    @property
    def data_folder(self) -> Path:
        """The data folder as an absolute path."""
        return self.data.expanduser().absolute()
