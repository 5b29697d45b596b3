"""Sending a repository: one commit on top of what was seen, then the tag. Whatever fails, nothing is half released."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from synthem.errors import SynthemError
from synthem.publish.card import keeping, written
from synthem.tiles.hub import ABOUT, DATA
from synthem.tiles.hub_errors import judge, speaking_of, status_of

if TYPE_CHECKING:
    from huggingface_hub import HfApi

T = TypeVar("T")
PAUSES = (1, 2, 4)
"""Seconds before a request that failed for no lasting reason is made again."""
_OURS = re.compile(rf"{DATA}/[\w.]+-\d{{5}}-of-\d{{5}}\.parquet")
"""Files that an earlier push wrote, and this one may take away."""


@dataclass(frozen=True)
class Pushed:
    """What a push did."""

    commit: str
    sent: tuple[str, ...]
    """Files that were new or other than those on the Hub; none where it held the same already."""
    url: str


@dataclass(frozen=True)
class _State:
    """What the Hub holds: its newest commit, and for each file its digest (SHA-256 of large ones, git's of others)."""

    commit: str
    files: dict[str, str]
    large: frozenset[str]


def push(folder: Path, repo: str, *, public: bool, tag: str | None, tell: Callable[[str], object]) -> Pushed:
    """Make the repository where it is missing, bring it to what the folder holds, and tag it.

    Large files that an interrupted push left behind on the Hub aren't sent again: they are known by their content.

    Raises:
        SynthemError: no token or a wrong one, a name that belongs to somebody else or to something else, another
            visibility than was asked for, a tag that is taken, somebody else's push meanwhile, no network.
    """
    with speaking_of(repo):
        from huggingface_hub import HfApi, get_token

        if get_token() is None:
            raise SynthemError(f"{repo}: no token for the Hub; log in with `hf auth login`, or set HF_TOKEN")
        api = HfApi(library_name="synthem")
        patiently(api.whoami)
        patiently(lambda: _claim(api, repo, public))
        before = patiently(lambda: _look(api, repo))
        if set(before.files) - {".gitattributes"} and ABOUT not in before.files:
            raise SynthemError(f"{repo}: is taken by a dataset that synthem didn't publish; name another")
        _keep_edits(api, repo, folder, before, tell)
        additions = _changed(folder, before)
        released = _tags(api, repo)
        if tag in released and (additions or released[tag] != before.commit):
            raise SynthemError(f"{repo}: tag {tag} is there already, of other data; name another tag")
        if additions:
            tell(f"{repo}: {len(additions)} files to send, {_megabytes(folder, additions):.1f} MB")
        commit = patiently(lambda: _commit(api, repo, folder, before))
        if tag is not None:
            patiently(lambda: _tag(api, repo, tag, commit))
        return Pushed(commit, tuple(additions), f"{api.endpoint}/datasets/{repo}")


def patiently(request: Callable[[], T]) -> T:
    """The result of a request, made again after a pause where it failed for no lasting reason."""
    for pause in PAUSES:
        try:
            return request()
        except Exception as error:
            verdict = judge(error)
            if verdict is None or not verdict.passing:
                raise
        time.sleep(pause)
    return request()


def _claim(api: HfApi, repo: str, public: bool) -> None:
    """Make the repository, or see that it is as public as was asked for."""
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    try:
        info = api.repo_info(repo, repo_type="dataset")
    except RepositoryNotFoundError:
        try:
            api.create_repo(repo, repo_type="dataset", private=not public)
        except HfHubHTTPError as error:
            if status_of(error) == 409:
                raise SynthemError(f"{repo}: is taken, and the token may not see it; name another") from None
            raise
        return
    if public and info.private:
        raise SynthemError(
            f"{repo}: is private, and its history with it; make it public on its settings page, or leave out --public"
        )
    if not public and not info.private:
        raise SynthemError(f"{repo}: is public already; say --public to publish there, or name another")


def _look(api: HfApi, repo: str) -> _State:
    from huggingface_hub.hf_api import RepoFile

    commit = str(api.repo_info(repo, repo_type="dataset").sha)
    tree = api.list_repo_tree(repo, repo_type="dataset", revision=commit, recursive=True)
    files = [file for file in tree if isinstance(file, RepoFile)]
    digests = {file.path: file.lfs.sha256 if file.lfs else file.blob_id for file in files}
    return _State(commit, digests, frozenset(file.path for file in files if file.lfs))


def _changed(folder: Path, state: _State) -> list[str]:
    """Files of the folder that the Hub lacks, or holds otherwise."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return [name for name in names if _digest(folder / name, name in state.large) != state.files.get(name)]


def _digest(path: Path, large: bool) -> str:
    if large:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _commit(api: HfApi, repo: str, folder: Path, before: _State) -> str:
    """The commit that holds what the folder holds: the newest, or a new one on top of `before`.

    A commit whose answer got lost is found here when the request is made again.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    state = _look(api, repo)
    additions = _changed(folder, state)
    stale = [name for name in state.files if _OURS.fullmatch(name) and not (folder / name).is_file()]
    if not additions and not stale:
        return state.commit
    operations: list[Any] = [CommitOperationAdd(name, str(folder / name)) for name in additions]
    operations += [CommitOperationDelete(name) for name in stale]
    made = api.create_commit(
        repo,
        operations,
        commit_message="Publish with synthem",
        repo_type="dataset",
        parent_commit=before.commit,
    )
    return str(made.oid)


def _tags(api: HfApi, repo: str) -> dict[str, str]:
    refs = patiently(lambda: api.list_repo_refs(repo, repo_type="dataset"))
    return {tag.name: tag.target_commit for tag in refs.tags}


def _tag(api: HfApi, repo: str, tag: str, commit: str) -> None:
    held = _tags(api, repo).get(tag)
    if held is None:
        api.create_tag(repo, tag=tag, revision=commit, repo_type="dataset")
    elif held != commit:
        raise SynthemError(f"{repo}: somebody else set tag {tag} meanwhile, on other data; name another tag")


def _keep_edits(api: HfApi, repo: str, folder: Path, state: _State, tell: Callable[[str], object]) -> None:
    """Leave in the card what others have changed there."""

    def held(name: str) -> Path:
        return Path(patiently(lambda: api.hf_hub_download(repo, name, repo_type="dataset", revision=state.commit)))

    if "README.md" not in state.files:
        return
    places = held("README.md"), held(ABOUT)
    card = folder / "README.md"
    try:
        theirs, before = places[0].read_text(), json.loads(places[1].read_text()).get("card")
        card.write_text(keeping(card.read_text(), theirs, before))
        changed = before is not None and written(theirs)["page"] != before["page"]
    except (ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError):
        raise SynthemError(
            f"{repo}: its README.md or {ABOUT} was changed there and can't be read; mend it there, or name another"
        ) from None
    if changed:
        tell(f"{repo}: its README.md was changed there; that page is kept, so look whether it still holds")


def _megabytes(folder: Path, names: list[str]) -> float:
    return sum((folder / name).stat().st_size for name in names) / 1e6
