"""Where things are, unless told otherwise: the data folder, the database, who hears of runs."""

from pathlib import Path

import platformdirs
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL

PREFIX = "SHIFTSCOPE_"


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
        pattern=r"^(https?://\S+)?$",
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
