"""What all schemas have."""

from pydantic import BaseModel, ConfigDict


class Schema(BaseModel):
    model_config = ConfigDict(from_attributes=True, extra="forbid")


class Stamped(Schema):
    version: int = 1

    def bumped(self) -> "Stamped":
        return self.model_copy(update={"version": self.version + 1})
