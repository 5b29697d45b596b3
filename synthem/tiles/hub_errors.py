"""What goes wrong between here and the Hugging Face Hub, as one line each."""

from __future__ import annotations

import json
import logging as levels
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from synthem.errors import SynthemError


@contextmanager
def speaking_of(what: str) -> Iterator[None]:
    """Turn what the Hub's client raises into one line about `what`, and keep the client quiet meanwhile.

    Its log would show addresses that hold signatures of single requests; its bars belong on a terminal.
    """
    from huggingface_hub.utils import logging
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    before = logging.get_verbosity()
    logging.set_verbosity(levels.ERROR)
    hidden = not sys.stderr.isatty() and not are_progress_bars_disabled()
    try:
        if hidden:
            disable_progress_bars()
        yield
    except SynthemError:
        raise
    except Exception as error:
        verdict = judge(error)
        if verdict is None:
            raise
        raise SynthemError(f"{what}: {verdict.line}") from None
    finally:
        logging.set_verbosity(before)
        if hidden:
            enable_progress_bars()


class Verdict(NamedTuple):
    """What an error of the Hub's client means."""

    line: str
    """What went wrong and what to do."""
    passing: bool
    """Whether the same request may well succeed in a moment."""


def judge(error: BaseException) -> Verdict | None:
    """What an error, or what led to it, means; None for one that isn't the Hub's."""
    from huggingface_hub.errors import OfflineModeIsEnabled, RepositoryNotFoundError, RevisionNotFoundError

    for one in _causes(error):
        if "xet-write-token" in str(one) or "xet-read-token" in str(one):
            return Verdict("this Hub has no Xet storage; set HF_HUB_DISABLE_XET=1 and run the command again", False)
        if isinstance(one, OfflineModeIsEnabled):
            return Verdict("HF_HUB_OFFLINE is set, so the Hub isn't asked; unset it", False)
        if isinstance(one, RepositoryNotFoundError):
            return Verdict("no such dataset on the Hub, or the token may not see it; check the name", False)
        if isinstance(one, RevisionNotFoundError):
            return Verdict("the dataset has no such tag or branch; check it, or leave out @", False)
        status = status_of(one)
        if status:
            line = _ANSWERS.get(status) or f"the Hub answered {status}{_said(one)}; try again later"
            return Verdict(line, status == 429 or status >= 500)
        if _is_transport(one):
            line = f"the Hub can't be reached ({type(one).__name__}); check the network and run the command again"
            return Verdict(line, type(one).__name__ != "ConnectError")
        if isinstance(one, json.JSONDecodeError):
            return Verdict("what answers isn't the Hub; check HF_ENDPOINT and the network", True)
    return None


_ANSWERS = {
    401: "the Hub refused the token; log in with `hf auth login`, or set HF_TOKEN",
    403: "the token may not do this; take one with the right to write, or name a dataset of your own",
    409: "somebody else changes it at this moment; run the command again",
    412: "somebody else pushed meanwhile, and nothing of theirs was touched; look at it, then run the command again",
    429: "the Hub asks for fewer requests; wait a few minutes and run the command again",
}


def status_of(error: BaseException) -> int:
    """The HTTP status of an answer of the Hub; 0 where there was none."""
    from huggingface_hub.errors import HfHubHTTPError

    if not isinstance(error, HfHubHTTPError) or error.response is None:
        return 0
    return int(error.response.status_code)


def _said(error: BaseException) -> str:
    said = getattr(error, "server_message", None)
    return f" ({' '.join(str(said).split())})" if said else ""


def _is_transport(error: BaseException) -> bool:
    """Whether the connection failed, whichever HTTP library the client was built on."""
    from huggingface_hub import errors

    library: type[BaseException] = vars(errors)["HTTPError"]
    return isinstance(error, library | ConnectionError) and not status_of(error)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what led to it."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__
