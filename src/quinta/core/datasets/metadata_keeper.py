"""Metadata as it is kept: sealed, since a file may hold the password of a database (decision 0011)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from typing import Final

from quinta.core.datasets.metadata import DatasetMetadata
from quinta.core.datasets.model import Dataset
from quinta.core.errors import StateConflict
from quinta.core.ports import Apart, MetadataReader, Secrets, Store
from quinta.core.reasons import Reason
from quinta.core.resealing import seal_rows_again, text_anew

_SMALL_CHARACTERS: Final = 4_096
"""Read on the spot: 50 ms."""
_KNOWN: Final = 64
"""How many of the last ones are kept, by their sealed texts: to read one takes as long as to answer a query."""


class MetadataKeeper:
    """Reads metadata, and seals what ``Dataset.meta`` holds."""

    def __init__(self, reader: MetadataReader, apart: Apart, secrets: Secrets) -> None:
        self._reader = reader
        self._apart = apart
        self._secrets = secrets
        self._known: OrderedDict[str, DatasetMetadata] = OrderedDict()

    async def read(self, text: str) -> DatasetMetadata:
        """What a text says; InvalidInput, field ``meta``. Large ones are read in another process, and so are those with
        a mask: a regular expression, which may take for ever."""
        if len(text) <= _SMALL_CHARACTERS and "mask" not in text:
            return self._reader.read(text)
        return await self._apart.call(self._reader.read, text)

    async def of(self, dataset: Dataset) -> DatasetMetadata:
        """A stored dataset's metadata; StateConflict where the key that sealed it is lost."""
        if (known := self._known.get(dataset.meta)) is not None:
            self._known.move_to_end(dataset.meta)
            return known
        text = self.text(dataset)
        if text is None:
            raise StateConflict(
                f"the metadata of the dataset '{dataset.name}' cannot be opened with the server's keys: its owner sets "
                "it again, or the key is put back",
                field="meta",
                reason=Reason.SECRET_UNREADABLE,
            )
        found = self._known[dataset.meta] = await self.read(text)
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)
        return found

    def text(self, dataset: Dataset) -> str | None:
        """A stored dataset's metadata as its owner wrote it; None where the key that sealed it is lost."""
        return self._secrets.open(dataset.meta, dataset.id)

    async def redacted(self, dataset: Dataset, hidden: Collection[str], dropped: Collection[int]) -> str:
        """A stored dataset's metadata for who does not own it (core.ports.MetadataReader.redacted), which ``of`` has
        opened before."""
        text = self.text(dataset) or ""
        if len(text) <= _SMALL_CHARACTERS:
            return self._reader.redacted(text, hidden, dropped)
        return await self._apart.call(self._reader.redacted, text, hidden, dropped)

    def sealed(self, text: str, dataset_id: str) -> str:
        """What to store of ``text`` as ``Dataset.meta``."""
        return self._secrets.seal(text, dataset_id)


async def seal_datasets_again(store: Store, secrets: Secrets) -> int:
    """Seals with the newest key what was sealed with another; returns how many datasets' metadata do not open."""
    return await seal_rows_again(store, Dataset, lambda dataset: text_anew(secrets, "meta", dataset.meta, dataset.id))
