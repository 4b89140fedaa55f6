"""Settings, made once."""

from functools import lru_cache

from pydantic import BaseModel, Field

from .constants import COUNTRIES, CURRENCY, MAX_PAGE_SIZE, PAGE_SIZE, VERSION


class Limits(BaseModel):
    page: int = Field(PAGE_SIZE, ge=1, le=MAX_PAGE_SIZE)
    basket: int = 5


class Settings(BaseModel):
    title: str = "Shop"
    version: str = VERSION
    currency: str = CURRENCY
    countries: tuple[str, ...] = COUNTRIES
    limits: Limits = Field(default_factory=Limits)
    debug: bool = False


@lru_cache
def get_settings() -> Settings:
    return Settings()
