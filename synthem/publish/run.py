"""Publishing a dataset or a mix."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from synthem.errors import SynthemError
from synthem.publish.licences import objections
from synthem.publish.push import push
from synthem.publish.repository import opened, write_repository
from synthem.tiles.fresh import fresh_folder
from synthem.tiles.hub import check_name


@dataclass(frozen=True)
class Published:
    """What `publish` did."""

    to: str
    """Repository, such as `me/tiles`."""
    rows: int
    splits: dict[str, int]
    """Rows of each split."""
    folder: str | None = None
    """Where a dry run wrote the repository."""
    url: str | None = None
    commit: str | None = None
    tag: str | None = None
    sent: tuple[str, ...] = ()
    """Files that were sent; none where the Hub held the same already."""
    notes: tuple[str, ...] = ()
    """Why it must not become public, where there are reasons."""

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def publish(
    folder: str | Path,
    to: str,
    *,
    public: bool = False,
    tag: str | None = None,
    dry_run: str | Path | None = None,
    licence: str = "mit",
    tell: Callable[[str], object] = lambda line: None,
) -> Published:
    """Put a dataset or a mix on the Hugging Face Hub, as Parquet with one split for each value of the column `split`.

    The files are those that `datasets.Dataset.push_to_hub` writes. They are sent as one commit on top of the state
    that was seen, where `push_to_hub` would push again over a commit that somebody else made meanwhile.

    Args:
        folder: a dataset, or a mix, whose windows are published with their pixels.
        to: the repository, such as `me/tiles`; made where it is missing.
        public: let everybody see it. Refused where a licence forbids it or isn't known.
        tag: name of the release, such as `v1`.
        dry_run: a new folder to write the repository into; nothing is sent then.
        licence: of the tiles that synthem drew, by the Hub's identifier.
        tell: called with a line about what happens.

    Raises:
        SynthemError: nothing to publish, a licence in the way, or what `push` raises.
    """
    check_name(to, "--to")
    if tag is not None and (not tag or any(c in tag for c in " ~^:?*[\\@") or tag.startswith(("-", "/", "."))):
        raise SynthemError(f"--tag {tag!r}: is no name of a tag; write v1")
    with opened(folder, to, licence) as facts:
        notes = tuple(objections(facts.origins))
        if public and notes:
            raise SynthemError(f"--public: {notes[0]}; leave out --public, or publish without these pictures")
        done = Published(to, len(facts.dataset), dict(facts.splits), notes=notes)
        if dry_run is not None:
            with fresh_folder(Path(dry_run)) as built:
                write_repository(facts, built)
            return Published(**{**vars(done), "folder": str(dry_run)})
        with tempfile.TemporaryDirectory(prefix="synthem-") as scratch:
            write_repository(facts, Path(scratch))
            pushed = push(Path(scratch), to, public=public, tag=tag, tell=tell)
        return Published(**{**vars(done), "url": pushed.url, "commit": pushed.commit, "tag": tag, "sent": pushed.sent})
