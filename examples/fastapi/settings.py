"""Settings, read from .env and the environment."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_file=Path(__file__).parent / ".env", env_prefix="SHOP_"
    )

    title: str = "Shop"
    currency: str = "EUR"
    page_size: int = 10


settings = Settings()
